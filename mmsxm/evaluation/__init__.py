"""Metrics over DataSamples, and the functions on arrays that they are made of."""

from .attention_localization import (
    AttentionBySize,
    AttentionLocalization,
    cells_in_boxes,
    cells_in_ellipses,
    ellipse_iou,
    energy_inside,
    pointing_hit,
    visible_boxes,
)
from .grouped_average_precision import GroupedAveragePrecision, bootstrap_average_precision
from .mean_average_precision import MeanAveragePrecision, average_precision
from .score_table import Scores, ScoreTable, read_scores

__all__ = [
    'AttentionBySize',
    'AttentionLocalization',
    'GroupedAveragePrecision',
    'MeanAveragePrecision',
    'ScoreTable',
    'Scores',
    'average_precision',
    'bootstrap_average_precision',
    'cells_in_boxes',
    'cells_in_ellipses',
    'ellipse_iou',
    'energy_inside',
    'pointing_hit',
    'read_scores',
    'visible_boxes',
]
