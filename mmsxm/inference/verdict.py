"""Verdicts: labels and candidate regions in image pixels, from the outputs of a network."""

from typing import Any, NamedTuple

import numpy as np

from mmsxm.imaging.preprocessing import View, boxes_to_image
from mmsxm.imaging.regions import find_regions
from mmsxm.inference.backends import ModelInfo

__all__ = ['Verdict', 'judge']


class Verdict(NamedTuple):
    """Result for one image, in plain values.

    ``labels`` are the classes whose scores reach their thresholds. ``regions`` are dicts of
    ``bbox`` (xyxy in image pixels) and ``score``. ``level_weights`` are in the order P3, P4, P5.
    """

    labels: list[str]
    scores: dict[str, float]
    thresholds: dict[str, float]
    regions: list[dict[str, Any]]
    level_weights: list[float]


def judge(
    info: ModelInfo,
    scores: np.ndarray,
    attention_map: np.ndarray | None,
    level_weights: np.ndarray,
    view: View,
) -> Verdict:
    """Judge one image of a :class:`~mmsxm.inference.backends.Prediction`.

    Args:
        info: Metadata of the network.
        scores: ``(C,)``.
        attention_map: ``(h, w)``; None for networks without attention.
        level_weights: ``(L,)``.
        view: Part of the image that the network saw.
    """
    thresholds = {name: info.calibration.thresholds[name] for name in info.classes}
    by_class = dict(zip(info.classes, scores.tolist(), strict=True))
    regions = []
    if attention_map is not None and (found := find_regions(attention_map)):
        cells = np.array([region.bbox for region in found])  # (n, 4)
        boxes = boxes_to_image(cells, view, attention_map.shape)
        regions = [
            {'bbox': box, 'score': region.score}
            for box, region in zip(boxes.tolist(), found, strict=True)
        ]
    labels = [name for name, score in by_class.items() if score >= thresholds[name]]
    return Verdict(labels, by_class, thresholds, regions, level_weights.tolist())
