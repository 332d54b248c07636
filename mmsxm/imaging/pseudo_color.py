"""Pseudo-color of X-rays measured at two energies, in the manner of baggage scanners.

The steps from the measured attenuations f = -log(I / I0), the fades, to an image are:

1. Darkness d = f_low - w f_high. Light matter attenuates both channels almost equally, so w > 0
   makes metal darker than light matter of the same weight.
2. Brightness exp(-k d^p), with enhanced edges.
3. Hue from the ratio (f_low + h) / f_high. It increases with the effective atomic number, and for
   thin matter with h. This is the soft end of the tube spectrum, which thick matter absorbs.
4. The color of opaque matter where almost no low-energy photons are transmitted.

Each material has f_low > f_high. With w < 1, each layer therefore increases d. Unless edges are
enhanced, more matter is never brighter.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ['PseudoColor', 'blur', 'show']

Floats = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

_LUMA = np.array([0.299, 0.587, 0.114])  # Rec. 601
_RATIO_STEPS = 64
_LEVELS = 256


@dataclass(frozen=True)
class PseudoColor:
    """Settings that turn two attenuations into colors.

    Attributes:
        ratios: Ratios f_low / f_high in ascending order, one for each row of colours.
        colours: Rows of hexadecimal RGB, dark to light. Each color is used where the brightness
            equals its luminance. Darker pixels than the first color get the first color.
        background: RGB of empty air.
        opaque: RGB of opaque matter.
        opaque_below: Transmission at the low energy below which a pixel counts as opaque.
        depth: k of the brightness exp(-k (f_low - w f_high)^p).
        curve: p of the brightness.
        metal_weight: w of the brightness.
        air: Largest averaged darkness that is displayed as empty air.
        hardening: h of the ratio (f_low + h) / f_high.
        average_cm: Width over which fades are averaged against noise, for the ratio and to separate
            air from matter.
        edges: Strength of edge enhancement.
        edge_cm: Size of the neighborhood used for edge enhancement.
    """

    ratios: tuple[float, ...]
    colours: tuple[str, ...]
    background: str
    opaque: str
    opaque_below: float
    depth: float
    curve: float
    metal_weight: float
    air: float
    hardening: float
    average_cm: float
    edges: float
    edge_cm: float

    def __post_init__(self) -> None:
        """Check settings that would silently produce meaningless images.

        Raises:
            ValueError: A setting is invalid.
        """
        rising = all(a < b for a, b in pairwise(self.ratios))
        if len(self.ratios) != len(self.colours) or len(self.ratios) < 2 or not rising:
            raise ValueError(
                f'there are {len(self.ratios)} ratios and {len(self.colours)} rows of colours. '
                'Their number must be equal and at least two, and the ratios must be ascending.'
            )
        if not 0 <= self.metal_weight < 1:
            raise ValueError(f'metal_weight={self.metal_weight:g} must be 0 or more and below 1.')
        require_above_zero(self, 'opaque_below', 'depth', 'curve')
        require_not_negative(self, 'average_cm', 'edge_cm')
        _rgb(self.opaque)
        for row in self.colours:
            levels = [_luminance(color) for color in (*row.split(), self.background)]
            if not all(a < b for a, b in pairwise(levels)) or len(levels) < 2:
                raise ValueError(
                    f'colours {row!r} must be RGB like ff8800, from dark to light, and the '
                    f'background {self.background!r} must be lighter.'
                )


def require_above_zero(settings: object, *names: str) -> None:
    """Raise ValueError if one of the named settings is 0 or less."""
    for name in names:
        if getattr(settings, name) <= 0:
            raise ValueError(f'{name}={getattr(settings, name):g} must be more than 0.')


def require_not_negative(settings: object, *names: str) -> None:
    """Raise ValueError if one of the named settings is less than 0."""
    for name in names:
        if getattr(settings, name) < 0:
            raise ValueError(f'{name}={getattr(settings, name):g} must be 0 or more.')


def show(fades: Floats, colors: PseudoColor, pixels_per_cm: float) -> Image:
    """Return measured fades in false color, RGB: ``(2, h, w)`` -> ``(h, w, 3)``."""
    low, high = fades  # (h, w) each
    side = max(round(colors.average_cm * pixels_per_cm), 1)
    mean_low, mean_high = (cv2.blur(fade, (side, side)) for fade in fades)
    weight = np.float32(colors.metal_weight)
    dark = low - weight * high
    np.maximum(dark, 0, out=dark)
    dark[mean_low - weight * mean_high < colors.air] = 0
    bright = cv2.pow(dark, colors.curve)
    np.exp(np.multiply(bright, np.float32(-colors.depth), out=bright), out=bright)
    if colors.edges:
        edges = bright.copy()
        blur(edges, colors.edge_cm * pixels_per_cm)
        np.subtract(bright, edges, out=edges)
        edges *= np.float32(colors.edges)
        bright += edges
    column = _rounded(bright, _luminance(colors.background))  # (h, w)
    np.clip(column, 0, _LEVELS - 1, out=column)

    # In empty areas, the ratio is 0 / 0, and the color is white for any hue.
    mean_low += np.float32(colors.hardening)
    mean_low /= np.maximum(mean_high, np.float32(1e-6), out=mean_high)
    mean_low -= np.float32(colors.ratios[0])
    index = _rounded(mean_low, (_RATIO_STEPS - 1) / (colors.ratios[-1] - colors.ratios[0]))
    np.clip(index, 0, _RATIO_STEPS - 1, out=index)
    index *= _LEVELS
    index += column  # (h, w)
    table = _color_table(colors).reshape(-1, 3)  # (_RATIO_STEPS * _LEVELS, 3)
    image: Image = np.take(table, index, axis=0)  # (h, w, 3), much faster than table[index]
    image[low > -np.log(colors.opaque_below)] = _rgb(colors.opaque)
    return image


def blur(image: Floats, sigma: float) -> None:
    """Blur an image ``(h, w)`` in place."""
    if sigma >= 0.2:  # a narrower blur has no effect
        cv2.GaussianBlur(image, (0, 0), sigma, dst=image, borderType=cv2.BORDER_REPLICATE)


def _rounded(values: Floats, factor: float) -> np.ndarray:
    values *= np.float32(factor)
    return np.rint(values, out=values).astype(np.int32)


def _rgb(color: str) -> np.ndarray:
    try:
        red, green, blue = bytes.fromhex(color)
    except ValueError:
        raise ValueError(f'the color {color!r} must be RGB like ff8800.') from None
    return np.array([red, green, blue])


def _luminance(color: str) -> float:
    return float(_rgb(color) @ _LUMA)


@lru_cache(maxsize=16)
def _color_table(colors: PseudoColor) -> Image:
    """Return colors by ratio and luminance, ``(_RATIO_STEPS, _LEVELS, 3)``.

    Along each row, colors are interpolated linearly between two anchors. Between rows, colors of
    the same luminance are mixed. Each entry therefore has the luminance of its column.
    """
    by_luminance = []
    for row in colors.colours:
        anchors = np.array([_rgb(color) for color in (*row.split(), colors.background)])  # (n, 3)
        levels = anchors @ _LUMA  # (n,)
        by_luminance.append(
            [np.interp(np.arange(_LEVELS), levels, anchors[:, channel]) for channel in range(3)]
        )
    rows = np.array(by_luminance).transpose(0, 2, 1)  # (rows, _LEVELS, 3)
    ratios = np.linspace(colors.ratios[0], colors.ratios[-1], _RATIO_STEPS)  # (_RATIO_STEPS,)
    position = np.interp(ratios, colors.ratios, np.arange(len(colors.ratios)))
    left = np.minimum(position.astype(int), len(colors.ratios) - 2)
    share = (position - left)[:, None, None]  # (_RATIO_STEPS, 1, 1)
    return np.rint(rows[left] * (1 - share) + rows[left + 1] * share).astype(np.uint8)
