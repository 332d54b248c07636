"""Hooks and optimizer parts that mmengine lacks."""

from .accumulation_hook import AccumulationHook
from .checkpoint_hooks import HandoverHook, PretrainedHook
from .compile_hook import CompileHook
from .non_finite_hooks import SkipNonFiniteHook, StopAtNonFiniteHook
from .optim import AutocastOptimWrapper, CheckedOptimWrapperConstructor
from .param_groups_hook import ParamGroupsHook
from .picture_hook import PictureHook
from .same_data_hook import SameDataHook
from .sample_seed_hook import SampleSeedHook
from .stop_hook import StopHook
from .threat_bank_hook import ThreatBankHook
from .whole_file_backend import WholeFileBackend

__all__ = [
    'AccumulationHook',
    'AutocastOptimWrapper',
    'CheckedOptimWrapperConstructor',
    'CompileHook',
    'HandoverHook',
    'ParamGroupsHook',
    'PictureHook',
    'PretrainedHook',
    'SameDataHook',
    'SampleSeedHook',
    'SkipNonFiniteHook',
    'StopAtNonFiniteHook',
    'StopHook',
    'ThreatBankHook',
    'WholeFileBackend',
]
