"""Whether attention looks at the items: pointing, energy inside boxes, overlap with ellipses.

The paper shows its maps (Fig. 5) and measures none. In Stage II, where no loss is left on the map,
it can rise to 1 everywhere: then the pointing rate falls to chance, and the map's mean shows why.
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
    """Those of the boxes (n, 4), xyxy, that have an area in the image of size (h, w)."""
    height, width = image_size
    x1, y1, x2, y2 = boxes.T
    visible_width = np.minimum(x2, width) - np.maximum(x1, 0)
    visible_height = np.minimum(y2, height) - np.maximum(y1, 0)
    return boxes[(visible_width > 0) & (visible_height > 0)]


def smallest_share(boxes: np.ndarray, image_size: tuple[int, int]) -> float:
    """The share of an image of size (h, w) that the smallest of the visible boxes (n, 4) covers.

    It is nan where no box is visible.
    """
    return smallest_box_share(visible_boxes(boxes, image_size), image_size)


def cells_in_boxes(
    map_size: tuple[int, int], boxes: np.ndarray, image_size: tuple[int, int]
) -> np.ndarray:
    """Which cells of a map have their centre in one of the boxes.

    Args:
        map_size: (h, w) of the map, which spans the whole image.
        boxes: (n, 4), xyxy in pixels of the image.
        image_size: (h, w) of the image.

    Returns:
        (h, w) of bool.
    """
    y, x = _centres(map_size, image_size)
    x1, y1, x2, y2 = boxes.T[:, :, None]  # each (n, 1)
    rows = (y1 <= y) & (y < y2)  # (n, h)
    columns = (x1 <= x) & (x < x2)  # (n, w)
    return (rows[:, :, None] & columns[:, None, :]).any(axis=0)


def cells_in_ellipses(
    map_size: tuple[int, int], boxes: np.ndarray, image_size: tuple[int, int]
) -> np.ndarray:
    """Which cells of a map have their centre in the ellipse inscribed in one of the boxes.

    Arguments and result are those of :func:`cells_in_boxes`.
    """
    y, x = _centres(map_size, image_size)
    x1, y1, x2, y2 = boxes.T[:, :, None]  # each (n, 1)
    rows = (2 * y - y1 - y2) / (y2 - y1)  # (n, h), -1 to 1 within the box
    columns = (2 * x - x1 - x2) / (x2 - x1)  # (n, w)
    return (rows[:, :, None] ** 2 + columns[:, None, :] ** 2 <= 1).any(axis=0)


def _centres(
    map_size: tuple[int, int], image_size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The cells' centres in pixels of the image: y (h,) and x (w,)."""
    y = (np.arange(map_size[0]) + 0.5) * image_size[0] / map_size[0]
    x = (np.arange(map_size[1]) + 0.5) * image_size[1] / map_size[1]
    return y, x


def pointing_hit(
    attention_map: np.ndarray, boxes: np.ndarray, image_size: tuple[int, int]
) -> float:
    """Whether the maximum of a map (h, w) lies in one of the boxes: 0 or 1.

    Of several equal maxima it is the share that lies in a box: a flat map scores what a random
    pixel does.
    """
    inside = cells_in_boxes(attention_map.shape, boxes, image_size)
    return float(inside[attention_map == attention_map.max()].mean())


def energy_inside(
    attention_map: np.ndarray, boxes: np.ndarray, image_size: tuple[int, int]
) -> float:
    """The share of a map's sum (h, w) that lies in the boxes; of an empty map, that of its cells.

    A flat map scores what :func:`pointing_hit` scores by chance.
    """
    inside = cells_in_boxes(attention_map.shape, boxes, image_size)
    total = attention_map.sum(dtype=np.float64)
    if total <= 0:
        return float(inside.mean())
    return float(attention_map[inside].sum(dtype=np.float64) / total)


