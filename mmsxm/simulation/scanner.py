"""What a scanner makes of the attenuation along its rays: two noisy channels and a false colour.

From the attenuations a (low and high energy) to a picture:

1. transmission t = exp(-a), blurred by the detector's point spread, counted with Poisson noise;
2. fade f = -log t, the attenuation as it was measured, plus each detector line's own error;
3. darkness d = f_low - w f_high. Light matter weakens both channels nearly alike, so that w > 0
   draws metal darker than light matter of the same weight;
4. brightness exp(-k d^p), its edges enhanced;
5. hue by the ratio (f_low + h) / f_high, which grows with the effective atomic number, and for
   thin matter with h: the soft end of a tube's spectrum, which thick matter swallows;
6. where next to no photon of the low energy comes through, the colour of what is opaque.

Every material has f_low > f_high, so with w < 1 each layer adds to d: as long as no edge is
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
    """A scanner's profile: how it sees and how it shows.

    Attributes:
        energies: keV of the low and the high channel.
        ratios: Ratios f_low / f_high, rising, one for each row of colours.
        colours: Rows of hexadecimal RGB, dark to light; each colour stands where the brightness
            is its own luminance, and what is darker than the first has the first's.
        background: RGB of empty air.
        opaque: RGB of what nothing passes.
        opaque_below: Transmission at the low energy below which a pixel counts as opaque.
        depth, curve, metal_weight: k, p and w of the brightness exp(-k (f_low - w f_high)^p).
        air: Averaged darkness that is still shown as empty air.
        photons: Photons a pixel without anything in the way.
        dark_noise: Deviation of the electronics' noise, as a share of those photons.
        line_noise: Deviation of the detector lines' errors of attenuation.
        blur_cm: Standard deviation of the point spread.
        hardening: h of the ratio (f_low + h) / f_high.
        average_cm: Width over which fades are averaged against noise, for the ratio and to tell air
            from matter.
        edges, edge_cm: How much and from which surroundings edges are enhanced.
        heights, widths: Least and most pixels of an image.
        view_cm: Range of the square root of the area that an image shows.
        jpeg_quality: 1..100.
        weight: How often it takes part among several scanners, compared with their weights.
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
        """Check the settings that would give nonsense in silence.

        Raises:
            ValueError: One of them can't be.
        """
        low, high = self.energies
        rising = all(a < b for a, b in pairwise(self.ratios))
        if not TABLE_ENERGIES[0] <= low < high <= TABLE_ENERGIES[-1]:
            raise ValueError(
                f'energies={self.energies} must be a lower and a higher one, from '
                f'{TABLE_ENERGIES[0]:g} to {TABLE_ENERGIES[-1]:g} keV'
            )
        if len(self.ratios) != len(self.colours) or len(self.ratios) < 2 or not rising:
            raise ValueError(
                f'{len(self.ratios)} ratios and {len(self.colours)} rows of colours: there must be '
                'two or more, as many of each, and the ratios must rise'
            )
        if not 0 <= self.metal_weight < 1:
            raise ValueError(f'metal_weight={self.metal_weight:g} must be 0 or more and below 1')
        for name in ('photons', 'opaque_below', 'depth', 'curve'):
            if getattr(self, name) <= 0:
                raise ValueError(f'{name}={getattr(self, name):g} must be more than 0')
        for name in ('dark_noise', 'line_noise', 'blur_cm', 'average_cm', 'edge_cm', 'weight'):
            if getattr(self, name) < 0:
                raise ValueError(f'{name}={getattr(self, name):g} must be 0 or more')
        for name in ('heights', 'widths', 'view_cm'):
            least, most = getattr(self, name)
            if not 0 < least <= most:
                raise ValueError(f'{name}={getattr(self, name)} must be a least and a most')
        if not 1 <= self.jpeg_quality <= 100:
            raise ValueError(f'jpeg_quality={self.jpeg_quality} must be from 1 to 100')
        _rgb(self.opaque)
        for row in self.colours:
            levels = [_luminance(colour) for colour in (*row.split(), self.background)]
            if not all(a < b for a, b in pairwise(levels)) or len(levels) < 2:
                raise ValueError(
                    f'colours {row!r} must be RGB like ff8800, from dark to light, and the '
                    f'background {self.background!r} lighter than they are'
                )


def measure(
    attenuation: Floats, scanner: Scanner, pixels_per_cm: float, rng: np.random.Generator
) -> Floats:
    """The fades that a scanner measures, (2, h, w), of attenuations of the same shape.

    Photon numbers are Poisson; with hundreds of them the normal distribution of the same variance
    is as good. What is far below the opaque counts as a tenth of it.
    """
    fades = np.empty_like(attenuation)
    _, height, width = attenuation.shape
    lines = rng.standard_normal((height, 1), np.float32) * np.float32(scanner.line_noise)
    faintest = np.float32(scanner.opaque_below / 10)
    for fade, through in zip(fades, attenuation, strict=True):
        np.exp(np.negative(through, out=fade), out=fade)
        _blur(fade, scanner.blur_cm * pixels_per_cm)
        noise = _normal(rng, (height, width))
        variance = fade * np.float32(1 / scanner.photons)
        variance += np.float32(scanner.dark_noise**2)
        noise *= np.sqrt(variance, out=variance)
        fade += noise
        np.log(np.maximum(fade, faintest, out=fade), out=fade)
        np.subtract(lines, fade, out=fade)
    return fades


