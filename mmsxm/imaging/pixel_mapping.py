"""Mapping of what a scanner measured to the 8-bit pixels that a network sees."""

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np

from mmsxm.imaging.pseudo_color import show
from mmsxm.imaging.pseudo_color_profiles import PSEUDO_COLORS

__all__ = ['SETTINGS', 'UPPER_BITS', 'DualEnergy', 'GrayValues', 'PixelMapping', 'Window']

Window = tuple[float, float]
LARGEST = sys.float_info.max
SETTINGS = ('window', 'pseudo_color')  # of a mapping, in configs and exported files


class GrayValues(NamedTuple):
    """Gray values of a file, of any depth.

    A value is ``slope * stored + intercept``, with ``stored`` ``(H, W)`` integers of ``bits`` bits.
    ``window`` is the one that the file itself proposes. Of an ``inverted`` image, the lowest value
    is displayed in white.
    """

    stored: np.ndarray
    bits: int = 16
    slope: float = 1.0
    intercept: float = 0.0
    window: Window | None = None
    inverted: bool = False


class DualEnergy(NamedTuple):
    """Attenuations -log(I / I0) at the low and the high energy, ``(2, H, W)`` float32."""

    fades: np.ndarray
    pixels_per_cm: float


@dataclass(frozen=True)
class PixelMapping:
    """Mapping of gray values of more than 8 bits, and of files with two energies, to 8-bit pixels.

    Images of 8 bits stay as they are.

    Args:
        window: Gray values from low to high become 0 to 255; values beyond are clipped. None uses
            the window in the file. Without one, the upper 8 bits are kept.
        pseudo_color: Key of :data:`PSEUDO_COLORS`, the colors of files with two energies.

    Raises:
        ValueError: A value is invalid.
    """

    window: Window | None = None
    pseudo_color: str = 'sixray_white'

    def __post_init__(self) -> None:
        if self.window is not None and not _is_window(self.window):
            raise ValueError(
                f'window={self.window!r} must be two numbers, (low, high), with low < high. Low '
                'becomes black and high becomes white.'
            )
        if self.pseudo_color not in tuple(PSEUDO_COLORS):
            raise ValueError(
                f'pseudo_color={self.pseudo_color!r} is unknown. Choose one of '
                f'{", ".join(PSEUDO_COLORS)}.'
            )

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> 'PixelMapping':
        """Create an instance from :meth:`to_dict` or the settings of a config; ignore other keys.

        Raises:
            ValueError: A value is invalid.
        """
        known = {key: settings[key] for key in SETTINGS if key in settings}
        if isinstance(known.get('window'), list):
            known['window'] = tuple(known['window'])
        return cls(**known)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings that differ from their defaults, as plain values.

        Files and digests from before these settings existed thus stay valid.
        """
        defaults = asdict(PixelMapping())
        return {key: value for key, value in asdict(self).items() if value != defaults[key]}

    def gray(self, image: GrayValues) -> np.ndarray:
        """Return 8-bit gray values, ``(H, W)`` uint8."""
        window = self.window if self.window and image.bits > 8 else image.window
        if window is None:
            pixels = _upper_bits(image)
            inverted = image.inverted != (image.slope < 0)
        else:
            low, high = ((value - image.intercept) / image.slope for value in window)
            # float32 represents integers of up to 24 bits exactly
            exact = np.float32 if image.bits <= 16 else np.float64
            values = image.stored.astype(exact)  # (H, W)
            values -= exact(low)
            values *= exact(255 / (high - low))
            np.clip(np.rint(values, out=values), 0, 255, out=values)
            pixels = values.astype(np.uint8)
            inverted = image.inverted
        return 255 - pixels if inverted else pixels

    def __call__(self, image: GrayValues | DualEnergy) -> np.ndarray:
        """Return pixels, BGR ``(H, W, 3)`` uint8."""
        if isinstance(image, GrayValues):
            return cv2.cvtColor(self.gray(image), cv2.COLOR_GRAY2BGR)  # (H, W, 3)
        rgb = show(image.fades, PSEUDO_COLORS[self.pseudo_color], image.pixels_per_cm)
        return np.ascontiguousarray(rgb[..., ::-1])


# mapping of networks that were trained without one
UPPER_BITS = PixelMapping()


def _is_window(window: object) -> bool:
    return (
        isinstance(window, tuple)
        and len(window) == 2
        # integers may exceed any float, and NaN is not less than anything
        and all(type(value) in (int, float) and abs(value) <= LARGEST for value in window)
        and window[0] < window[1]
    )


def _upper_bits(image: GrayValues) -> np.ndarray:
    """Return the upper 8 bits of stored values; of fewer bits, fill up the range."""
    stored = image.stored
    if np.issubdtype(stored.dtype, np.signedinteger):
        stored = stored.astype(np.int64) + (1 << (image.bits - 1))
    if image.bits < 8:
        stored = stored.astype(np.uint8) << (8 - image.bits)
    return np.clip(stored >> max(image.bits - 8, 0), 0, 255).astype(np.uint8)
