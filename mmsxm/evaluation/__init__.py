"""Metrics over DataSamples, and the functions on arrays that they are made of."""

from .attention_localization import (
    AttentionLocalization,
    cells_in_boxes,
    pointing_hit,
    visible_boxes,
)
from .mean_average_precision import MeanAveragePrecision, average_precision

__all__ = [
    'AttentionLocalization',
    'MeanAveragePrecision',
    'average_precision',
    'cells_in_boxes',
    'pointing_hit',
    'visible_boxes',
]
