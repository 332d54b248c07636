"""Regions as detections: which boxes they hit, and the average precision of PASCAL VOC.

The protocol is that of PASCAL VOC from 2010 on (Everingham et al., "The PASCAL Visual Object
Classes Challenge: A Retrospective", IJCV 2015).
"""

import math

import numpy as np
import numpy.typing as npt

from mmsxm.evaluation.attention_localization import visible_boxes
from mmsxm.imaging.regions import find_regions

__all__ = [
    'clip_to_view',
    'interpolated_average_precision',
    'match_regions',
    'pairwise_iou',
    'region_boxes',
]


def clip_to_view(boxes: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """Return the visible part of the boxes ``(n, 4)``, xyxy, in an image of size (h, w).

    Boxes that are wholly outside are dropped: ``(visible, 4)``.
    """
    height, width = image_size
    return np.clip(visible_boxes(boxes, image_size), 0, (width, height, width, height))


def pairwise_iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the intersection over union of boxes ``(n, 4)`` and others ``(m, 4)``: ``(n, m)``.

    Boxes are xyxy in continuous coordinates and have an area.
    """
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])  # (n, m, 2)
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])  # (n, m, 2)
    intersection = np.maximum(high - low, 0).prod(axis=-1)  # (n, m)
    areas, other_areas = ((b[:, 2:] - b[:, :2]).prod(axis=-1) for b in (boxes, others))
    return intersection / (areas[:, None] + other_areas - intersection)


def region_boxes(
    class_map: np.ndarray, image_size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the regions of a map ``(h, w)``, the strongest first, in pixels of the image.

    They are those of :func:`mmsxm.imaging.regions.find_regions` at any height of the map. Average
    precision ranks the regions, so that a faint one does no harm if its rank is low. Components
    below the smallest area of a region do not count, as in results: at least 3 cells of a map of
    28 x 28, and 1 cell of a map of 16 x 16.

    Returns:
        Boxes ``(n, 4)``, xyxy, and the highest value of the map in each, ``(n,)``.
    """
    regions = find_regions(class_map, floor=0)
    cells = np.array([region.bbox for region in regions], dtype=np.float64).reshape(-1, 4)
    map_height, map_width = class_map.shape
    x_scale, y_scale = image_size[1] / map_width, image_size[0] / map_height
    peaks = np.array([region.score for region in regions], dtype=np.float64)
    return cells * (x_scale, y_scale, x_scale, y_scale), peaks


def match_regions(regions: np.ndarray, boxes: np.ndarray, iou: float = 0.3) -> np.ndarray:
    """Decide which regions of an image detect a box, as PASCAL VOC does.

    A region claims the box with which it has the highest IoU. It is a detection if that IoU is
    large enough and no earlier region has detected this box.

    Args:
        regions: ``(n, 4)``, xyxy, in descending order of confidence.
        boxes: ``(m, 4)``, xyxy.
        iou: Least IoU of a detection.

    Returns:
        ``(n,)``, bool.
    """
    hits = np.zeros(len(regions), dtype=bool)
    if not len(boxes):
        return hits
    detected = np.zeros(len(boxes), dtype=bool)
    for i, overlaps in enumerate(pairwise_iou(regions, boxes)):
        best = overlaps.argmax()
        if overlaps[best] >= iou and not detected[best]:
            hits[i] = detected[best] = True
    return hits


def interpolated_average_precision(
    scores: npt.ArrayLike, hits: npt.ArrayLike, num_boxes: int
) -> float:
    """Return the area under the interpolated precision-recall curve, as PASCAL VOC 2010 does.

    The precision at a recall is the highest one at that recall or above. All recalls are used, not
    11 of them. Detections with equal scores share one threshold, so their order has no influence.

    Args:
        scores: Confidence of each detection, ``(n,)``.
        hits: Whether it detects a box, ``(n,)``.
        num_boxes: Number of all boxes, detected or not.

    Returns:
        The average precision in [0, 1], nan if there are no boxes.
    """
    if not num_boxes:
        return math.nan
    scores, hits = np.asarray(scores, dtype=np.float64), np.asarray(hits, dtype=bool)
    if not len(scores):
        return 0.0
    order = np.argsort(-scores, kind='stable')
    last = np.append(np.diff(scores[order]) != 0, True)  # (n,), the last of equal scores
    detected = np.cumsum(hits[order])[last]  # (thresholds,)
    precision = detected / (np.flatnonzero(last) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(detected, prepend=0) * precision) / num_boxes)
