"""Metrics over DataSamples, and the array functions that they are built from."""

from mmsxm.evaluation.alarm_curve import AlarmCurve, alarm_curve, any_item, reliability
from mmsxm.evaluation.attention_localization import (
    AttentionBySize,
    AttentionLocalization,
    cells_in_boxes,
    cells_in_ellipses,
    ellipse_iou,
    energy_inside,
    pointing_hit,
    smallest_share,
    visible_boxes,
)
from mmsxm.evaluation.bootstrap import bootstrap_average_precision
from mmsxm.evaluation.class_localization import ClassLocalization
from mmsxm.evaluation.grouped_average_precision import GroupedAveragePrecision
from mmsxm.evaluation.localization_table import LocalizationTable, read_localization
from mmsxm.evaluation.mean_average_precision import MeanAveragePrecision, average_precision
from mmsxm.evaluation.operating_points import (
    OperatingPoint,
    OperatingPoints,
    operating_point,
    point_at,
)
from mmsxm.evaluation.region_precision import (
    clip_to_view,
    interpolated_average_precision,
    match_regions,
    pairwise_iou,
    region_boxes,
)
from mmsxm.evaluation.score_table import Scores, ScoreTable, read_scores, write_scores

__all__ = [
    'AlarmCurve',
    'AttentionBySize',
    'AttentionLocalization',
    'ClassLocalization',
    'GroupedAveragePrecision',
    'LocalizationTable',
    'MeanAveragePrecision',
    'OperatingPoint',
    'OperatingPoints',
    'ScoreTable',
    'Scores',
    'alarm_curve',
    'any_item',
    'average_precision',
    'bootstrap_average_precision',
    'cells_in_boxes',
    'cells_in_ellipses',
    'clip_to_view',
    'ellipse_iou',
    'energy_inside',
    'interpolated_average_precision',
    'match_regions',
    'operating_point',
    'pairwise_iou',
    'point_at',
    'pointing_hit',
    'read_localization',
    'read_scores',
    'region_boxes',
    'reliability',
    'smallest_share',
    'visible_boxes',
    'write_scores',
]
