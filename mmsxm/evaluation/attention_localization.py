"""Localization quality of attention: pointing, energy inside boxes, overlap with ellipses.

The paper shows attention maps (Fig. 5) but does not measure them. In Stage II, no loss applies to
the map, so it can rise to 1 everywhere. The pointing rate then drops to chance, and the mean of the
map shows why.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from mmengine.logging import print_log

from mmsxm.conventions import SIZES, size_of, smallest_box_share
from mmsxm.evaluation.array_metric import ArrayMetric
from mmsxm.registry import METRICS

__all__ = [
    'AttentionBySize',
    'AttentionLocalization',
    'Localization',
    'cells_in_boxes',
    'cells_in_ellipses',
    'ellipse_iou',
    'energy_inside',
    'localization_of',
    'pointing_hit',
    'smallest_share',
    'visible_boxes',
]


def visible_boxes(boxes: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """Return the boxes ``(n, 4)``, xyxy, that overlap an image of size (h, w)."""
    height, width = image_size
    x1, y1, x2, y2 = boxes.T  # (n,) each
    visible_width = np.minimum(x2, width) - np.maximum(x1, 0)
    visible_height = np.minimum(y2, height) - np.maximum(y1, 0)
    return boxes[(visible_width > 0) & (visible_height > 0)]  # (visible, 4)


def smallest_share(boxes: np.ndarray, image_size: tuple[int, int]) -> float:
    """Return the share of an image of size (h, w) that the smallest visible box covers.

    The boxes are ``(n, 4)``. The share is nan if no box is visible.
    """
    return smallest_box_share(visible_boxes(boxes, image_size), image_size)


def cells_in_boxes(
    map_size: tuple[int, int], boxes: np.ndarray, image_size: tuple[int, int]
) -> np.ndarray:
    """Mark the cells of a map whose center lies in one of the boxes.

    Args:
        map_size: (h, w) of the map, which spans the whole image.
        boxes: ``(n, 4)``, xyxy in pixels of the image.
        image_size: (h, w) of the image.

    Returns:
        ``(h, w)``, bool.
    """
    y, x = _centers(map_size, image_size)
    x1, y1, x2, y2 = boxes.T[:, :, None]  # (n, 1) each
    rows = (y1 <= y) & (y < y2)  # (n, h)
    columns = (x1 <= x) & (x < x2)  # (n, w)
    return (rows[:, :, None] & columns[:, None, :]).any(axis=0)  # (h, w)


def cells_in_ellipses(
    map_size: tuple[int, int], boxes: np.ndarray, image_size: tuple[int, int]
) -> np.ndarray:
    """Mark the cells of a map whose center lies in the ellipse inscribed in one of the boxes.

    Arguments and result are the same as for :func:`cells_in_boxes`.
    """
    y, x = _centers(map_size, image_size)
    x1, y1, x2, y2 = boxes.T[:, :, None]  # (n, 1) each
    rows = (2 * y - y1 - y2) / (y2 - y1)  # (n, h), -1 to 1 within the box
    columns = (2 * x - x1 - x2) / (x2 - x1)  # (n, w)
    return (rows[:, :, None] ** 2 + columns[:, None, :] ** 2 <= 1).any(axis=0)  # (h, w)


def _centers(
    map_size: tuple[int, int], image_size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the centers of the cells in pixels of the image: y ``(h,)`` and x ``(w,)``."""
    y = (np.arange(map_size[0]) + 0.5) * image_size[0] / map_size[0]
    x = (np.arange(map_size[1]) + 0.5) * image_size[1] / map_size[1]
    return y, x


def pointing_hit(
    attention_map: np.ndarray, boxes: np.ndarray, image_size: tuple[int, int]
) -> float:
    """Return 1 if the maximum of a map ``(h, w)`` lies in one of the boxes, otherwise 0.

    If there are several equal maxima, return the share of them that lies in a box. A flat map
    therefore scores the same as a random pixel.
    """
    inside = cells_in_boxes(attention_map.shape, boxes, image_size)
    return float(inside[attention_map == attention_map.max()].mean())


def energy_inside(
    attention_map: np.ndarray, boxes: np.ndarray, image_size: tuple[int, int]
) -> float:
    """Return the share of the sum of a map ``(h, w)`` that lies in the boxes.

    For an empty map, return the share of its cells instead. A flat map scores the same as
    :func:`pointing_hit` at chance.
    """
    inside = cells_in_boxes(attention_map.shape, boxes, image_size)
    total = attention_map.sum(dtype=np.float64)
    if total <= 0:
        return float(inside.mean())
    return float(attention_map[inside].sum(dtype=np.float64) / total)


def ellipse_iou(attention_map: np.ndarray, boxes: np.ndarray, image_size: tuple[int, int]) -> float:
    """Return the intersection over union of the ellipses and the cells above half the maximum.

    The threshold is relative because normalized refinement determines a map only up to a factor.
    The result is 0 if neither set has cells: the map is empty and the ellipses are smaller than a
    cell.
    """
    in_ellipse = cells_in_ellipses(attention_map.shape, boxes, image_size)  # (h, w)
    attended = attention_map > attention_map.max() / 2  # (h, w)
    union = (in_ellipse | attended).sum()
    return float((in_ellipse & attended).sum() / union) if union else 0.0


