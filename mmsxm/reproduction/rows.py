"""The rows of the paper's tables, and the runs behind them: configs and the paper's numbers.

A number belongs to a table and a row: some rows are in two tables with different numbers, and two
of the means in Table 2 are not the means of their classes (see docs/paper.md). One trained network
serves all rows with its config.
"""

from pathlib import Path
from typing import NamedTuple

__all__ = ['BUDGETS', 'EVIDENCE', 'SXMNET', 'TABLES', 'Row', 'Run', 'rows_of']


# epochs of a network without Stage I: those of both stages, or those of Stage II alone
BUDGETS = ('full', 'short')


class Row(NamedTuple):
    """A row of a table.

    ``configs`` (paths under ``configs/``) and ``paper`` (mAP in percent, None for our own rows) are
    by dataset. A label does not name the backbone, because a suite may replace it. ``budgets`` are
    those of a network without Stage I. A network with Stage I has only the full one.
    """

    key: str
    label: str
    configs: dict[str, str]
    paper: dict[str, float | None]
    budgets: tuple[str, ...] = BUDGETS


class Run(NamedTuple):
    """One network to train: a config under ``configs/``, a seed, a budget and a fold.

    The budget of both stages of SXMNet is ``short``, which is their own schedule. ``fold`` is the
    fold that the network is tested on, None in a suite without folds.
    """

    config: str
    seed: int
    budget: str = 'short'
    fold: int | None = None

    @property
    def name(self) -> str:
        """Return the name of its folder."""
        budget = '' if self.budget == 'short' else f'_{self.budget}'
        fold = '' if self.fold is None else f'-fold{self.fold}'
        return f'{Path(self.config).stem}{budget}/seed{self.seed}{fold}'


def _row(
    key: str,
    label: str,
    config: str | dict[str, str],
    sixray: float | None = None,
    opixray: float | None = None,
    both: bool = False,
) -> Row:
    """Return a row of SIXray or of ``both`` datasets; ``{}`` in the config is the dataset."""
    families = ('sixray', 'opixray') if both else ('sixray',)
    if isinstance(config, str):
        config = {family: config.format(family) for family in families}
    paper = {'sixray': sixray, 'opixray': opixray}
    return Row(key, label, config, {family: paper[family] for family in families})


def _full(key: str, label: str, config: str) -> Row:
    """Return a row of SIXray that has only the full budget, with or without Stage I."""
    return _row(key, label, config)._replace(budgets=('full',))


# The paper's own network learns from CHR's labels, on OPIXray from a CHR trained on SIXray.
SXMNET = {
    'sixray': 'ablations/sxmnet_mf-n_sixray_stage2.py',
    'opixray': 'ablations/sxmnet_mf-n-transfer_opixray_stage2.py',
}
ON_SIXRAY = SXMNET['sixray']
EVIDENCE = 'evidence_{}.py'
RESNET50, FPN = 'baselines/resnet50_{}.py', 'baselines/resnet50_fpn_{}.py'
CHR = 'baselines/chr_{}.py'

