"""Targets of the two auxiliary tasks (Sec. 3.2, "Ground-truth Generation", and 4.5).

Both follow from boxes. Ellipses inscribed in the boxes are the target of Stage I. The share of the
image that the smallest box covers gives the level of MF-I.

Deviation, where paper and authors' code differ: the code downsamples the drawing bilinearly and
divides each map by its own maximum if that exceeds 0.2. Ours is averaged and remains a plain
coverage.
"""

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform

from mmsxm.conventions import size_of, smallest_box_share
from mmsxm.registry import TRANSFORMS


def draw_ellipses(
    boxes: np.ndarray, image_size: tuple[int, int], map_size: tuple[int, int]
) -> np.ndarray:
    """Draw the ellipse inscribed in each box, 1 inside and 0 outside.

    The ellipses are drawn at the resolution of the image, where a pixel belongs to an ellipse if
    its center does. The drawing is then downsampled by averaging, so that edges are soft.

    Args:
        boxes: ``(n, 4)`` xyxy in image pixels; they may leave the image.
        image_size: (h, w).
        map_size: (h, w) of the result.

    Returns:
        ``(h, w)`` float32 in [0, 1].
    """
    height, width = image_size
    drawn = np.zeros(image_size, dtype=np.float32)
    for x1, y1, x2, y2 in np.asarray(boxes, dtype=np.float64).reshape(-1, 4):
        if x2 <= x1 or y2 <= y1:
            continue
        left, right = max(int(x1), 0), min(int(np.ceil(x2)), width)
        top, bottom = max(int(y1), 0), min(int(np.ceil(y2)), height)
        if right <= left or bottom <= top:  # outside the image
            continue
        x = (np.arange(left, right) + 0.5 - (x1 + x2) / 2) / ((x2 - x1) / 2)
        y = (np.arange(top, bottom) + 0.5 - (y1 + y2) / 2) / ((y2 - y1) / 2)
        drawn[top:bottom, left:right][x[None, :] ** 2 + y[:, None] ** 2 <= 1] = 1
    if map_size == image_size:
        return drawn
    return cv2.resize(drawn, map_size[::-1], interpolation=cv2.INTER_AREA)  # map_size


def heatmap_size(image_size: tuple[int, int], stride: int) -> tuple[int, int]:
    """Return the size (h, w) of the maps of an image of size (h, w).

    Maps start at stride 8 and double their resolution from there.
    """
    steps = 8 // stride
    height, width = image_size
    return -(-height // 8) * steps, -(-width // 8) * steps


@TRANSFORMS.register_module()
class EllipseHeatmap(BaseTransform):
    """Draw the target of the attention head.

    A bag without items gets an empty map. An image with an item without a box (``unboxed_labels``,
    or labels but no boxes) gets -1 everywhere, which the loss ignores: the position of the item is
    unknown, so no part of the image is certainly background.

    **Required Keys:** img_shape, gt_bboxes, gt_label, unboxed_labels (optional).

    **Modified Keys:** none.

    **Added Keys:** gt_heatmap, a float32 tensor (1, h, w) in [0, 1], or filled with -1.

    Args:
        stride: Stride of the finest attention map.
    """

    needs_boxes = True

    def __init__(self, stride: int = 4) -> None:
        if stride not in (8, 4, 2):
            raise ValueError(
                f'stride={stride} is not a stride of attention maps: set it to 8, 4 or 2.'
            )
        self.stride = stride

    def transform(self, results: dict) -> dict:
        """Draw the ellipses of one image."""
        image_size = tuple(results['img_shape'][:2])
        map_size = heatmap_size(image_size, self.stride)
        unboxed = len(results['gt_label']) and not len(results['gt_bboxes'])
        if unboxed or results.get('unboxed_labels'):
            heatmap = np.full(map_size, -1, dtype=np.float32)
        else:
            heatmap = draw_ellipses(results['gt_bboxes'], image_size, map_size)
        results['gt_heatmap'] = torch.from_numpy(heatmap)[None]  # (1, h, w)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(stride={self.stride})'


def intuitive_level(boxes: np.ndarray, image_size: tuple[int, int]) -> int:
    """Return the level to trust by the share of the image that the smallest box covers (MF-I).

    Args:
        boxes: ``(n, 4)`` xyxy in image pixels.
        image_size: (h, w).

    Returns:
        0 for P3 (under 2%), 1 for P4, 2 for P5 (over 20%), -1 without boxes.
    """
    return int(size_of(smallest_box_share(boxes, image_size)))


@TRANSFORMS.register_module()
class IntuitiveMetaLevel(BaseTransform):
    """Set the level of MF-I with :func:`intuitive_level`.

    Place it before ``RandomCrop``. Like the neural label, the level is a property of the whole
    image. ``ItemCrop`` comes before it: its crop replaces the image, and items are larger there.

    **Required Keys:** img_shape, gt_bboxes.

    **Modified Keys:** none.

    **Added Keys:** gt_meta_level, an int64 scalar tensor, -1 without boxes.
    """

    needs_boxes = True

    def transform(self, results: dict) -> dict:
        """Set the level of one image.

        Raises:
            ValueError: The image already has a level from ``meta_labels`` of the dataset.
        """
        if 'gt_meta_level' in results:
            raise ValueError(
                'IntuitiveMetaLevel (MF-I) would replace the levels of meta_labels (MF-N). Remove '
                'one of them.'
            )
        level = intuitive_level(results['gt_bboxes'], results['img_shape'][:2])
        results['gt_meta_level'] = torch.tensor(level)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
