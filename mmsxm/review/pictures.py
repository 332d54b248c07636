"""Pictures of a review page as PNG: a bag, all colors or one band, and attention on it."""

import math

import cv2
import numpy as np

from mmsxm.imaging.material_bands import show_band
from mmsxm.imaging.preprocessing import View, map_to_image

__all__ = ['LONGEST', 'attention_png', 'bag_png']

LONGEST = 4096  # pixels, the maximum of the longer side of an image on the page
LONGEST_LAYER = 1024  # pixels of the attention layer, which the page stretches


def bag_png(image: np.ndarray, band: str | None = None) -> bytes:
    """Encode an image, BGR ``(H, W, 3)`` uint8, in all colors or one of its bands.

    Raises:
        ValueError: The band is unknown.
    """
    image = _shrink(image)
    return _encode(show_band(image, band) if band else image)


def attention_png(attention_map: np.ndarray, view: View) -> bytes:
    """Encode attention as a red layer over the whole image, opaque where it is 1.

    Args:
        attention_map: ``(h, w)``, covers the view.
        view: Part of the image that the map covers.
    """
    scale = min(LONGEST_LAYER / max(view.image_size), 1)
    height, width = (max(round(side * scale), 1) for side in view.image_size)
    left, top, right, bottom = (math.floor(side * scale) for side in view.window)
    left, top = min(left, width - 1), min(top, height - 1)
    window = (left, top, max(right, left + 1), max(bottom, top + 1))  # never empty
    attention = map_to_image(attention_map, View((height, width), window))
    layer = np.zeros((height, width, 4), dtype=np.uint8)  # (height, width, 4), BGRA
    layer[..., 2] = 255
    layer[..., 3] = (255 * attention).clip(0, 255).round()
    return _encode(layer)


def _shrink(image: np.ndarray) -> np.ndarray:
    scale = LONGEST / max(image.shape[:2])
    if scale >= 1:
        return image
    height, width = (max(round(side * scale), 1) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)  # (h, w, 3)


def _encode(image: np.ndarray) -> bytes:
    _, data = cv2.imencode('.png', image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return data.tobytes()
