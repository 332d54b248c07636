"""What tells whether two images are the same, or nearly.

The perceptual hash is pHash in its common form (https://www.hackerfactor.com/blog/?/archives/432),
with 16 x 16 frequencies where 8 x 8 are usual: bags are alike, and 64 bits are too few to tell
them apart. Imports no torch, so that processes start quickly.
"""

import hashlib
from typing import NamedTuple

import cv2
import numpy as np

from mmsxm.imaging.images import is_transparent, read_image
from mmsxm.imaging.reading import Unreadable, attempt

__all__ = ['Fingerprint', 'fingerprint_file', 'perceptual_hash']

SIDE = 64
FREQUENCIES = 16


class Fingerprint(NamedTuple):
    """Of an image: size (h, w), a digest of its grey pixels, perceptual hash, transparency."""

    size: tuple[int, int]
    digest: bytes
    hash: bytes
    transparent: bool


def fingerprint_file(path: str, max_pixels: int) -> Fingerprint | Unreadable:
    """Read an image in full, or say why that can't be done; no error is raised."""
    return attempt(
        path,
        lambda: _fingerprint(read_image(path, max_pixels), is_transparent(path, max_pixels)),
    )


def _fingerprint(image: np.ndarray, transparent: bool) -> Fingerprint:
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    height, width = grey.shape
    digest = hashlib.sha256(f'{height} {width} '.encode())
    digest.update(grey.data)
    return Fingerprint((height, width), digest.digest(), perceptual_hash(grey), transparent)


def perceptual_hash(grey: np.ndarray) -> bytes:
    """Hash a grey image ``(H, W)`` uint8 into 255 bits, of which alike images share most.

    Each says whether a low frequency of the image, squeezed to a square, is above their median.
    """
    height, width = grey.shape
    # whole factors first: by others, OpenCV's averaging takes as long as decoding a JPEG
    factor = min(height, width) // (4 * SIDE)
    if factor > 1:
        rows, columns = height // factor, width // factor
        grey = cv2.resize(
            grey[: rows * factor, : columns * factor],
            (columns, rows),
            interpolation=cv2.INTER_AREA,
        )
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    frequencies = cv2.dct(small.astype(np.float32))[:FREQUENCIES, :FREQUENCIES].ravel()[1:]
    return np.packbits(frequencies > np.median(frequencies)).tobytes()
