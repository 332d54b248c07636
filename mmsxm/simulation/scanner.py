"""Image of a scanner from the attenuation along its rays: two noisy channels and a false color.

The steps from the attenuations a (low and high energy) to an image are:

1. Transmission t = exp(-a), blurred by the point spread of the detector, with Poisson noise.
2. Fade f = -log t, the measured attenuation, plus an error of each detector line.
3. Darkness d = f_low - w f_high. Light matter attenuates both channels almost equally, so w > 0
   makes metal darker than light matter of the same weight.
4. Brightness exp(-k d^p), with enhanced edges.
5. Hue from the ratio (f_low + h) / f_high. It increases with the effective atomic number, and for
   thin matter with h. This is the soft end of the tube spectrum, which thick matter absorbs.
6. The color of opaque matter where almost no low-energy photons are transmitted.

Each material has f_low > f_high. With w < 1, each layer therefore increases d. Unless edges are
enhanced, more matter is never brighter.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from statistics import NormalDist

import cv2
import numpy as np

from mmsxm.simulation.physics import TABLE_ENERGIES, Energies, Floats, Image

_LUMA = np.array([0.299, 0.587, 0.114])  # Rec. 601
_RATIO_STEPS = 64
_LEVELS = 256


@dataclass(frozen=True)
class Scanner:
    """Profile of a scanner: how it measures and displays attenuation.

    Attributes:
        energies: Energies of the low and the high channel in keV.
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
        photons: Photons per pixel of an empty image.
        dark_noise: Standard deviation of the electronic noise, as a share of those photons.
        line_noise: Standard deviation of the attenuation errors of detector lines.
        blur_cm: Standard deviation of the point spread.
        hardening: h of the ratio (f_low + h) / f_high.
        average_cm: Width over which fades are averaged against noise, for the ratio and to separate
            air from matter.
        edges: Strength of edge enhancement.
        edge_cm: Size of the neighborhood used for edge enhancement.
        heights: Smallest and largest height of an image in pixels.
        widths: Smallest and largest width of an image in pixels.
        view_cm: Range of the square root of the area that an image shows.
        jpeg_quality: Quality of saved images, 1 to 100.
        weight: Relative frequency of this scanner among several.
    """

    energies: Energies
    ratios: tuple[float, ...]
    colours: tuple[str, ...]
    background: str
    opaque: str
    opaque_below: float
    depth: float
    curve: float
    metal_weight: float
    air: float
    photons: float
    dark_noise: float
    line_noise: float
    blur_cm: float
    hardening: float
    average_cm: float
    edges: float
    edge_cm: float
    heights: tuple[int, int]
    widths: tuple[int, int]
    view_cm: tuple[float, float]
    jpeg_quality: int
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Check settings that would silently produce meaningless images.

        Raises:
            ValueError: A setting is invalid.
        """
        low, high = self.energies
        rising = all(a < b for a, b in pairwise(self.ratios))
        if not TABLE_ENERGIES[0] <= low < high <= TABLE_ENERGIES[-1]:
            raise ValueError(
                f'energies={self.energies} must be a lower and a higher energy from '
                f'{TABLE_ENERGIES[0]:g} to {TABLE_ENERGIES[-1]:g} keV.'
            )
        if len(self.ratios) != len(self.colours) or len(self.ratios) < 2 or not rising:
            raise ValueError(
                f'there are {len(self.ratios)} ratios and {len(self.colours)} rows of colours. '
                'Their number must be equal and at least two, and the ratios must be ascending.'
            )
        if not 0 <= self.metal_weight < 1:
            raise ValueError(f'metal_weight={self.metal_weight:g} must be 0 or more and below 1.')
        for name in ('photons', 'opaque_below', 'depth', 'curve'):
            if getattr(self, name) <= 0:
                raise ValueError(f'{name}={getattr(self, name):g} must be more than 0.')
        for name in ('dark_noise', 'line_noise', 'blur_cm', 'average_cm', 'edge_cm', 'weight'):
            if getattr(self, name) < 0:
                raise ValueError(f'{name}={getattr(self, name):g} must be 0 or more.')
        for name in ('heights', 'widths', 'view_cm'):
            least, most = getattr(self, name)
            if not 0 < least <= most:
                raise ValueError(
                    f'{name}={getattr(self, name)} must be a minimum above 0 and a maximum.'
                )
        if not 1 <= self.jpeg_quality <= 100:
            raise ValueError(f'jpeg_quality={self.jpeg_quality} must be from 1 to 100.')
        _rgb(self.opaque)
        for row in self.colours:
            levels = [_luminance(color) for color in (*row.split(), self.background)]
            if not all(a < b for a, b in pairwise(levels)) or len(levels) < 2:
                raise ValueError(
                    f'colours {row!r} must be RGB like ff8800, from dark to light, and the '
                    f'background {self.background!r} must be lighter.'
                )