class Localization(NamedTuple):
    """Measures of one map, in [0, 1]; all but the mean are nan if the image has no box."""

    map_mean: float
    pointing: float = math.nan
    pointing_chance: float = math.nan
    energy: float = math.nan
    ellipse_iou: float = math.nan
    smallest_share: float = math.nan


def localization_of(sample: Mapping[str, Any]) -> Localization:
    """Compare the ``attention_map`` of an image with its ``gt_bboxes``.

    Raises:
        KeyError: The image has no ``attention_map``.
        ValueError: The map contains nan.
    """
    if 'attention_map' not in sample:
        raise KeyError(
            "AttentionLocalization needs 'attention_map', which a model without attention does "
            'not output. Remove this metric from the evaluator.'
        )
    attention_map = sample['attention_map'].float().cpu().numpy()
    if np.isnan(attention_map).any():
        raise ValueError(
            f'The attention map of {sample.get("img_path")} contains nan. Check whether training '
            'diverged.'
        )
    seen = Localization(map_mean=float(attention_map.mean(dtype=np.float64)))
    if 'gt_bboxes' not in sample:
        return seen
    image_size = sample['img_shape'][:2]
    boxes = visible_boxes(np.asarray(sample['gt_bboxes'], dtype=np.float32), image_size)
    if not len(boxes):
        return seen
    return seen._replace(
        pointing=pointing_hit(attention_map, boxes, image_size),
        pointing_chance=float(cells_in_boxes(attention_map.shape, boxes, image_size).mean()),
        energy=energy_inside(attention_map, boxes, image_size),
        ellipse_iou=ellipse_iou(attention_map, boxes, image_size),
        smallest_share=smallest_share(boxes, image_size),
    )


@METRICS.register_module()
class AttentionLocalization(ArrayMetric):
    """Metric of how well ``attention_map`` points at the boxes, in percent.

    These are averages over the images with boxes:

    - ``pointing``: how often the maximum of the map lies in a box.
    - ``pointing_chance``: the same for a random cell of the map.
    - ``energy``: the share of the sum of the map that lies in the boxes.
    - ``ellipse_iou``: the IoU of the map above half its maximum with the ellipses in the boxes.

    ``map_mean`` is the mean of the map, averaged over all images. It is 100 for a map of ones.

    Boxes are ``gt_bboxes`` in pixels of the network input, ``img_shape``. Boxes entirely outside
    the input, cut off by the test crop, are ignored. If there are no boxes at all, every metric but
    ``map_mean`` is undefined (None).

    Args:
        collect_device: Device for gathering the results of all ranks, ``cpu`` or ``gpu``.
        prefix: Prefix of the metric names.

    Attributes:
        reads_attention: Marks metrics that need attention maps, not only averaged scores.
    """

    reads_attention = True

    def __init__(self, collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self._warned = False

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Store the measures of each image.

        Raises:
            KeyError: An image has no ``attention_map``.
            ValueError: A map contains nan.
        """
        rows = [localization_of(sample) for sample in data_samples]
        self.results.append(np.array(rows, dtype=np.float64))  # (n, measures)

    def compute_metrics(self, results: np.ndarray) -> dict[str, float | None]:
        """Average the measures over images, in percent."""
        columns = Localization(*results.T)  # (N,) each
        has_boxes = ~np.isnan(columns.smallest_share)
        if not has_boxes.any() and not self._warned:
            self._warned = True
            print_log(
                "No image has visible 'gt_bboxes', so the pointing rate is undefined. Load boxes "
                'with LoadAnnotations(with_bbox=True) and add them to the keys of PackInputs.',
                logger='current',
                level=logging.WARNING,
            )
        metrics = _means(columns, np.flatnonzero(has_boxes))
        metrics['map_mean'] = float(100 * np.mean(columns.map_mean))
        return metrics


@METRICS.register_module()
class AttentionBySize(AttentionLocalization):
    """Metrics of :class:`AttentionLocalization` for images with small, medium and large items.

    They are named ``<measure>/<size>`` and ``images/<size>``. The size of an image is the share
    that its smallest box covers, in the bins of the paper's intuitive labels: below 2%, up to
    20%, above.
    """

    def compute_metrics(self, results: np.ndarray) -> dict[str, float | None]:
        """Average the measures over the images of each size, in percent."""
        columns = Localization(*results.T)  # (N,) each
        sizes = size_of(columns.smallest_share)
        metrics: dict[str, float | None] = {}
        for number, size in enumerate(SIZES):
            rows = np.flatnonzero(sizes == number)
            metrics |= {f'{key}/{size}': value for key, value in _means(columns, rows).items()}
            metrics[f'images/{size}'] = len(rows)
        return metrics


def _means(columns: Localization, rows: np.ndarray) -> dict[str, float | None]:
    """Average the measures over some images, in percent; None if there are no images."""
    return {
        key: float(100 * np.asarray(getattr(columns, key))[rows].mean()) if len(rows) else None
        for key in ('pointing', 'pointing_chance', 'energy', 'ellipse_iou')
    }
