"""Threat image projection: put items into images of bags as a scanner would have seen them.

Transmissions multiply, so an item's patch (:mod:`mmsxm.datasets.threat_cutting`) is multiplied
onto the bag, colour by colour. What pseudo-colours leave inexact is said in
``docs/threat_projection.md``.
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

VISIBLE = 0.95  # what lets more through than this is taken for air
TRIES = 10  # to find an item and a place that fit
COVERED = 0.9  # of an item, at least, lies inside the bag


def bag_mask(image: np.ndarray) -> np.ndarray:
    """Find where the bags are: what is darker than air, and all that it encloses.

    Args:
        image: ``(h, w, 3)`` uint8.

    Returns:
        ``(h, w)`` bool.
    """
    height, width = image.shape[:2]
    scale = 128 / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    dark: np.ndarray = (small < 0.95 * white_level(image)).astype(np.uint8)
    dark = cv2.morphologyEx(dark, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    outlines, _ = cv2.findContours(dark, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    bags = [line for line in outlines if cv2.contourArea(line) > 0.02 * size[0] * size[1]]
    mask = cv2.drawContours(np.zeros_like(dark), bags, -1, 1, cv2.FILLED)
    return cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST) > 0


def visible(patch: np.ndarray) -> np.ndarray:
    """What can be seen of a patch ``(h, w, 3)`` of uint8, ``(h, w)`` of 0 and 1."""
    blue, green, red = cv2.split(patch)  # cv2's minimum is ten times as fast as numpy's over axes
    return (cv2.min(cv2.min(blue, green), red) < VISIBLE * 255).astype(np.uint8)


def turn_patch(patch: np.ndarray, scale: float, angle: float, flip: bool) -> np.ndarray:
    """Scale, mirror and turn a patch; air is added at the corners and cut off at the sides.

    Args:
        patch: ``(h, w, 3)`` uint8, 255 = air.
        scale: Of its sides.
        angle: In degrees.
        flip: Mirror it first.

    Returns:
        ``(h', w', 3)`` uint8, the tight box of what can be seen of it.
    """
    if flip:
        patch = patch[:, ::-1]
    if scale < 1:  # turning alone would skip pixels
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
    """How much BGR colours, 1 = white, are the pure blue by which scanners mark the opaque."""
    blue, others = colours[..., 0], np.maximum(colours[..., 1], colours[..., 2])
    weight = ((0.3 - others) / 0.15).clip(0, 1) * ((blue - 0.6) / 0.2).clip(0, 1)
    return weight[..., None]


def project(image: np.ndarray, patch: np.ndarray, left: int, top: int) -> np.ndarray:
    """Multiply a patch onto an image, its upper left corner at (left, top).

    The level of air, white or grey, is the image's own factor and stays. Pure blue marks what
    nothing passes and is no transmission: an opaque item is opaque in front of anything, and
    nothing in front of an opaque thing changes it.

    Args:
        image: BGR ``(h, w, 3)`` uint8.
        patch: ``(h', w', 3)`` uint8, 255 = everything passes.

    Returns:
        A new image; no pixel is brighter than before, but for the blue of opaque ones.

    Raises:
        ValueError: The patch leaves the image.
    """
    height, width = patch.shape[:2]
    if min(left, top) < 0 or left + width > image.shape[1] or top + height > image.shape[0]:
        raise ValueError(
            f'A patch of {height} x {width} at ({top}, {left}) leaves the image of '
            f'{image.shape[0]} x {image.shape[1]}.'
        )
    white = white_level(image)
    place = np.s_[top : top + height, left : left + width]
    bag, passes = image[place].astype(np.float32), patch.astype(np.float32) / 255
    both = bag * passes
    both += (white * passes - both) * _opaque(passes)
    both += (bag - both) * _opaque(bag / white)
    projected = image.copy()
    projected[place] = (both + 0.5).clip(0, 255).astype(np.uint8)
    return projected


@TRANSFORMS.register_module()
class ThreatImageProjection(BaseTransform):
    """Put items of a bank into the bag, turned, mirrored and scaled, anywhere inside it.

    Belongs right after loading, before the image is resized or cropped and before targets are
    made, so that these follow. An image with labels but without boxes gets no box for the new
    items either: its own items' places are unknown, and a heatmap of the new ones alone would
    call them background. Where nothing fits, the image stays as it is.

    **Required Keys:** img, gt_label, gt_bboxes. **Modified Keys:** img, gt_label (sorted),
    gt_bboxes (the tight box of every new item appended), gt_score (optional), gt_meta_level
    (optional: -1 for none, since a neural level is that of the image without the item).

    Args:
        bank: The file, see ``mmsxm threat-bank``. It is read when the first item is
            drawn, once a process.
        prob: Of an image to get items.
        max_items: It gets 1 to this many of them, any number equally often.
        scale: Between which factors an item's size varies, evenly in their logarithm. At 1 it is
            as many pixels long as where it was cut out: images of one scanner share a scale.
        class_weights: How often each class is drawn, relative to each other; without it classes
            that the bank holds are drawn equally often, and items of a class too.

    Raises:
        ValueError: A number is out of range; later, when the bank is no bank, see :attr:`bank`.
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
                'ThreatImageProjection needs prob in 0..1, max_items of at least 1 and scale as '
                f'(low, high) above 0, not {prob}, {max_items} and {scale}.'
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
        """The bank; FileNotFoundError or ValueError when it can't be read, or lacks the classes."""
        if self._bank is None:
            bank = ThreatBank.load(self.path)
            counts = np.bincount(bank.labels, minlength=len(bank.classes))
            weights = np.ones(len(counts)) if self.class_weights is None else self.class_weights
            if len(weights) != len(counts) or min(weights) < 0 or not np.dot(weights, counts):
                raise ValueError(
                    f'class_weights of ThreatImageProjection are {self.class_weights}, but '
                    f'{self.path} needs a number of 0 or more for each of {", ".join(bank.classes)}'
                    f', of which it holds {", ".join(map(str, counts))} items.'
                )
            weights = np.where(counts, weights, 0)
            self._frequencies = weights / weights.sum()
            self._bank = bank
        return self._bank

    def check_classes(self, classes: Sequence[str]) -> None:
        """Refuse, as :attr:`bank` does, or when the data set's classes are others (ValueError)."""
        if self.prob:
            self.bank.check_classes(classes)

    @cache_randomness
    def _draw_seed(self) -> int:
        # mmcv's transforms draw from the same generator, which the data set seeds
        return int(np.random.randint(2**31))  # noqa: NPY002

    def transform(self, results: dict) -> dict:
        """Project items into one image; ValueError when its heatmap is drawn already."""
        if 'gt_heatmap' in results:
            raise ValueError(
                'ThreatImageProjection stands behind EllipseHeatmap in the pipeline, whose map '
                'would lack the new items: put it right after loading.'
            )
        rng = np.random.default_rng(self._draw_seed())
        if rng.random() >= self.prob:
            return results
        mask = bag_mask(results['img'])
        known = bool(len(results['gt_bboxes']) or not len(results['gt_label']))
        for _ in range(rng.integers(self.max_items) + 1):
            drawn = self._draw(rng, mask)
            if drawn is None:
                continue
            patch, label, left, top = drawn
            results['img'] = project(results['img'], patch, left, top)
            _add_label(results, label)
            if 'gt_meta_level' in results:  # that of the image without the item
                results['gt_meta_level'] = torch.tensor(-1)
            if known:
                box = [left, top, left + patch.shape[1], top + patch.shape[0]]
                boxes = [*np.asarray(results['gt_bboxes']).reshape(-1, 4), box]
                results['gt_bboxes'] = np.array(boxes, dtype=np.float32)
        return results

    def _draw(
        self, rng: np.random.Generator, mask: np.ndarray
    ) -> tuple[np.ndarray, int, int, int] | None:
        """Draw an item and its place in the bag: patch, label, left, top."""
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
            # nothing can be seen of a patch of no pixels
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
    """Add a label to ``gt_label``, a list or an array, and to ``gt_score`` where there is one."""
    given = results['gt_label']
    labels = sorted({int(one) for one in given} | {label})
    results['gt_label'] = (
        np.array(labels, dtype=given.dtype) if isinstance(given, np.ndarray) else labels
    )
    if 'gt_score' in results:
        score = results['gt_score'].copy()
        score[label] = 1
        results['gt_score'] = score
