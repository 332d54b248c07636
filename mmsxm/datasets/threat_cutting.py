"""Cutting of annotated items: their transmission, without the bag around them.

Transmissions multiply: each pixel at an item is the transmission of the bag times that of the item.
The bag behind the item is interpolated from its surroundings. Dividing the image by this bag gives
the transmission of the item, one number per color.
:mod:`mmsxm.datasets.transforms.threat_projection` multiplies it onto other bags.

Pseudo-colors only approximate transmissions, and a box may contain more than the item. Most boxes
of real bags are therefore rejected: a cut needs a bright, uniform bag and an isolated item.
"""

from typing import NamedTuple

import cv2
import numpy as np

__all__ = ['Cut', 'cut_threat', 'interpolate', 'white_level']

MARGIN = 0.12  # around a box, relative to its longer side; shows the bag without the item
LONGEST = 256  # side of a patch in pixels; networks see whole bags at about this size
SMALLEST = 16  # shorter side of a box, in pixels
LUMA = np.array([0.114, 0.587, 0.299], dtype=np.float32)  # weights of blue, green, red
NOISE = 0.05  # attenuation below this is noise
THRESHOLDS = np.array(
    [0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
)  # attenuation from which a pixel belongs to an item
SOLID = 0.4  # minimum mean attenuation of an item
FILLED = (0.6, 0.3)  # minimum share of the longer and shorter box side that an item spans
ALONE = 0.98  # minimum share of an object that lies in the box
BRIGHT, COLOURED = 0.55, 0.33  # minimum mean and minimum channel of the bag under an item
UNREST = 0.15  # maximum mean attenuation around an item
FEATHER = 0.8  # pixels over which a patch fades out


class Cut(NamedTuple):
    """Item without its bag.

    ``transmission`` is ``(h, w, 3)`` float32 in [0, 1], BGR, and 1 around the item. ``scale`` is
    the width of one of its pixels in pixels of the image. ``box`` is its position in the image, in
    pixels (xyxy). ``quality`` in [0, 1] ranks the cuts: better cuts have higher values.
    """

    transmission: np.ndarray
    scale: float
    box: tuple[float, float, float, float]
    quality: float


def cut_threat(image: np.ndarray, box: tuple[float, float, float, float]) -> Cut | str:
    """Cut the item in a box out of an image.

    Return a short reason if it cannot be cut.

    Args:
        image: BGR ``(h, w, 3)`` uint8.
        box: xyxy in pixels of the image.
    """
    x1, y1, x2, y2 = box
    if min(x2 - x1, y2 - y1) < SMALLEST:
        return 'too small'
    margin = max(MARGIN * max(x2 - x1, y2 - y1), 6)
    left, top = max(int(x1 - margin), 0), max(int(y1 - margin), 0)
    window = image[top : int(y2 + margin) + 1, left : int(x2 + margin) + 1]
    scale = max(*window.shape[:2], LONGEST) / LONGEST
    size = [max(round(side / scale), 1) for side in window.shape[1::-1]]
    window = cv2.resize(window, size, interpolation=cv2.INTER_AREA)
    window = window.astype(np.float32) / white_level(image)
    inside = np.zeros(window.shape[:2], dtype=bool)
    columns = slice(max(round((x1 - left) / scale), 0), round((x2 - left) / scale))
    rows = slice(max(round((y1 - top) / scale), 0), round((y2 - top) / scale))
    inside[rows, columns] = True
    if inside.mean() > 0.9:
        return 'no surroundings'

    transmission, bag = _divide_by_bag(window, inside)
    attenuation = _attenuation(transmission)
    item = _isolate(attenuation, inside)
    if isinstance(item, str):
        return item
    colour = bag[item].mean(axis=0)
    if colour.mean() < BRIGHT or colour.min() < COLOURED:
        return 'dark bag'
    unrest = float(attenuation[~_grow(item, 7)].mean())
    if unrest > UNREST:
        return 'restless bag'
    quality = (1 - unrest / UNREST) * min(colour.mean(), 1) * attenuation[item].mean()

    # outside the item the patch is 1, so that it has no seam and no trace of the bag
    alpha = cv2.GaussianBlur(_grow(item, 3).astype(np.float32), (0, 0), FEATHER)[..., None]
    x, y, width, height = cv2.boundingRect((alpha > 0.01).astype(np.uint8))
    patch = (1 - (1 - transmission) * alpha)[y : y + height, x : x + width]
    place = (
        left + x * scale,
        top + y * scale,
        left + (x + width) * scale,
        top + (y + height) * scale,
    )
    return Cut(patch.astype(np.float32), scale, place, float(quality))


def white_level(image: np.ndarray) -> float:
    """Return the gray value of empty air in an image ``(h, w, 3)`` of uint8: white or light gray.

    This is the gray value of the brightest pixels, ignoring the few brightest ones, which may be
    marks on the screen.
    """
    return max(float(np.percentile(image[::8, ::8].mean(axis=2), 95)), 1.0)


def interpolate(image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fill the unknown pixels of an image smoothly from the known ones.

    Each pixel takes the mean of its surroundings at the finest scale where they contain known
    pixels. Means are computed from fine to coarse, and holes are filled from coarse to fine.

    Args:
        image: ``(h, w, 3)`` float32.
        known: ``(h, w)`` float32 in [0, 1].
    """
    height, width = known.shape
    weighted = image * known[..., None]
    if min(height, width) <= 2:
        mean = weighted.mean(axis=(0, 1)) / max(float(known.mean()), 1e-6)
        filled = np.broadcast_to(mean, image.shape)
    else:
        half = ((width + 1) // 2, (height + 1) // 2)
        weight = cv2.resize(known, half, interpolation=cv2.INTER_AREA)
        mean = cv2.resize(weighted, half, interpolation=cv2.INTER_AREA)
        mean /= np.maximum(weight, 1e-6)[..., None]
        coarse = interpolate(mean, np.minimum(weight * 2, 1))
        filled = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    result: np.ndarray = weighted + filled * (1 - known[..., None])
    return result.astype(np.float32)


def _divide_by_bag(window: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the transmission of the item and the bag without the item, both ``(h, w, 3)``.

    At first, the bag is known where it is bright outside the box. Then it is known wherever the
    image does not differ from the interpolated bag.
    """
    grey = window.mean(axis=2)
    known = ~inside & (grey > 0.8 * np.percentile(grey[~inside], 70))
    for _ in range(3):
        bag = interpolate(window, known.astype(np.float32))
        transmission = window / np.maximum(bag, 0.02)
        distinct = np.abs(_attenuation(transmission)) >= NOISE
        known = ~_grow(distinct, 5)
        if not known.any():
            break
    return transmission.clip(0, 1), bag


def _isolate(attenuation: np.ndarray, inside: np.ndarray) -> np.ndarray | str:
    """Find the one object that lies in the box, fills it, and touches nothing outside it.

    What an item touches is usually fainter than the item. Start from the typical attenuation around
    the box, and take the lowest threshold that separates the two.
    """
    box_sides = sorted((inside.any(axis=0).sum(), inside.any(axis=1).sum()), reverse=True)
    clutter = np.percentile(attenuation[~inside], 85)
    reason = 'no contrast'
    for threshold in THRESHOLDS[np.searchsorted(THRESHOLDS[:-1], clutter) :]:
        _, labels, stats, _ = cv2.connectedComponentsWithStats(
            (attenuation > threshold).astype(np.uint8), connectivity=4
        )
        sizes = np.bincount(labels[inside], minlength=len(stats))
        sizes[0] = 0  # pixels below the threshold
        main = int(sizes.argmax())
        sides = sorted(stats[main, 2:4], reverse=True)
        if not sizes[main] or any(
            side < share * box_side
            for side, share, box_side in zip(sides, FILLED, box_sides, strict=True)
        ):
            return reason
        item: np.ndarray = labels == main
        at_rim = item[[0, -1]].any() or item[:, [0, -1]].any()
        if at_rim or sizes[main] < ALONE * item.sum():
            reason = 'touches other things'
        elif attenuation[item].mean() < SOLID:
            reason = 'faint'
        else:
            return item
    return reason


def _attenuation(transmission: np.ndarray) -> np.ndarray:
    attenuation: np.ndarray = 1 - transmission @ LUMA
    return attenuation


def _grow(mask: np.ndarray, size: int) -> np.ndarray:
    """Dilate a mask by a square whose side is ``size`` pixels."""
    return cv2.dilate(mask.astype(np.uint8), np.ones((size, size), np.uint8)) > 0
