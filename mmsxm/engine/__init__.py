"""Hooks and optimizer parts that mmengine lacks."""

from .checkpoint_hooks import HandoverHook, PretrainedHook
from .optim import AutocastOptimWrapper, CheckedOptimWrapperConstructor
from .sample_seed_hook import SampleSeedHook

__all__ = [
    'AutocastOptimWrapper',
    'CheckedOptimWrapperConstructor',
    'HandoverHook',
    'PretrainedHook',
    'SampleSeedHook',
]
