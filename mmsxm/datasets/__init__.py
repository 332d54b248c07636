"""Datasets of X-ray images and their transforms."""

from mmsxm import registry  # noqa: F401, applies compat before mmpretrain is imported
from mmsxm.datasets import transforms
from mmsxm.datasets.coco_xray import CocoXray
from mmsxm.datasets.csv_xray import CsvXray
from mmsxm.datasets.datumaro_xray import DatumaroXray
from mmsxm.datasets.opixray import OPIXray
from mmsxm.datasets.sixray import SIXray
from mmsxm.datasets.voc_xray import VocXray
from mmsxm.datasets.xray_dataset import XrayDataset
from mmsxm.datasets.yolo_xray import YoloXray

__all__ = [
    'CocoXray',
    'CsvXray',
    'DatumaroXray',
    'OPIXray',
    'SIXray',
    'VocXray',
    'XrayDataset',
    'YoloXray',
    'transforms',
]
