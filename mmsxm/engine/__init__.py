"""Hooks and optimizer parts that mmengine lacks."""

from mmsxm.engine.accumulation_hook import AccumulationHook
from mmsxm.engine.checkpoint_hooks import HandoverHook, PretrainedHook
from mmsxm.engine.compile_hook import CompileHook
from mmsxm.engine.non_finite_hooks import SkipNonFiniteHook, StopAtNonFiniteHook
from mmsxm.engine.optim import AutocastOptimWrapper, CheckedOptimWrapperConstructor
from mmsxm.engine.param_groups_hook import ParamGroupsHook
from mmsxm.engine.picture_hook import PictureHook
from mmsxm.engine.same_data_hook import SameDataHook
from mmsxm.engine.sample_seed_hook import SampleSeedHook
from mmsxm.engine.stop_hook import StopHook
from mmsxm.engine.threat_bank_hook import ThreatBankHook
from mmsxm.engine.whole_file_backend import WholeFileBackend

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
