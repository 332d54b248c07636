"""Load configs, and apply the flags of the command line to them."""

import os
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmsxm.compat import init_cpu_process_group
from mmsxm.engine.input_size import DATALOADERS, set_input_size
from mmsxm.engine.optim import gains_by_bfloat16
from mmsxm.engine.pixel_mapping import set_pixel_mapping
from mmsxm.training.config_options import merge_options
from mmsxm.training.installed_configs import CONFIGS, find_config

__all__ = [
    'DATALOADERS',
    'autocast_type',
    'first_stage',
    'load_config',
    'set_dataloaders',
    'use_autocast',
    'use_autocast_in_test',
]


def load_config(
    path: str | os.PathLike[str],
    *,
    work_dir: str | None = None,
    options: dict[str, Any] | None = None,
    launcher: str = 'none',
) -> Config:
    """Load a config, which :func:`find_config` finds, and apply the options of the command line.

    A config anywhere can inherit from ``'{{$MMSXM_CONFIGS:configs}}/demo/resnet18.py'``: unless the
    variable is set, it becomes the folder of the installed configs.

    ``work_dir`` overrides the one in the config; the default is ``work_dirs/<config name>``.

    Raises:
        FileNotFoundError: The config or one of its base configs does not exist.
        ValueError: The config is not valid Python, or nothing reads the setting of an option.
    """
    found = find_config(path)
    os.environ.setdefault('MMSXM_CONFIGS', CONFIGS.as_posix())
    try:
        cfg = Config.fromfile(found)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'{path} builds on {error.filename or error}, which does not exist. A config outside a '
            "clone names its base as in _base_ = '{{$MMSXM_CONFIGS:configs}}/demo/resnet18.py'. If "
            'the path contains an environment variable, check its value.'
        ) from error
    except SyntaxError as error:
        raise ValueError(f'{path} is not a valid config: {error}. Fix that line.') from error
    if options:
        merge_options(cfg, options)
    set_input_size(cfg)
    set_pixel_mapping(cfg)
    for name in DATALOADERS:
        loader = cfg.get(name) or {}
        if loader.get('persistent_workers') and not loader.get('num_workers'):
            loader['persistent_workers'] = False  # torch does not allow it without workers
    cfg.work_dir = work_dir or cfg.get('work_dir') or f'work_dirs/{Path(path).stem}'
    cfg.launcher = launcher
    if launcher == 'pytorch':
        init_cpu_process_group(cfg)
    return cfg


def set_dataloaders(cfg: Config, **settings: Any) -> None:
    """Change settings such as ``pin_memory=False`` in all data loaders of a config."""
    for name in DATALOADERS:
        if cfg.get(name):
            cfg[name].update(settings)


def autocast_type() -> torch.dtype:
    """Return the reduced precision: float16 on GPUs without bfloat16, otherwise bfloat16."""
    if not torch.cuda.is_available() or torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return torch.float16


def use_autocast(cfg: Config) -> None:
    """Train in bfloat16 if the device supports it, otherwise in float16 with loss scaling."""
    if autocast_type() == torch.bfloat16:
        cfg.optim_wrapper.type = 'mmsxm.AutocastOptimWrapper'
    else:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
        if cfg.optim_wrapper.optimizer.get('type') == 'SGD':
            # torch's fused SGD reads momentum from uninitialized memory if the first step
            # overflows, which happens until the scaler has found its scale
            cfg.optim_wrapper.optimizer.pop('fused', None)


def use_autocast_in_test(cfg: Config) -> None:
    """Test in the precision of :func:`use_autocast`, but in float32 on a CPU without bfloat16."""
    cfg.test_cfg.fp16 = gains_by_bfloat16('cuda' if torch.cuda.is_available() else 'cpu')


def first_stage(cfg: Config) -> Path | None:
    """Return the config of the first stage of ``cfg``; None if there is none."""
    first = cfg.default_hooks.get('handover', {}).get('first')
    if first is None:
        return None
    # relative to the root of a project: a parent folder of cfg, or else where find_config looks
    for folder in Path(cfg.filename).resolve().parents:
        if (folder / first).is_file():
            return folder / first
    return Path(first)
