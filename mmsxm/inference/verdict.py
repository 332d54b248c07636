"""Verdicts: labels and candidate regions in image pixels, from the outputs of a network."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from mmsxm.imaging.preprocessing import View, boxes_to_image
from mmsxm.imaging.regions import find_class_regions, find_regions
from mmsxm.inference.backends import ModelInfo, Prediction

__all__ = ['Verdict', 'judge', 'regions_to_draw']


class Verdict(NamedTuple):
    """Result for one image, in plain values.

    ``labels`` are the classes whose scores reach their thresholds. ``regions`` are dicts of
    ``bbox`` (xyxy in image pixels) and ``score``; if the network predicts one map per class, also
    ``label``, the class of the map, with or without an alarm. ``level_weights`` are ordered
    fine to coarse (P3, P4, P5 in our configs).
    """

    labels: list[str]
    scores: dict[str, float]
    thresholds: dict[str, float]
    regions: list[dict[str, Any]]
    level_weights: list[float]


def judge(info: ModelInfo, prediction: Prediction, view: View) -> Verdict:
    """Judge one image.

    Args:
        info: Metadata of the network.
        prediction: Outputs for one image, see
            :meth:`~mmsxm.inference.backends.base.Prediction.image`.
        view: Part of the image that the network saw.
    """
    thresholds = {name: info.calibration.thresholds[name] for name in info.classes}
    scores = dict(zip(info.classes, prediction.scores.tolist(), strict=True))
    labels = [name for name, score in scores.items() if score >= thresholds[name]]
    regions = _regions(info, prediction, view)
    return Verdict(labels, scores, thresholds, regions, prediction.level_weights.tolist())


def _regions(info: ModelInfo, prediction: Prediction, view: View) -> list[dict[str, Any]]:
    if prediction.attention_maps is None:
        return []
    if prediction.class_maps is None:
        found = find_regions(prediction.attention_maps)
    else:
        found = find_class_regions(prediction.class_maps)
    cells = np.array([region.bbox for region in found])  # (n, 4)
    boxes = boxes_to_image(cells, view, prediction.attention_maps.shape)
    return [
        {'bbox': box, 'score': region.score}
        | ({} if region.label is None else {'label': info.classes[region.label]})
        for box, region in zip(boxes.tolist(), found, strict=True)
    ]


def regions_to_draw(
    regions: Iterable[dict[str, Any]], labels: Iterable[str]
) -> list[dict[str, Any]]:
    """Return the regions of classes with an alarm, and those that have no class.

    Args:
        regions: Regions of a :class:`Verdict` or a record.
        labels: Classes with an alarm.
    """
    shown = set(labels)
    return [region for region in regions if 'label' not in region or region['label'] in shown]
