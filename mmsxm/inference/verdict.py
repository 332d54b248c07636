"""What a network's numbers mean: labels, candidate regions, in pixels of the image."""

from typing import Any, NamedTuple

import numpy as np

from mmsxm.imaging.preparation import View, boxes_to_image
from mmsxm.inference.backends import ModelInfo
from mmsxm.inference.regions import find_regions

__all__ = ['Verdict', 'judge']


class Verdict(NamedTuple):
    """What is said of one image, in plain values.

    ``labels`` are the classes whose score reaches its threshold, ``regions`` are dicts of ``bbox``
    (xyxy in pixels of the image) and ``score``, ``level_weights`` have the order P3, P4, P5.
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
        info: Of the network.
        scores: ``(C,)``.
        attention_map: ``(h, w)``, None without attention.
        level_weights: ``(L,)``.
        view: What of the image the network saw.
    """
    thresholds = {name: info.calibration.thresholds[name] for name in info.classes}
    by_class = dict(zip(info.classes, scores.tolist(), strict=True))
    regions = []
    if attention_map is not None and (found := find_regions(attention_map)):
        boxes = boxes_to_image(np.array([each.bbox for each in found]), view, attention_map.shape)
        regions = [
            {'bbox': box, 'score': each.score}
            for box, each in zip(boxes.tolist(), found, strict=True)
        ]
    labels = [name for name, score in by_class.items() if score >= thresholds[name]]
    return Verdict(labels, by_class, thresholds, regions, level_weights.tolist())
