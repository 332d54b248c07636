"""Transforms that know boxes and what to learn from them."""

from .geometry import CenterCrop, CropBackground, RandomCrop
from .targets import EllipseHeatmap, IntuitiveMetaLevel, draw_ellipses, intuitive_level
from .threat_projection import ThreatImageProjection, project

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
