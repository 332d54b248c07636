"""Single color bands of a pseudo-color X-ray image: organic, mixed or metal.

Scanners show organic matter in orange, metal in blue, and inorganic matter and mixtures in green.
The limits lie between the hues of these materials in the images of the built-in scanners.
"""

import cv2
import numpy as np

__all__ = ['BANDS', 'show_band']

# hues in degrees from the first to the second; organic matter ends at 50, glass starts at 84,
# PVC ends at 186 and steel starts at 198
BANDS = {'organic': (10, 66), 'mixed': (66, 190), 'metal': (190, 300)}
DARK = 64  # pixels whose brightest channel is darker have no reliable hue
FADE = 0.25  # contrast of pixels that are not in the band


def show_band(image: np.ndarray, band: str) -> np.ndarray:
    """Return an image in which only one band is in color and the rest is pale gray.

    Pixels that are too dark to have a hue stay as they are in each band: their material is unknown.

    Args:
        image: BGR ``(H, W, 3)`` uint8.
        band: One of :data:`BANDS`.

    Raises:
        ValueError: The band is unknown.
    """
    if band not in BANDS:
        raise ValueError(f'{band!r} is not a color band. Use one of {", ".join(BANDS)}.')
    first, end = BANDS[band]
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)  # (H, W, 3), hues are halved
    hue, saturation, value = hsv[..., 0], hsv[..., 1], hsv[..., 2]  # (H, W) each
    inside = (hue >= first / 2) & (hue < end / 2) & (saturation > 0)
    kept = inside | (value < DARK)  # (H, W)
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)  # (H, W)
    pale = (255 - FADE * (255 - gray.astype(np.float32))).round().astype(np.uint8)
    result: np.ndarray = np.where(kept[..., None], image, pale[..., None])  # (H, W, 3)
    return result