TABLES: dict[str, tuple[Row, ...]] = {
    '2': (
        _row('resnet50', 'plain network', RESNET50, 93.36, 86.35, both=True),
        _row('fpn', 'FPN', FPN, 93.86, 86.58, both=True),
        _row('chr', 'CHR', CHR, 93.96, 87.73, both=True),
        _row('sxmnet', 'SXMNet', SXMNET, 96.78, 90.83, both=True),
    ),
    '3': (
        _row('resnet50', 'plain network', RESNET50, 93.36),
        _row('fpn', 'FPN', FPN, 93.86),
        _row('fpn_attention', 'FPN, attention', 'ablations/sxmnet_average_{}_stage2.py', 95.91),
        _row('fpn_meta', 'FPN, Meta Fusion', 'ablations/resnet50_fpn_mf-n_{}.py', 94.26),
        _row('sxmnet', 'FPN, attention, Meta Fusion', ON_SIXRAY, 96.78),
    ),
    '4': (
        _row(
            'gated', 'gated fusion', 'ablations/sxmnet_gated_{}_stage2.py', 96.15, 90.67, both=True
        ),
        _row('mf_i', 'MF-I', 'sxmnet_{}_stage2.py', 96.33, 90.36, both=True),
        _row('mf_n', 'MF-N', SXMNET, 96.78, 90.83, both=True),
    ),
    '5': (
        _row('self', 'self attention', 'ablations/sxmnet_self-attention_{}_stage2.py', 94.11),
        _row('ours', 'Stage I, then Stage II', ON_SIXRAY, 96.78),
    ),
    '6': (
        _row('28', '28 x 28', 'ablations/sxmnet_28_{}_stage2.py', 96.12),
        _row('56', '56 x 56', ON_SIXRAY, 96.78),
        _row('112', '112 x 112', 'ablations/sxmnet_112_{}_stage2.py', 95.47),
    ),
    '7': (
        _row('no_image', 'without the raw image', 'ablations/sxmnet_no-image_{}_stage2.py', 95.72),
        _row('image', 'with the raw image', ON_SIXRAY, 96.78),
    ),
    '8': (
        _row('fpn', 'FPN', FPN, 93.86, 86.58, both=True),
        _row('fpn_mf_i', 'FPN, MF-I', 'ablations/resnet50_fpn_mf-i_{}.py', 94.65, 87.33, both=True),
        _row('fpn_mf_n', 'FPN, MF-N', 'ablations/resnet50_fpn_mf-n_{}.py', 94.24, 87.64, both=True),
        _row('chr', 'CHR', CHR, 93.96, 87.33, both=True),
        _row('chr_mf_i', 'CHR, MF-I', 'ablations/chr_mf-i_{}.py', 93.87, 88.29, both=True),
        _row('chr_mf_n', 'CHR, MF-N', 'ablations/chr_mf-n_{}.py', 93.77, 87.84, both=True),
    ),
    # Ours: how the attention changes in Stage II, as published and with several fixes.
    'attention': (
        _row('product', 'product, as published', 'ablations/sxmnet_product_{}_stage2.py'),
        _row('slow', 'product, slow attention', 'ablations/sxmnet_product-slow_{}_stage2.py'),
        _row('taught', 'product, taught attention', 'ablations/sxmnet_product-taught_{}_stage2.py'),
        _row(
            'fast',
            'divided by its mean',
            'ablations/sxmnet_fast-attention_{}_stage2.py',
        ),
        _row('default', 'divided by its mean, slow attention (default)', ON_SIXRAY),
    ),
    # Ours: where an Upsample Module concatenates the image. The paper and its code differ.
    'concat': (
        _row(
            'before',
            'before upsampling (the paper)',
            'ablations/sxmnet_concat-before_{}_stage2.py',
        ),
        _row('after', 'after upsampling (the code, default)', ON_SIXRAY),
    ),
    # Ours: the benefit of boxes on real bags. All rows have the same optimizer steps and images.
    'boxes': (
        _full('fpn', 'FPN', FPN),
        _full(
            'sxmnet_published',
            'SXMNet, Stage II as published',
            'ablations/sxmnet_product-mf-i_{}_stage2.py',
        ),
        _full('sxmnet', 'SXMNet', 'sxmnet_{}_stage2.py'),
        _full('fpn_relu', 'FPN with ReLU', 'baselines/resnet50_fpn_relu_{}.py'),
        _full('fpn_item-crops', 'FPN, item crops', 'baselines/resnet50_fpn_item-crops_{}.py'),
        _full(
            'sxmnet_item-crops',
            'SXMNet, item crops',
            'ablations/sxmnet_item-crops_{}_stage2.py',
        ),
        _full('evidence', 'class evidence', EVIDENCE),
        _full(
            'evidence_item-crops',
            'class evidence, item crops',
            'ablations/evidence_item-crops_{}.py',
        ),
        _full(
            'evidence_map4',
            'class evidence, map loss x 4',
            'ablations/evidence_map4_{}.py',
        ),
        _full(
            'evidence_global',
            'class evidence and global average',
            'ablations/evidence_global_{}.py',
        ),
        _full('class-attention', 'class-wise attention', 'ablations/class-attention_{}.py'),
    ),
}


def rows_of(table: str, family: str) -> list[Row]:
    """Return the rows of a table that a family of datasets has."""
    return [row for row in TABLES[table] if family in row.configs]
