"""Item crops: zoom in on a random box, so that a network sees items large and out of context.

Ours, not in the paper. It is the scale jitter of detectors (SNIPER, arXiv:1805.09300) for a
classifier: boxes tell which labels of the image remain true for a part of it.
"""

import math
from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmsxm.datasets.class_names import check_num_classes
from mmsxm.datasets.transforms.geometry import crop
from mmsxm.registry import TRANSFORMS

__all__ = ['ItemCrop', 'covered_shares', 'square_around', 'visible_shares', 'visible_targets']

COVERED = 0.1  # a box that covers more than this share of the window is not absent from it


def square_around(
    box: np.ndarray, scale: float, shift: tuple[float, float], image_size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Return a square window around a box, moved into the image and cut at its borders.

    Args:
        box: ``(4,)`` xyxy in image pixels.
        scale: Side of the square, in longer sides of the box.
        shift: Displacement of the square's center from the box's center, (x, y), in sides of the
            square.
        image_size: (h, w).

    Returns:
        Left, top, right, bottom. The window is not square if the image is smaller than its side.
    """
    side = scale * max(box[2] - box[0], box[3] - box[1])
    window = []
    for low, high, moved, length in zip(box[:2], box[2:], shift, image_size[::-1], strict=True):
        size = min(max(round(side), 1), length)
        start = round((low + high) / 2 + moved * side - size / 2)
        start = min(max(start, 0), length - size)
        window.append((start, start + size))
    (left, right), (top, bottom) = window
    return left, top, right, bottom


def visible_shares(boxes: np.ndarray, window: tuple[int, int, int, int]) -> np.ndarray:
    """Return the share of each box ``(n, 4)``, xyxy, that lies in a window: ``(n,)`` in [0, 1]."""
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)  # (n,)
    return _shared_areas(boxes, window) / np.maximum(area, np.finfo(np.float32).tiny)


def covered_shares(boxes: np.ndarray, window: tuple[int, int, int, int]) -> np.ndarray:
    """Return the share of a window that each box ``(n, 4)``, xyxy, covers: ``(n,)`` in [0, 1]."""
    left, top, right, bottom = window
    return _shared_areas(boxes, window) / ((right - left) * (bottom - top))


def _shared_areas(boxes: np.ndarray, window: tuple[int, int, int, int]) -> np.ndarray:
    low = np.maximum(boxes[:, :2], window[:2])
    high = np.minimum(boxes[:, 2:], window[2:])
    return (high - low).clip(min=0).prod(axis=1)  # (n,)


def visible_targets(
    target: np.ndarray,
    shares: np.ndarray,
    labels: np.ndarray,
    absent_below: float = 0.1,
    present_from: float = 0.6,
    never_absent: Sequence[int] = (),
) -> np.ndarray:
    """Return what a crop shows of each class: 1, 0, or -1 if that is unclear.

    Only a class with label 1 can change. It is judged by its most visible box. It is unclear if
    this box is partly visible, or if the class has no box.

    Args:
        target: Targets of the whole image: 1, 0 or -1, ``(C,)``.
        shares: Visible share of each box, ``(n,)``.
        labels: Class of each box, ``(n,)``.
        absent_below: A class with a smaller share is absent.
        present_from: A class with at least this share is present.
        never_absent: Classes of which the crop may show more than these shares. They are unclear
            instead of absent.
    """
    best = np.full(len(target), -1.0)
    np.maximum.at(best, labels, shares)  # (C,), -1 for a class without a box
    unclear = np.where(best < present_from, -1, 1)
    maybe_shown = np.isin(np.arange(len(target)), never_absent) | (best < 0)
    shown = np.where((best < absent_below) & ~maybe_shown, 0, unclear)
    return np.where(target == 1, shown, target).astype(np.float32)  # (C,)


@TRANSFORMS.register_module()
class ItemCrop(BaseTransform):
    """Crop a square around a random box; the targets follow.

    Boxes that the crop hardly shows are removed. An image without boxes stays whole.

    A class that is 0 or ignored in the whole image is the same in a crop, even if it has a box. A
    class with label 1 is never absent from a crop if one of its items has no box
    (``unboxed_labels``), or if a box of it covers more than 10% of the crop, as a large box around
    a small one does. It is ignored instead, or present if another of its boxes is.

    Place it before the transforms that compute targets from boxes.

    **Required Keys:** img, gt_bboxes, gt_bboxes_labels, gt_label, gt_score (optional),
    unboxed_labels (optional).

    **Modified Keys:** img, img_shape, gt_bboxes, gt_bboxes_labels, gt_label, gt_ignore_flags
    (optional).

    **Added Keys:** gt_score, float32 ``(C,)``: 1, 0, or -1 for classes that the loss ignores.

    Args:
        num_classes: Number of labels, C.
        prob: Share of the images that are cropped.
        scale: Least and greatest side of the square, in longer sides of the box, at least 1.
        max_shift: Greatest displacement of the square along each axis, in sides of the square.
        absent_below: A class is absent if less than this share of each of its boxes is visible.
        present_from: A class is present if at least this share of one of its boxes is visible.
            Between the two it is ignored.
    """

    def __init__(
        self,
        num_classes: int,
        prob: float = 0.5,
        scale: tuple[float, float] = (1.5, 3.0),
        max_shift: float = 0.15,
        absent_below: float = 0.1,
        present_from: float = 0.6,
    ) -> None:
        if not 1 <= scale[0] <= scale[1]:
            raise ValueError(
                f'scale={scale} must be two numbers of at least 1 in increasing order: a smaller '
                'square cuts its box.'
            )
        if not 0 <= absent_below <= present_from <= 1:
            raise ValueError(
                f'absent_below={absent_below} and present_from={present_from} are shares of a box: '
                'they must be within 0 and 1 and in increasing order.'
            )
        self.num_classes = num_classes
        self.prob = prob
        self.scale = scale
        self.max_shift = max_shift
        self.absent_below = absent_below
        self.present_from = present_from

    def check_classes(self, classes: Sequence[str]) -> None:
        """Compare ``num_classes`` with the classes of a dataset.

        Raises:
            ValueError: They differ.
        """
        check_num_classes(type(self).__name__, self.num_classes, classes)

    @cache_randomness
    def _draw(self, boxes: int) -> tuple[int, float, tuple[float, float]] | None:
        # mmcv's transforms draw from the same generator, which the dataset seeds
        if np.random.random() >= self.prob or not boxes:  # noqa: NPY002
            return None
        index = int(np.random.randint(boxes))  # noqa: NPY002
        low, high = map(math.log, self.scale)
        scale = math.exp(np.random.uniform(low, high))  # noqa: NPY002
        x, y = np.random.uniform(-self.max_shift, self.max_shift, size=2)  # noqa: NPY002
        return index, scale, (float(x), float(y))

    def transform(self, results: dict) -> dict:
        """Crop an image, or keep it whole."""
        if 'gt_score' in results:
            target = np.asarray(results['gt_score'], dtype=np.float32)
        else:
            target = np.zeros(self.num_classes, dtype=np.float32)
            target[list(results['gt_label'])] = 1
        drawn = self._draw(len(results['gt_bboxes']))
        if drawn is not None:
            boxes, labels = results['gt_bboxes'], results['gt_bboxes_labels']
            index, scale, shift = drawn
            window = square_around(boxes[index], scale, shift, results['img'].shape[:2])
            shares = visible_shares(boxes, window)
            covers = covered_shares(boxes, window) > COVERED
            never_absent = [*labels[covers], *results.get('unboxed_labels', ())]
            target = visible_targets(
                target, shares, labels, self.absent_below, self.present_from, never_absent
            )
            left, top, right, bottom = window
            crop(results, left, top, bottom - top, right - left)
            kept = (shares >= self.absent_below) | covers
            for key in ('gt_bboxes', 'gt_bboxes_labels', 'gt_ignore_flags'):
                if key in results:
                    results[key] = results[key][kept]
            results['gt_label'] = np.flatnonzero(target == 1).tolist()
        results['gt_score'] = target
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(num_classes={self.num_classes}, prob={self.prob}, '
            f'scale={self.scale}, max_shift={self.max_shift}, absent_below={self.absent_below}, '
            f'present_from={self.present_from})'
        )
