"""The settings that a network is trained with: their digest, and the schedule in a few numbers."""

import hashlib
import json
from typing import Any

from mmengine.config import Config

__all__ = ['digest', 'schedule_of', 'strip_machine_specific']

TRAINING = (
    'model',
    'train_dataloader',
    'optim_wrapper',
    'param_scheduler',
    'train_cfg',
    'custom_hooks',  # the default hooks check, log and save
    'randomness',
)
PLACES = ('data_root', 'ann_file', 'meta_labels', 'checkpoint')
# our reader gives the same 8-bit pixels as the one of earlier versions; a window is a setting
SAME_PIXELS = {'mmsxm.LoadXrayImage': 'LoadImageFromFile'}
SPEED = ('fused',)  # gives the same numbers, except for rounding


def digest(cfg: Config) -> str:
    """Return a digest of the settings that a network is trained with, wherever its files are."""
    parts = {part: cfg.get(part) for part in TRAINING}
    if 'fold' in cfg:
        parts['fold'] = cfg.fold
    settings = strip_machine_specific(parts)
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()


def strip_machine_specific(settings: Any) -> Any:
    """Return settings without paths, which differ between machines, and without speed settings."""
    if isinstance(settings, dict):
        return {
            key: strip_machine_specific(value)
            for key, value in settings.items()
            if key not in SPEED and not (key in PLACES and isinstance(value, str))
        }
    if isinstance(settings, list | tuple):
        return [strip_machine_specific(value) for value in settings]
    return SAME_PIXELS.get(settings, settings) if isinstance(settings, str) else settings


def schedule_of(cfg: Config) -> dict[str, Any]:
    """Return the schedule of a config: epochs, milestones, rate, batch size and clipping."""
    return {
        'epochs': cfg.train_cfg.max_epochs,
        'milestones': list(cfg.param_scheduler.milestones),
        'lr': cfg.optim_wrapper.optimizer.lr,
        'batch_size': cfg.train_dataloader.batch_size,
        **(cfg.optim_wrapper.get('clip_grad') or {}),
    }
