"""Data sets of X-ray images and their transforms."""

from mmsxm import registry  # noqa: F401, its compat comes before anything of mmpretrain

from . import transforms
from .opixray import OPIXray
from .sixray import SIXray
from .xray_dataset import XrayDataset

__all__ = ['OPIXray', 'SIXray', 'XrayDataset', 'transforms']
