"""Whether attention looks at the items: the pointing game.

The paper shows its maps (Fig. 5) and measures none. In Stage II, where no loss is left on the map,
it can rise to 1 everywhere: then the pointing rate falls to chance, and the map's mean shows why.
"""

import logging
import math
from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmsxm.registry import METRICS

__all__ = ['AttentionLocalization', 'cells_in_boxes', 'pointing_hit', 'visible_boxes']


def visible_boxes(boxes: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """Those of the boxes (n, 4), xyxy, that have an area in the image of size (h, w)."""
    height, width = image_size
    x1, y1, x2, y2 = boxes.T
    visible_width = np.minimum(x2, width) - np.maximum(x1, 0)
    visible_height = np.minimum(y2, height) - np.maximum(y1, 0)
    return boxes[(visible_width > 0) & (visible_height > 0)]


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
    y = (np.arange(map_size[0]) + 0.5) * image_size[0] / map_size[0]
    x = (np.arange(map_size[1]) + 0.5) * image_size[1] / map_size[1]
    x1, y1, x2, y2 = boxes.T[:, :, None]  # each (n, 1)
    rows = (y1 <= y) & (y < y2)  # (n, h)
    columns = (x1 <= x) & (x < x2)  # (n, w)
    return (rows[:, :, None] & columns[:, None, :]).any(axis=0)


def pointing_hit(
    attention_map: np.ndarray, boxes: np.ndarray, image_size: tuple[int, int]
) -> float:
    """Whether the maximum of a map (h, w) lies in one of the boxes: 0 or 1.

    Of several equal maxima it is the share that lies in a box: a flat map scores what a random
    pixel does.
    """
    inside = cells_in_boxes(attention_map.shape, boxes, image_size)
    return float(inside[attention_map == attention_map.max()].mean())


@METRICS.register_module()
class AttentionLocalization(BaseMetric):
    """How well ``attention_map`` points at the boxes, in percent.

    - ``pointing``: over the images with boxes, how often the map's maximum lies in a box;
    - ``pointing_chance``: the same for a random cell of the map;
    - ``map_mean``: the mean of the map over all images, 100 for a map of ones.

    Boxes are ``gt_bboxes`` in pixels of the network's input, ``img_shape``. A box wholly outside
    of it, cut off by the test crop, is no box. Without any box the first two are undefined (None).

    Args:
        collect_device: ``cpu`` or ``gpu``, by which the ranks' results are gathered.
        prefix: Put before the names of the metrics.
    """

    default_prefix = 'xray'

    def __init__(self, collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self._warned = False

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep (hit, chance, mean) of each image, the first two nan where it has no box.

        Raises:
            KeyError: When an image has no ``attention_map``.
            ValueError: When a map holds nan.
        """
        for sample in data_samples:
            if 'attention_map' not in sample:
                raise KeyError(
                    "AttentionLocalization needs 'attention_map', which a model without "
                    'attention does not give: leave it out of the evaluator'
                )
            attention_map = sample['attention_map'].float().cpu().numpy()
            if np.isnan(attention_map).any():
                raise ValueError(f'the attention map of {sample.get("img_path")} holds nan')
            hit = chance = math.nan
            if 'gt_bboxes' in sample:
                image_size = sample['img_shape'][:2]
                boxes = visible_boxes(np.asarray(sample['gt_bboxes'], dtype=np.float32), image_size)
                if len(boxes):
                    hit = pointing_hit(attention_map, boxes, image_size)
                    inside = cells_in_boxes(attention_map.shape, boxes, image_size)
                    chance = float(inside.mean())
            mean = float(attention_map.mean(dtype=np.float64))
            self.results.append((hit, chance, mean))

    def compute_metrics(self, results: list[tuple[float, float, float]]) -> dict[str, float | None]:
        """``pointing``, ``pointing_chance`` and ``map_mean`` of all images, in percent."""
        hits, chances, means = 100 * np.array(results, dtype=np.float64).T
        with_box = ~np.isnan(hits)
        if not with_box.any() and not self._warned:
            self._warned = True
            print_log(
                "no image has 'gt_bboxes' in view: the pointing rate is undefined. Boxes come "
                'through LoadAnnotations(with_bbox=True) and the keys that PackInputs packs',
                logger='current',
                level=logging.WARNING,
            )
        return {
            'pointing': float(hits[with_box].mean()) if with_box.any() else None,
            'pointing_chance': float(chances[with_box].mean()) if with_box.any() else None,
            'map_mean': float(means.mean()),
        }
