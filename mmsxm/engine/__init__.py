"""Hooks and optimizer parts that mmengine lacks."""

from .checkpoint_hooks import HandoverHook, PretrainedHook
from .compile_hook import CompileHook
from .optim import AutocastOptimWrapper, CheckedOptimWrapperConstructor
from .param_groups_hook import ParamGroupsHook
from .picture_hook import PictureHook
from .sample_seed_hook import SampleSeedHook
from .threat_bank_hook import ThreatBankHook

__all__ = [
    'AutocastOptimWrapper',
    'CheckedOptimWrapperConstructor',
    'CompileHook',
    'HandoverHook',
    'ParamGroupsHook',
    'PictureHook',
    'PretrainedHook',
    'SampleSeedHook',
    'ThreatBankHook',
]
