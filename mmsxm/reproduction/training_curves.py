"""Training curves by epoch: Fig. 6 of the paper, and the curves of any run."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmsxm.conventions import CROPPED, RESIZED
from mmsxm.io.files import write_csv
from mmsxm.reproduction.finished_runs import finished_runs
from mmsxm.reproduction.record_store import find_record
from mmsxm.reproduction.reproduction import Reproduction, Run
from mmsxm.reproduction.run_record import read_epochs
from mmsxm.visualization.curves import Curve, CurvePanel, plot_curves

__all__ = ['draw_attention_losses', 'draw_curves']

HEADS = {  # with 0, 1 and 2 upsample modules
    'A': 'ablations/sxmnet_28_sixray_stage1.py',
    'B': 'sxmnet_sixray_stage1.py',
    'C': 'ablations/sxmnet_112_sixray_stage1.py',
}
STRIDES = (8, 4, 2)
PANELS = {  # by the logged key
    'loss': CurvePanel('training', 'loss', {}, 'loss'),
    'xray/mAP': CurvePanel('mAP', 'mAP (%)', {}),
    'xray/pointing': CurvePanel('maximum of the map in a box', 'images (%)', {}, 'percent'),
    'xray/map_mean': CurvePanel('mean of the map', 'mean (%)', {}, 'percent'),
}


def draw_attention_losses(
    reproduction: Reproduction, seeds: Sequence[int], out: Path
) -> list[Path]:
    """Draw Fig. 6: the loss of each map in Stage I, for heads with 0, 1 and 2 upsample modules.

    It writes ``figure6.png`` and ``.csv``, with the columns head, stride (of the map), seed, epoch
    and loss, the squared error summed over the map.

    Args:
        reproduction: Suite whose finished first stages of Table 6 are drawn.
        seeds: Seeds of the runs.
        out: Folder of the files.

    Raises:
        FileNotFoundError: No run is finished.
        ValueError: The suite is of OPIXray, for which the paper has no such figure.
    """
    if reproduction.suite.family != 'sixray':
        raise ValueError(
            f'Figure 6 exists only for SIXray, but {reproduction.suite_path} is a suite of '
            'OPIXray. Choose a suite of SIXray.'
        )
    head_of = {Run(config, seed): head for head, config in HEADS.items() for seed in seeds}
    curves: dict[int, dict[str, list[Curve]]] = {stride: {} for stride in STRIDES}
    rows = []
    for run in finished_runs(reproduction, head_of, '6'):
        epochs = reproduction.epochs(run)
        for stride in STRIDES:
            curve = _curve(epochs, f'loss_heatmap_s{stride}')
            if curve is None:
                continue  # the last map of this head is coarser
            curves[stride].setdefault(f'head {head_of[run]}', []).append(curve)
            rows += [
                {
                    'head': head_of[run],
                    'stride': stride,
                    'seed': run.seed,
                    'epoch': f'{epoch:.0f}',
                    'loss': f'{loss:.6g}',
                }
                for epoch, loss in zip(*curve, strict=True)
            ]
    side = reproduction.suite.get('sizes', (RESIZED, CROPPED))[1]
    panels = [
        CurvePanel(f'map of {side // stride} x {side // stride}', 'loss of the map', by_head)
        for stride, by_head in curves.items()
        if by_head
    ]
    return _draw(panels, rows, out, 'figure6')


def draw_curves(folders: Sequence[Path], out: Path) -> list[Path]:
    """Draw the loss, mAP, pointing rate and mean of the map by epoch.

    It writes ``curves.png`` and ``.csv``, with the columns run and epoch, and all logged values.

    Args:
        folders: Work directories of runs, or their records, which may be packed.
        out: Folder of the files.

    Raises:
        FileNotFoundError: A folder is neither.
    """
    top = os.path.commonpath([folder.resolve().parent for folder in folders])
    runs = {
        os.path.relpath(folder.resolve(), top): read_epochs(find_record(folder))
        for folder in folders
    }
    panels = []
    for key, panel in PANELS.items():
        curves = {run: [_curve(epochs, key)] for run, epochs in runs.items()}
        logged = {run: [c for c in of_run if c] for run, of_run in curves.items() if any(of_run)}
        if logged:
            panels.append(panel._replace(curves=logged))
    keys = dict.fromkeys(key for epochs in runs.values() for row in epochs for key in row)
    rows = [
        {'run': run} | {key: f'{row[key]:.6g}' if key in row else '' for key in keys}
        for run, epochs in runs.items()
        for row in epochs
    ]
    return _draw(panels, rows, out, 'curves')


def _curve(epochs: Sequence[dict[str, float]], key: str) -> Curve | None:
    """Return the epochs and values that were logged under a key; None if there are none."""
    rows = [row for row in epochs if key in row]
    return ([row['epoch'] for row in rows], [row[key] for row in rows]) if rows else None


def _draw(
    panels: Sequence[CurvePanel], rows: Sequence[Mapping[str, object]], out: Path, name: str
) -> list[Path]:
    out.mkdir(parents=True, exist_ok=True)
    plot_curves(panels, out / f'{name}.png')
    write_csv(out / f'{name}.csv', rows)
    return [out / f'{name}.png', out / f'{name}.csv']
