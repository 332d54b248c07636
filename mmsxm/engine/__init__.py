"""Hooks and optimizer components that mmengine lacks."""

from mmsxm.engine.atomic_file_backend import AtomicFileBackend
from mmsxm.engine.hooks.accumulation import AccumulationHook
from mmsxm.engine.hooks.dataset_fingerprint import DatasetFingerprintHook
from mmsxm.engine.hooks.graceful_stop import GracefulStopHook
from mmsxm.engine.hooks.input_size import InputSizeHook
from mmsxm.engine.hooks.non_finite import SkipNonFiniteHook, StopAtNonFiniteHook
from mmsxm.engine.hooks.param_groups import ParamGroupsHook
from mmsxm.engine.hooks.pixel_mapping import PixelMappingHook
from mmsxm.engine.hooks.prediction_pictures import PredictionPictureHook
from mmsxm.engine.hooks.pretrained import PretrainedHook
from mmsxm.engine.hooks.sample_seed import SampleSeedHook
from mmsxm.engine.hooks.stage_transfer import StageTransferHook
from mmsxm.engine.hooks.threat_bank import ThreatBankHook
from mmsxm.engine.optim import AutocastOptimWrapper, CheckedOptimWrapperConstructor
from mmsxm.registry import HOOKS, keep_old_name

__all__ = [
    'AccumulationHook',
    'AtomicFileBackend',
    'AutocastOptimWrapper',
    'CheckedOptimWrapperConstructor',
    'DatasetFingerprintHook',
    'GracefulStopHook',
    'InputSizeHook',
    'ParamGroupsHook',
    'PixelMappingHook',
    'PredictionPictureHook',
    'PretrainedHook',
    'SampleSeedHook',
    'SkipNonFiniteHook',
    'StageTransferHook',
    'StopAtNonFiniteHook',
    'ThreatBankHook',
]

for old, cls in {
    'HandoverHook': StageTransferHook,
    'PictureHook': PredictionPictureHook,
    'SameDataHook': DatasetFingerprintHook,
    'StopHook': GracefulStopHook,
}.items():
    keep_old_name(HOOKS, old, cls)