def show(fades: Floats, scanner: Scanner, pixels_per_cm: float) -> Image:
    """The false colours of measured fades, RGB, (2, h, w) -> (h, w, 3)."""
    low, high = fades
    side = max(round(scanner.average_cm * pixels_per_cm), 1)
    calm_low, calm_high = (cv2.blur(fade, (side, side)) for fade in fades)
    weight = np.float32(scanner.metal_weight)
    dark = low - weight * high
    np.maximum(dark, 0, out=dark)
    dark[calm_low - weight * calm_high < scanner.air] = 0
    bright = cv2.pow(dark, scanner.curve)
    np.exp(np.multiply(bright, np.float32(-scanner.depth), out=bright), out=bright)
    if scanner.edges:
        around = bright.copy()
        _blur(around, scanner.edge_cm * pixels_per_cm)
        np.subtract(bright, around, out=around)
        around *= np.float32(scanner.edges)
        bright += around
    column = _rounded(bright, _luminance(scanner.background))
    np.clip(column, 0, _LEVELS - 1, out=column)

    # Where next to nothing is in the way the ratio is 0 / 0 and the colour white whatever the hue.
    calm_low += np.float32(scanner.hardening)
    calm_low /= np.maximum(calm_high, np.float32(1e-6), out=calm_high)
    calm_low -= np.float32(scanner.ratios[0])
    index = _rounded(calm_low, (_RATIO_STEPS - 1) / (scanner.ratios[-1] - scanner.ratios[0]))
    np.clip(index, 0, _RATIO_STEPS - 1, out=index)
    index *= _LEVELS
    index += column
    colours = _colour_table(scanner).reshape(-1, 3)
    image: Image = np.take(colours, index, axis=0)  # far quicker than colours[index]
    image[low > -np.log(scanner.opaque_below)] = _rgb(scanner.opaque)
    return image


def picture(
    attenuation: Floats, scanner: Scanner, pixels_per_cm: float, rng: np.random.Generator
) -> Image:
    """What a scanner shows of attenuations along its rays, (2, h, w) -> (h, w, 3) RGB."""
    return show(measure(attenuation, scanner, pixels_per_cm, rng), scanner, pixels_per_cm)


def _normal(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Standard normal numbers, each one of 65,536 quantiles: five times as fast as rng's own."""
    which = np.frombuffer(rng.bytes(2 * shape[0] * shape[1]), np.dtype('<u2'))
    return np.take(_quantiles(), which).reshape(shape)


@lru_cache(maxsize=1)
def _quantiles() -> Floats:
    normal = NormalDist()
    return np.array([normal.inv_cdf((i + 0.5) / 65_536) for i in range(65_536)], np.float32)


def _blur(image: Floats, sigma: float) -> None:
    if sigma >= 0.2:  # narrower than that it changes nothing
        cv2.GaussianBlur(image, (0, 0), sigma, dst=image, borderType=cv2.BORDER_REPLICATE)


def _rounded(values: Floats, factor: float) -> np.ndarray:
    values *= np.float32(factor)
    return np.rint(values, out=values).astype(np.int32)


def _rgb(colour: str) -> np.ndarray:
    try:
        red, green, blue = bytes.fromhex(colour)
    except ValueError:
        raise ValueError(f'colour {colour!r} must be RGB like ff8800') from None
    return np.array([red, green, blue])


def _luminance(colour: str) -> float:
    return float(_rgb(colour) @ _LUMA)


@lru_cache(maxsize=16)
def _colour_table(scanner: Scanner) -> Image:
    """Colours by ratio and luminance, (_RATIO_STEPS, _LEVELS, 3).

    Colours of one luminance are mixed between the rows and lie on lines between two anchors along
    each, so that every entry has the luminance of its column.
    """
    by_luminance = []
    for row in scanner.colours:
        anchors = np.array([_rgb(colour) for colour in (*row.split(), scanner.background)])
        levels = anchors @ _LUMA
        by_luminance.append(
            [np.interp(np.arange(_LEVELS), levels, anchors[:, channel]) for channel in range(3)]
        )
    rows = np.array(by_luminance).transpose(0, 2, 1)  # (rows, _LEVELS, 3)
    ratios = np.linspace(scanner.ratios[0], scanner.ratios[-1], _RATIO_STEPS)
    where = np.interp(ratios, scanner.ratios, np.arange(len(scanner.ratios)))
    left = np.minimum(where.astype(int), len(scanner.ratios) - 2)
    share = (where - left)[:, None, None]
    return np.rint(rows[left] * (1 - share) + rows[left + 1] * share).astype(np.uint8)
