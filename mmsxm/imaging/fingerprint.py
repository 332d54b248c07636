"""Fingerprints of images, to find identical and similar ones.

The perceptual hash is pHash in its common form (https://www.hackerfactor.com/blog/?/archives/432),
with 16 x 16 frequencies instead of the usual 8 x 8: 64 bits are too few to distinguish bags, which
look alike. Imports no torch, so that processes start quickly.
"""

import hashlib
from typing import NamedTuple

import cv2
import numpy as np

from mmsxm.imaging.images import is_transparent, read_image
from mmsxm.imaging.pixel_mapping import UPPER_BITS, PixelMapping
from mmsxm.imaging.reading import Unreadable, attempt

__all__ = ['Fingerprint', 'fingerprint_file', 'perceptual_hash']

SIDE = 64
FREQUENCIES = 16


class Fingerprint(NamedTuple):
    """Size (h, w) of an image, digest of its gray pixels, perceptual hash, and transparency."""

    size: tuple[int, int]
    digest: bytes
    hash: bytes
    transparent: bool


def fingerprint_file(
    path: str, max_pixels: int, mapping: PixelMapping = UPPER_BITS
) -> Fingerprint | Unreadable:
    """Fingerprint an image, read in full; return the reason if that fails, and never raise."""
    return attempt(
        path,
        lambda: _fingerprint(
            read_image(path, max_pixels, mapping), is_transparent(path, max_pixels)
        ),
    )


def _fingerprint(image: np.ndarray, transparent: bool) -> Fingerprint:
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    height, width = gray.shape
    digest = hashlib.sha256(f'{height} {width} '.encode())
    digest.update(gray.data)
    return Fingerprint((height, width), digest.digest(), perceptual_hash(gray), transparent)


def perceptual_hash(gray: np.ndarray) -> bytes:
    """Hash a gray image ``(H, W)`` uint8 into 255 bits, most of which similar images share.

    The image is squeezed to a square. Each bit is 1 if one of its low frequencies is above the
    median of all of them.
    """
    height, width = gray.shape
    # first shrink by an integer: by other factors, OpenCV averages as slowly as it decodes a JPEG
    factor = min(height, width) // (4 * SIDE)
    if factor > 1:
        rows, columns = height // factor, width // factor
        gray = cv2.resize(
            gray[: rows * factor, : columns * factor],
            (columns, rows),
            interpolation=cv2.INTER_AREA,
        )
    small = cv2.resize(gray, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    frequencies = cv2.dct(small.astype(np.float32))[:FREQUENCIES, :FREQUENCIES].ravel()[1:]
    return np.packbits(frequencies > np.median(frequencies)).tobytes()
