"""Where the bag is in an image of a scanner.

It stands apart from the transforms, so that processes that only read images need not import torch.
"""

import functools

import cv2
import numpy as np

BACKGROUND = 240  # of 255; what is at least as light is background
MARGIN = 8  # pixels of background that stay on every side


def foreground_window(img: np.ndarray, background: int, margin: int) -> tuple[int, int, int, int]:
    """Find what is not white: (left, top, right, bottom), the margin included.

    An image without any foreground is kept whole.
    """
    # numpy's minimum over the last, short axis would take sixty times as long as all of this
    darkest = functools.reduce(cv2.min, cv2.split(img)) if img.ndim == 3 else img
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
