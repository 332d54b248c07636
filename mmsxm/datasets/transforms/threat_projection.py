"""Threat image projection: put items into images of bags as a scanner would have seen them.

Transmissions multiply, so the patch of an item (:mod:`mmsxm.datasets.threat_cutting`) is multiplied
onto the bag, color by color. ``docs/threat_projection.md`` explains where pseudo-colors make this
inexact.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmsxm.datasets.threat_bank_file import Threat, ThreatBank
from mmsxm.datasets.threat_cutting import white_level
from mmsxm.registry import TRANSFORMS

VISIBLE = 0.95  # pixels that transmit more than this count as air
TRIES = 10  # attempts to find an item and a position that fit
COVERED = 0.9  # minimum share of an item inside the bag


def bag_mask(image: np.ndarray) -> np.ndarray:
    """Find the bags: everything darker than air, and all that it encloses.

    Args:
        image: ``(h, w, 3)`` uint8.

    Returns:
        ``(h, w)`` bool.
    """
    height, width = image.shape[:2]
    scale = 128 / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)  # (h, w)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    dark: np.ndarray = (small < 0.95 * white_level(image)).astype(np.uint8)
    dark = cv2.morphologyEx(dark, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    outlines, _ = cv2.findContours(dark, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    bags = [line for line in outlines if cv2.contourArea(line) > 0.02 * size[0] * size[1]]
    mask = cv2.drawContours(np.zeros_like(dark), bags, -1, 1, cv2.FILLED)
    return cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST) > 0


def visible(patch: np.ndarray) -> np.ndarray:
    """Return the mask ``(h, w)`` of 0 and 1 of what is visible in a uint8 patch ``(h, w, 3)``."""
    blue, green, red = cv2.split(patch)  # cv2's minimum is ten times as fast as numpy's
    return (cv2.min(cv2.min(blue, green), red) < VISIBLE * 255).astype(np.uint8)


def turn_patch(patch: np.ndarray, scale: float, angle: float, flip: bool) -> np.ndarray:
    """Scale, mirror and rotate a patch. Fill the corners with air and trim the sides.

    Args:
        patch: ``(h, w, 3)`` uint8, 255 = air.
        scale: Scale factor of the sides.
        angle: Angle in degrees.
        flip: Whether to mirror the patch first.

    Returns:
        ``(h', w', 3)`` uint8, the tight box of the visible pixels.
    """
    if flip:
        patch = patch[:, ::-1]
    if scale < 1:  # warpAffine alone would skip pixels
        sides = [max(round(side * scale), 1) for side in patch.shape[1::-1]]
        patch, scale = cv2.resize(patch, sides, interpolation=cv2.INTER_AREA), 1.0
    height, width = patch.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, scale)
    cos, sin = np.abs(matrix[0, :2])
    new_width = int(np.ceil(width * cos + height * sin)) + 2
    new_height = int(np.ceil(width * sin + height * cos)) + 2
    matrix[:, 2] += (new_width - width) / 2, (new_height - height) / 2
    turned = cv2.warpAffine(
        np.ascontiguousarray(patch), matrix, (new_width, new_height), borderValue=(255, 255, 255)
    )
    left, top, width, height = cv2.boundingRect(visible(turned))
    return turned[top : top + height, left : left + width]


def _opaque(colours: np.ndarray) -> np.ndarray:
    """Return how close BGR colors (1 = white) are to the pure blue that marks opaque objects."""
    blue, others = colours[..., 0], np.maximum(colours[..., 1], colours[..., 2])
    weight = ((0.3 - others) / 0.15).clip(0, 1) * ((blue - 0.6) / 0.2).clip(0, 1)
    return weight[..., None]


def project(image: np.ndarray, patch: np.ndarray, left: int, top: int) -> np.ndarray:
    """Multiply a patch onto an image, with its upper left corner at (left, top).

    The level of air, white or gray, is a factor of the image itself and stays. Pure blue marks
    what nothing passes through and is not a transmission. An opaque item is opaque in front of
    anything, and nothing in front of an opaque object changes it.

    Args:
        image: BGR ``(h, w, 3)`` uint8.
        patch: ``(h', w', 3)`` uint8, 255 = everything passes.

    Returns:
        A new image. No pixel is brighter than before, except the blue of opaque pixels.

    Raises:
        ValueError: The patch leaves the image.
    """
    height, width = patch.shape[:2]
    if min(left, top) < 0 or left + width > image.shape[1] or top + height > image.shape[0]:
        raise ValueError(
            f'A patch of {height} x {width} at ({top}, {left}) leaves the image of '
            f'{image.shape[0]} x {image.shape[1]}. Move it or make it smaller.'
        )
    white = white_level(image)
    place = np.s_[top : top + height, left : left + width]
    bag, passes = image[place].astype(np.float32), patch.astype(np.float32) / 255
    projected_bag = bag * passes
    projected_bag += (white * passes - projected_bag) * _opaque(passes)
    projected_bag += (bag - projected_bag) * _opaque(bag / white)
    projected = image.copy()
    projected[place] = (projected_bag + 0.5).clip(0, 255).astype(np.uint8)
    return projected


@TRANSFORMS.register_module()
class ThreatImageProjection(BaseTransform):
    """Project items of a bank into the bag: rotated, mirrored, scaled, anywhere inside it.

    Place it right after loading, before the image is resized or cropped and before targets are
    created, so that these follow. If nothing fits, the image stays as it is.

    An image with labels but without boxes gets no box for the new items either. The positions of
    its own items are unknown, so a heatmap of only the new items would mark them as background.

    **Required Keys:** img, gt_label, gt_bboxes.

    **Modified Keys:** img, gt_label (sorted), gt_bboxes (the tight box of each new item is
    appended), gt_bboxes_labels and gt_ignore_flags (optional: likewise), gt_score (optional),
    gt_meta_level (optional: set to -1 for none, because a neural level is that of the image without
    the item).

    **Added Keys:** none.

    Args:
        bank: File of the bank, see ``mmsxm threat-bank``. Each process reads it when it draws its
            first item.
        prob: Probability that an image gets items.
        max_items: Maximum number of items. All numbers from 1 to this are equally likely.
        scale: Range of the scale factor of an item, drawn uniformly in the logarithm. At 1, the
            item has as many pixels as where it was cut out: images of one scanner share a scale.
        class_weights: Relative frequencies of the classes. By default, all classes in the bank are
            equally likely. The items of a class are always equally likely.

    Raises:
        ValueError: A number is out of range. Later, the bank may be invalid, see :attr:`bank`.
    """

    def __init__(
        self,
        bank: str,
        prob: float = 0.5,
        max_items: int = 1,
        scale: tuple[float, float] = (0.8, 1.25),
        class_weights: Sequence[float] | None = None,
    ) -> None:
        if not 0 <= prob <= 1 or max_items < 1 or not 0 < scale[0] <= scale[1]:
            raise ValueError(
                'ThreatImageProjection needs prob in 0..1, max_items of at least 1, and scale as '
                f'(low, high) above 0. It got {prob}, {max_items} and {scale}.'
            )
        self.path = bank
        self.prob = prob
        self.max_items = max_items
        self.scale = scale
        self.class_weights = class_weights
        self._bank: ThreatBank | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_bank': None}  # every process reads its own

    @property
    def bank(self) -> ThreatBank:
        """Return the bank.

        Raises:
            FileNotFoundError: The file does not exist.
            ValueError: The file is unreadable, or ``class_weights`` do not fit its classes.
        """
        if self._bank is None:
            bank = ThreatBank.load(self.path)
            counts = np.bincount(bank.labels, minlength=len(bank.classes))
            weights = np.ones(len(counts)) if self.class_weights is None else self.class_weights
            if len(weights) != len(counts) or min(weights) < 0 or not np.dot(weights, counts):
                raise ValueError(
                    f'class_weights={self.class_weights} of ThreatImageProjection do not fit '
                    f'{self.path}: it has {", ".join(map(str, counts))} items of '
                    f'{", ".join(bank.classes)}. Give a number of 0 or more for each class. At '
                    'least one class with items needs more than 0.'
                )
            weights = np.where(counts, weights, 0)
            self._frequencies = weights / weights.sum()
            self._bank = bank
        return self._bank

    def check_classes(self, classes: Sequence[str]) -> None:
        """Check that the bank is valid and has the classes of the dataset.

        Raises:
            FileNotFoundError: The file does not exist.
            ValueError: The bank is invalid, or the classes differ.
        """
        if self.prob:
            self.bank.check_classes(classes)

    @cache_randomness
    def _draw_seed(self) -> int:
        # mmcv's transforms draw from the same generator, which the dataset seeds
        return int(np.random.randint(2**31))  # noqa: NPY002

    def transform(self, results: dict) -> dict:
        """Project items into one image.

        Raises:
            ValueError: The heatmap of the image is already drawn.
        """
        if 'gt_heatmap' in results:
            raise ValueError(
                'ThreatImageProjection comes after EllipseHeatmap or ClassHeatmap in the pipeline, '
                'so the heatmap would lack the new items. Put it right after loading.'
            )
        rng = np.random.default_rng(self._draw_seed())
        if rng.random() >= self.prob:
            return results
        mask = bag_mask(results['img'])
        boxes_known = bool(len(results['gt_bboxes']) or not len(results['gt_label']))
        for _ in range(rng.integers(self.max_items) + 1):
            drawn = self._draw(rng, mask)
            if drawn is None:
                continue
            patch, label, left, top = drawn
            results['img'] = project(results['img'], patch, left, top)
            _add_label(results, label)
            if 'gt_meta_level' in results:  # it is the level of the image without the item
                results['gt_meta_level'] = torch.tensor(-1)
            if boxes_known:
                box = [left, top, left + patch.shape[1], top + patch.shape[0]]
                boxes = [*np.asarray(results['gt_bboxes']).reshape(-1, 4), box]
                results['gt_bboxes'] = np.array(boxes, dtype=np.float32)
                for key, value in (('gt_bboxes_labels', label), ('gt_ignore_flags', False)):
                    if key in results:
                        given = np.asarray(results[key])
                        results[key] = np.append(given, np.array(value, dtype=given.dtype))
        return results

    def _draw(
        self, rng: np.random.Generator, mask: np.ndarray
    ) -> tuple[np.ndarray, int, int, int] | None:
        """Draw an item and its position in the bag: patch, label, left, top."""
        inside = np.flatnonzero(mask)
        if not len(inside):
            return None
        for _ in range(TRIES):
            threat = self._draw_threat(rng)
            scale = threat.scale * np.exp(rng.uniform(*np.log(self.scale)))
            angle, flip = rng.uniform(0, 360), rng.random() < 0.5
            y, x = divmod(int(rng.choice(inside)), mask.shape[1])
            if scale * max(threat.patch.shape) > max(mask.shape):
                continue
            patch = turn_patch(threat.patch, scale, angle, flip)
            height, width = patch.shape[:2]
            top, left = y - height // 2, x - width // 2
            if min(left, top) < 0:
                continue
            under = mask[top : top + height, left : left + width]
            # an empty patch has no visible pixels
            if under.shape != (height, width) or not under.size:
                continue
            if under[visible(patch) > 0].mean() >= COVERED:
                return patch, threat.label, left, top
        return None

    def _draw_threat(self, rng: np.random.Generator) -> Threat:
        bank = self.bank
        label = rng.choice(len(bank.classes), p=self._frequencies)
        return bank[int(rng.choice(np.flatnonzero(bank.labels == label)))]

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(bank={self.path!r}, prob={self.prob}, '
            f'max_items={self.max_items}, scale={self.scale}, class_weights={self.class_weights})'
        )


def _add_label(results: dict, label: int) -> None:
    """Add a label to ``gt_label`` (a list or an array) and to ``gt_score`` if present."""
    given = results['gt_label']
    labels = sorted({int(value) for value in given} | {label})
    results['gt_label'] = (
        np.array(labels, dtype=given.dtype) if isinstance(given, np.ndarray) else labels
    )
    if 'gt_score' in results:
        score = results['gt_score'].copy()
        score[label] = 1
        results['gt_score'] = score
