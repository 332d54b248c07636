"""Location of the bag in a scanner image.

This module is separate from the transforms, so that processes that only read images need not import
torch.
"""

import functools

import cv2
import numpy as np

BACKGROUND = 240  # of 255; pixels at least this light are background
MARGIN = 8  # pixels of background to keep on every side


def foreground_window(img: np.ndarray, background: int, margin: int) -> tuple[int, int, int, int]:
    """Return the box of non-white pixels with its margin: (left, top, right, bottom).

    If there is no foreground, return the whole image.
    """
    # NumPy's minimum over the short last axis would take sixty times as long as this function
    darkest = functools.reduce(cv2.min, cv2.split(img)) if img.ndim == 3 else img  # (H, W)
    rows, columns = (np.flatnonzero(darkest.min(axis=axis) < background) for axis in (1, 0))
    height, width = img.shape[:2]
    if not len(rows):
        return 0, 0, width, height
    return (
        max(int(columns[0]) - margin, 0),
        max(int(rows[0]) - margin, 0),
        min(int(columns[-1]) + 1 + margin, width),
        min(int(rows[-1]) + 1 + margin, height),
    )
