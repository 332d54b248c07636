"""Suites: the paper's configs on a data set, backbone and schedule that fit a machine.

A suite is a config file (``configs/suites/``) of a few settings that override those of any of the
paper's configs:

- ``family``: ``sixray`` or ``opixray``, whose configs and published numbers it uses;
- ``about``: a description of ``data`` for the tables;
- ``data``: by family (a transfer needs both), settings of every data set, such as its root;
- ``simulate``: by family, arguments of the simulator that creates missing data;
- ``groups``: a CSV file and its column, by which results are also reported within groups of images;
- ``folds``: cross-validation over all positives of ``train.csv`` and ``test.csv`` instead of their
  split, with ``count`` folds in blocks of ``block`` neighboring image numbers (SIXray only);
- ``focus``: the ``classes`` whose mean AP is reported next to mAP in tables of folds, its ``name``,
  and the ``group`` of images within which it is also reported;
- ``backbone``, ``out_indices``, ``channels``: another backbone, and its stages for P3, P4 and P5;
- ``pyramid_channels``: channels of the levels of FPN;
- ``sizes``: side in pixels after resizing, and after cropping;
- ``batch_size``, ``amp``;
- ``num_workers``: processes per data loader, 0 to read images in the training process;
- ``val_interval``: epochs between tests, the best of which is reported next to the last epoch; None
  to test only the trained network;
- ``stage1``, ``stage2``: ``epochs``, ``milestones``, ``lr_scale`` (a factor on the rates), and
  ``max_norm``, to which a gradient is clipped.

A setting that is omitted leaves the paper's configs as they are.
"""

import os
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmsxm.engine.input_size import DATALOADERS, resize_pipeline
from mmsxm.training.config import load_config, use_autocast
from mmsxm.training.installed_configs import CONFIGS, find_config

__all__ = ['apply_suite', 'find_suite', 'is_stage1', 'load_suite']

KEYS = {
    'about',
    'family',
    'data',
    'simulate',
    'groups',
    'folds',
    'focus',
    'backbone',
    'out_indices',
    'channels',
    'pyramid_channels',
    'sizes',
    'batch_size',
    'amp',
    'num_workers',
    'val_interval',
    'stage1',
    'stage2',
}


def find_suite(name: str) -> Path:
    """Return the file of a suite, named by its path or as in ``configs/suites``.

    Raises:
        FileNotFoundError: There is no such suite.
    """
    try:
        return find_config(name if name.endswith('.py') else f'configs/suites/{name}.py')
    except FileNotFoundError:
        names = ', '.join(sorted(known.stem for known in CONFIGS.glob('suites/*.py')))
        raise FileNotFoundError(
            f'There is no suite {name}. Choose one of these, or name a file: {names}.'
        ) from None


def load_suite(path: str | os.PathLike[str]) -> Config:
    """Read a suite.

    Raises:
        ValueError: A setting is unknown, or the suite has no family.
    """
    suite = load_config(path)
    unknown = set(suite) - KEYS - {'work_dir', 'launcher'}
    if unknown:
        raise ValueError(
            f'{path} has unknown settings: {", ".join(sorted(unknown))}. The settings of a suite '
            f'are {", ".join(sorted(KEYS))}.'
        )
    if suite.get('family') not in ('sixray', 'opixray'):
        raise ValueError(f"{path} is not a suite: set family = 'sixray' or family = 'opixray'.")
    return suite


def apply_suite(suite: Config, cfg: Config, full: bool = False) -> None:
    """Apply the settings of a suite to a config, in place.

    Args:
        suite: See :func:`load_suite`.
        cfg: One of the paper's configs.
        full: Train a network without Stage I for the epochs of both stages, not those of Stage II
            alone. Milestones are scaled accordingly.
    """
    if 'backbone' in suite:
        _replace_backbone(suite, cfg.model)
    if 'pyramid_channels' in suite:
        _narrow_pyramid(suite.pyramid_channels, cfg.model)
    family = 'opixray' if cfg.train_dataloader.dataset.type == 'mmsxm.OPIXray' else 'sixray'
    for loader in DATALOADERS:
        cfg[loader].dataset.update(suite.get('data', {}).get(family, {}))
        if 'batch_size' in suite:
            cfg[loader].batch_size = suite.batch_size
        if 'num_workers' in suite:
            cfg[loader].num_workers = suite.num_workers
            cfg[loader].persistent_workers = suite.num_workers > 0
        if 'sizes' in suite:
            resize_pipeline(cfg[loader].dataset.pipeline, *suite.sizes)
    if suite.get('amp'):
        use_autocast(cfg)
    _set_schedule(suite, cfg, full)
    if 'val_interval' in suite:
        if suite.val_interval is None:
            cfg.train_cfg.val_begin = cfg.train_cfg.max_epochs + 1
        cfg.train_cfg.val_interval = suite.val_interval or 1


def is_stage1(cfg: Config) -> bool:
    """Return whether a config trains attention alone, without a classification head."""
    return cfg.model.get('head') is None


def _replace_backbone(suite: Config, model: Any) -> None:
    # otherwise, the weights of Stage I are loaded
    pretrained = model.backbone.get('init_cfg') is not None
    levels = suite.out_indices if model.get('neck') else suite.out_indices[-1:]
    channels = list(suite.channels)
    model.backbone = dict(suite.backbone, out_indices=tuple(levels))
    if not pretrained:
        model.backbone.init_cfg = None
    if not model.get('neck'):
        model.head.in_channels = channels[-1:]
        return
    model.neck.in_channels = channels
    if model.neck.type == 'mmsxm.HierarchicalRefinement':
        model.head.in_channels = channels


def _narrow_pyramid(channels: int, model: Any) -> None:
    if not model.get('neck') or model.neck.type != 'mmsxm.FPN':
        return
    model.neck.out_channels = channels
    if model.get('attention_head'):
        model.attention_head.in_channels = channels
    if model.get('head'):
        model.head.in_channels = [channels] * 3


def _set_schedule(suite: Config, cfg: Config, full: bool) -> None:
    stage = suite.get('stage1' if is_stage1(cfg) else 'stage2', {})
    if 'epochs' in stage:
        cfg.train_cfg.max_epochs = stage.epochs
    if 'milestones' in stage:
        cfg.param_scheduler.milestones = list(stage.milestones)
    cfg.optim_wrapper.optimizer.lr *= stage.get('lr_scale', 1)
    if 'max_norm' in stage:
        cfg.optim_wrapper.clip_grad = dict(max_norm=stage.max_norm)
    if full and not is_stage1(cfg):
        stage2_epochs = cfg.train_cfg.max_epochs
        both = stage2_epochs + stage1_epochs(suite)
        cfg.train_cfg.max_epochs = both
        cfg.param_scheduler.milestones = [
            round(epoch * both / stage2_epochs) for epoch in cfg.param_scheduler.milestones
        ]


def stage1_epochs(suite: Config) -> int:
    """Return the epochs of Stage I, from the suite or else the paper's config."""
    if 'epochs' in suite.get('stage1', {}):
        return int(suite.stage1.epochs)
    first = load_config(CONFIGS / f'sxmnet_{suite.family}_stage1.py')
    return int(first.train_cfg.max_epochs)