def measure(
    attenuation: Floats, scanner: Scanner, pixels_per_cm: float, rng: np.random.Generator
) -> Floats:
    """Return the fades that a scanner measures: ``(2, h, w)`` -> ``(2, h, w)``.

    Photon counts have a Poisson distribution. With hundreds of photons, a normal distribution of
    the same variance is equivalent. Transmissions are limited to a tenth of the opaque one.
    """
    fades = np.empty_like(attenuation)  # (2, h, w)
    _, height, width = attenuation.shape
    lines = rng.standard_normal((height, 1), np.float32) * np.float32(scanner.line_noise)  # (h, 1)
    faintest = np.float32(scanner.opaque_below / 10)
    for fade, of_channel in zip(fades, attenuation, strict=True):
        np.exp(np.negative(of_channel, out=fade), out=fade)
        _blur(fade, scanner.blur_cm * pixels_per_cm)
        noise = _normal(rng, (height, width))  # (h, w)
        variance = fade * np.float32(1 / scanner.photons)
        variance += np.float32(scanner.dark_noise**2)
        noise *= np.sqrt(variance, out=variance)
        fade += noise
        np.log(np.maximum(fade, faintest, out=fade), out=fade)
        np.subtract(lines, fade, out=fade)
    return fades


def show(fades: Floats, scanner: Scanner, pixels_per_cm: float) -> Image:
    """Return measured fades in false color, RGB: ``(2, h, w)`` -> ``(h, w, 3)``."""
    low, high = fades  # (h, w) each
    side = max(round(scanner.average_cm * pixels_per_cm), 1)
    mean_low, mean_high = (cv2.blur(fade, (side, side)) for fade in fades)
    weight = np.float32(scanner.metal_weight)
    dark = low - weight * high
    np.maximum(dark, 0, out=dark)
    dark[mean_low - weight * mean_high < scanner.air] = 0
    bright = cv2.pow(dark, scanner.curve)
    np.exp(np.multiply(bright, np.float32(-scanner.depth), out=bright), out=bright)
    if scanner.edges:
        edges = bright.copy()
        _blur(edges, scanner.edge_cm * pixels_per_cm)
        np.subtract(bright, edges, out=edges)
        edges *= np.float32(scanner.edges)
        bright += edges
    column = _rounded(bright, _luminance(scanner.background))  # (h, w)
    np.clip(column, 0, _LEVELS - 1, out=column)

    # In empty areas, the ratio is 0 / 0, and the color is white for any hue.
    mean_low += np.float32(scanner.hardening)
    mean_low /= np.maximum(mean_high, np.float32(1e-6), out=mean_high)
    mean_low -= np.float32(scanner.ratios[0])
    index = _rounded(mean_low, (_RATIO_STEPS - 1) / (scanner.ratios[-1] - scanner.ratios[0]))
    np.clip(index, 0, _RATIO_STEPS - 1, out=index)
    index *= _LEVELS
    index += column  # (h, w)
    colors = _color_table(scanner).reshape(-1, 3)  # (_RATIO_STEPS * _LEVELS, 3)
    image: Image = np.take(colors, index, axis=0)  # (h, w, 3), much faster than colors[index]
    image[low > -np.log(scanner.opaque_below)] = _rgb(scanner.opaque)
    return image


def picture(
    attenuation: Floats, scanner: Scanner, pixels_per_cm: float, rng: np.random.Generator
) -> Image:
    """Return the RGB image of a scanner from attenuations: ``(2, h, w)`` -> ``(h, w, 3)``."""
    return show(measure(attenuation, scanner, pixels_per_cm, rng), scanner, pixels_per_cm)


def _normal(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Draw standard normal numbers from 65,536 quantiles, five times faster than ``rng``."""
    numbers = np.frombuffer(rng.bytes(2 * shape[0] * shape[1]), np.dtype('<u2'))  # (h * w,)
    return np.take(_quantiles(), numbers).reshape(shape)  # (h, w)


@lru_cache(maxsize=1)
def _quantiles() -> Floats:
    normal = NormalDist()
    return np.array([normal.inv_cdf((i + 0.5) / 65_536) for i in range(65_536)], np.float32)


def _blur(image: Floats, sigma: float) -> None:
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
def _color_table(scanner: Scanner) -> Image:
    """Return colors by ratio and luminance, ``(_RATIO_STEPS, _LEVELS, 3)``.

    Along each row, colors are interpolated linearly between two anchors. Between rows, colors of
    the same luminance are mixed. Each entry therefore has the luminance of its column.
    """
    by_luminance = []
    for row in scanner.colours:
        anchors = np.array([_rgb(color) for color in (*row.split(), scanner.background)])  # (n, 3)
        levels = anchors @ _LUMA  # (n,)
        by_luminance.append(
            [np.interp(np.arange(_LEVELS), levels, anchors[:, channel]) for channel in range(3)]
        )
    rows = np.array(by_luminance).transpose(0, 2, 1)  # (rows, _LEVELS, 3)
    ratios = np.linspace(scanner.ratios[0], scanner.ratios[-1], _RATIO_STEPS)  # (_RATIO_STEPS,)
    position = np.interp(ratios, scanner.ratios, np.arange(len(scanner.ratios)))
    left = np.minimum(position.astype(int), len(scanner.ratios) - 2)
    share = (position - left)[:, None, None]  # (_RATIO_STEPS, 1, 1)
    return np.rint(rows[left] * (1 - share) + rows[left + 1] * share).astype(np.uint8)
