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
from mmsxm.imaging.pixel_mapping import UPPER_BITS, GrayValues, PixelMapping
from mmsxm.imaging.reading import Unreadable, attempt

__all__ = ['Fingerprint', 'FullRange', 'fingerprint_file', 'hash_file', 'perceptual_hash']

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


class FullRange(PixelMapping):
    """Mapping from the range of each image, to compare images before a window is chosen.

    A network must not see it, because the same matter would differ between images.
    """

    def gray(self, image: GrayValues) -> np.ndarray:
        """Return 8-bit gray values, ``(H, W)`` uint8: 0 for the lowest value, 255 for the highest.

        An image of one value is black.
        """
        if image.bits <= 8:
            return super().gray(image)
        ends = (
            float(stored) * image.slope + image.intercept
            for stored in (image.stored.min(), image.stored.max())
        )
        low, high = sorted(ends)
        if low == high:
            return np.zeros(image.stored.shape, np.uint8)
        return PixelMapping((low, high)).gray(image)


def hash_file(path: str, max_pixels: int) -> bytes | Unreadable | None:
    """Return the perceptual hash of an image; None if all its pixels are equal.

    Gray values of more than 8 bits are scaled by :class:`FullRange`. Never raise.
    """
    return attempt(path, lambda: _hash(read_image(path, max_pixels, FullRange())))


def _hash(image: np.ndarray) -> bytes | None:
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return None if gray.min() == gray.max() else perceptual_hash(gray)


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
