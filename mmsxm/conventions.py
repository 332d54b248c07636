"""Constants and rules that datasets, networks, metrics and reports share."""

import math
from datetime import datetime, timezone

import numpy as np
import numpy.typing as npt

__all__ = [
    'CROPPED',
    'LEVELS',
    'MAX_LEVELS',
    'OCCLUSION_LEVELS',
    'RESIZED',
    'SIZES',
    'level_names',
    'size_of',
    'smallest_box_share',
    'utc_now',
]

# the pyramid levels that are refined and fused (Sec. 4.2), fine to coarse
LEVELS = ('P3', 'P4', 'P5')
# largest number of levels in results and exported networks; without attention, networks may have
# other levels than the paper's
MAX_LEVELS = 8
# pixels of a side in the configs of the paper; configs/_base_/datasets/sixray.py cites the source
RESIZED, CROPPED = 256, 224
# occlusion levels of OPIXray: none or slight, partial, severe or full
OCCLUSION_LEVELS = (1, 2, 3)
# sizes of items, by the share of the image that the smallest box covers (Sec. 4.5): MF-I trusts P3
# for small items, P4 for medium and P5 for large ones
SIZES = ('small', 'medium', 'large')
SMALL_BELOW, LARGE_ABOVE = 0.02, 0.20  # shares; both limits are medium


def level_names(count: int) -> tuple[str, ...]:
    """Return the names of the levels of a network, fine to coarse.

    Up to four levels are the last ones of P2, P3, P4 and P5, as in our configs. More levels are
    numbered L1, L2 and so on, because their strides are unknown.
    """
    known = ('P2', *LEVELS)
    if count > len(known):
        return tuple(f'L{number}' for number in range(1, count + 1))
    return known[len(known) - count :]


def smallest_box_share(boxes: np.ndarray, image_size: tuple[int, int]) -> float:
    """Return the share of an image of size (h, w) that the smallest box covers.

    Args:
        boxes: (n, 4), xyxy in pixels of the image.
        image_size: (h, w).

    Returns:
        The share; nan if there are no boxes.
    """
    if not len(boxes):
        return math.nan
    sides = boxes[:, 2:] - boxes[:, :2]
    return float((sides[:, 0] * sides[:, 1]).min()) / (image_size[0] * image_size[1])


def size_of(share: npt.ArrayLike) -> np.ndarray:
    """Return the index in :data:`SIZES` of each share; -1 for nan."""
    share = np.asarray(share)
    size = (share >= SMALL_BELOW).astype(np.int64) + (share > LARGE_ABOVE)
    return np.where(np.isnan(share), -1, size)


def utc_now() -> str:
    """Return the current time as in records and decisions: ISO 8601 in UTC, to the millisecond."""
    return datetime.now(timezone.utc).isoformat(timespec='milliseconds')
