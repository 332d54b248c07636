"""Transforms that handle boxes and create targets from them."""

from mmsxm.datasets.transforms.geometry import CenterCrop, CropBackground, RandomCrop
from mmsxm.datasets.transforms.targets import (
    EllipseHeatmap,
    IntuitiveMetaLevel,
    draw_ellipses,
    intuitive_level,
)
from mmsxm.datasets.transforms.threat_projection import ThreatImageProjection, project

__all__ = [
    'CenterCrop',
    'CropBackground',
    'EllipseHeatmap',
    'IntuitiveMetaLevel',
    'RandomCrop',
    'ThreatImageProjection',
    'draw_ellipses',
    'intuitive_level',
    'project',
]