def ellipse_iou(attention_map: np.ndarray, boxes: np.ndarray, image_size: tuple[int, int]) -> float:
    """Intersection over union of the ellipses and the cells above half of the map's maximum.

    The threshold is relative, since the normalised refinement knows a map up to a factor alone. An
    empty map has no such cells, and neither have ellipses that are smaller than a cell: then it
    is 0.
    """
    wanted = cells_in_ellipses(attention_map.shape, boxes, image_size)
    found = attention_map > attention_map.max() / 2
    union = (wanted | found).sum()
    return float((wanted & found).sum() / union) if union else 0.0


class Localization(NamedTuple):
    """How the map of one image lies on its boxes, in [0, 1]; nan where it has no box."""

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
            "AttentionLocalization needs 'attention_map', which a model without "
            'attention does not give: leave it out of the evaluator'
        )
    attention_map = sample['attention_map'].float().cpu().numpy()
    if np.isnan(attention_map).any():
        raise ValueError(f'the attention map of {sample.get("img_path")} holds nan')
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
    """How well ``attention_map`` points at the boxes, in percent.

    Means over the images with boxes:

    - ``pointing``: how often the map's maximum lies in a box;
    - ``pointing_chance``: the same for a random cell of the map;
    - ``energy``: the share of the map's sum that lies in the boxes;
    - ``ellipse_iou``: of the map above half of its maximum with the ellipses in the boxes;

    and over all images ``map_mean``, the mean of the map, 100 for a map of ones.

    Boxes are ``gt_bboxes`` in pixels of the network's input, ``img_shape``. A box wholly outside
    of it, cut off by the test crop, is no box. Without any box all but the last are undefined
    (None).

    Args:
        collect_device: ``cpu`` or ``gpu``, by which the ranks' results are gathered.
        prefix: Put before the names of the metrics.

    Attributes:
        reads_attention: Marks metrics that averaged scores are not enough for.
    """

    reads_attention = True

    def __init__(self, collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self._warned = False

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep the measures of each image.

        Raises:
            KeyError: When an image has no ``attention_map``.
            ValueError: When a map holds nan.
        """
        rows = [localization_of(sample) for sample in data_samples]
        self.results.append(np.array(rows, dtype=np.float64))

    def compute_metrics(self, results: np.ndarray) -> dict[str, float | None]:
        """The means over images, in percent."""
        columns = Localization(*results.T)
        boxed = ~np.isnan(columns.smallest_share)
        if not boxed.any() and not self._warned:
            self._warned = True
            print_log(
                "no image has 'gt_bboxes' in view: the pointing rate is undefined. Boxes come "
                'through LoadAnnotations(with_bbox=True) and the keys that PackInputs packs',
                logger='current',
                level=logging.WARNING,
            )
        metrics = _means(columns, np.flatnonzero(boxed))
        metrics['map_mean'] = float(100 * np.mean(columns.map_mean))
        return metrics


@METRICS.register_module()
class AttentionBySize(AttentionLocalization):
    """What :class:`AttentionLocalization` measures, for images of small, medium and large items.

    ``<measure>/<size>`` and ``images/<size>``; an image's size is the share of it that its smallest
    box covers, in the bins of the paper's intuitive labels: below 2 %, to 20 %, above.
    """

    def compute_metrics(self, results: np.ndarray) -> dict[str, float | None]:
        """The means over the images of each size, in percent."""
        columns = Localization(*results.T)
        sizes = size_of(columns.smallest_share)
        metrics: dict[str, float | None] = {}
        for number, size in enumerate(SIZES):
            rows = np.flatnonzero(sizes == number)
            metrics |= {f'{key}/{size}': value for key, value in _means(columns, rows).items()}
            metrics[f'images/{size}'] = len(rows)
        return metrics


def _means(columns: Localization, rows: np.ndarray) -> dict[str, float | None]:
    """The means of the measures over some images, in percent; None where there are none."""
    return {
        key: float(100 * np.asarray(getattr(columns, key))[rows].mean()) if len(rows) else None
        for key in ('pointing', 'pointing_chance', 'energy', 'ellipse_iou')
    }
