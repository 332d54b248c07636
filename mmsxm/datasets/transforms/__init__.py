"""Transforms that know boxes and what to learn from them."""

from .geometry import CenterCrop, CropBackground, RandomCrop
from .targets import EllipseHeatmap, IntuitiveMetaLevel, draw_ellipses, intuitive_level

__all__ = [
    'CenterCrop',
    'CropBackground',
    'EllipseHeatmap',
    'IntuitiveMetaLevel',
    'RandomCrop',
    'draw_ellipses',
    'intuitive_level',
]
