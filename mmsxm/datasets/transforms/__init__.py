"""Transforms that read images, handle boxes and create targets from them."""

from mmsxm.datasets.transforms.class_heatmap import ClassHeatmap
from mmsxm.datasets.transforms.geometry import CenterCrop, CropBackground, RandomCrop
from mmsxm.datasets.transforms.item_crop import ItemCrop
from mmsxm.datasets.transforms.loading import LoadXrayImage
from mmsxm.datasets.transforms.targets import (
    EllipseHeatmap,
    IntuitiveMetaLevel,
    draw_ellipses,
    intuitive_level,
)
from mmsxm.datasets.transforms.threat_projection import ThreatImageProjection, project

__all__ = [
    'CenterCrop',
    'ClassHeatmap',
    'CropBackground',
    'EllipseHeatmap',
    'IntuitiveMetaLevel',
    'ItemCrop',
    'LoadXrayImage',
    'RandomCrop',
    'ThreatImageProjection',
    'draw_ellipses',
    'intuitive_level',
    'project',
]
