"""Data sets of X-ray images and their transforms."""

from mmsxm import registry  # noqa: F401, its compat comes before anything of mmpretrain

from . import transforms
from .coco_xray import CocoXray
from .csv_xray import CsvXray
from .opixray import OPIXray
from .sixray import SIXray
from .voc_xray import VocXray
from .xray_dataset import XrayDataset

__all__ = [
    'CocoXray',
    'CsvXray',
    'OPIXray',
    'SIXray',
    'VocXray',
    'XrayDataset',
    'transforms',
]
