"""How matter weakens X-rays at two energies, and the false colour that a scanner makes of it.

Beer-Lambert: a ray through t cm of a material keeps exp(-mu t) of its photons, and what lies along
one ray multiplies. Mass attenuation coefficients (coherent scattering included) are those of J. H.
Hubbell and S. M. Seltzer, NIST Standard Reference Database 126 (NISTIR 5632,
https://dx.doi.org/10.18434/T4D01F), at 60 and 100 keV: near the effective energies of the two
channels of a 160 kV baggage scanner. Compounds that stand in no NIST table (cellulose) are the
weighted sum of their elements.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]


class Material(NamedTuple):
    """A substance: density in g/cm3, mass attenuation at the low and the high energy in cm2/g."""

    density: float
    mass_attenuation: tuple[float, float]

    @property
    def mu(self) -> tuple[float, float]:
        """Linear attenuation at the low and the high energy, in 1/cm."""
        low, high = self.mass_attenuation
        return low * self.density, high * self.density


# Cloth and paper have the densities of the loose stuff, not of the solid.
MATERIALS = {
    'water': Material(1.00, (0.2059, 0.1707)),
    'plastic': Material(0.93, (0.1970, 0.1719)),  # polyethylene
    'cloth': Material(0.25, (0.1868, 0.1586)),  # polyethylene terephthalate fibres with air
    'paper': Material(0.80, (0.1923, 0.1621)),  # cellulose
    'leather': Material(0.90, (0.2048, 0.1693)),  # as skeletal muscle, ICRU-44
    'pvc': Material(1.30, (0.3325, 0.1887)),
    'glass': Material(2.23, (0.2417, 0.1657)),  # borosilicate
    'aluminium': Material(2.70, (0.2778, 0.1704)),
    'steel': Material(7.87, (1.205, 0.3717)),  # iron
    'copper': Material(8.96, (1.593, 0.4584)),
}

# The look: how fast brightness falls with the mean of both channels' attenuation, and what the
# detector can't tell from darkness. A water bottle (7 cm) or 2 mm of steel then come out a little
# above half brightness, 1 cm of steel nearly black.
_BRIGHTNESS_FALL = 0.45
_FLOOR = 1e-4

# False colours by ratio of the attenuations (rows) and grey value (columns), close to those of
# common dual-energy scanners: orange for organic matter, green for mixed and light inorganic, blue
# for metal, dark where little passes.
_GREYS = (0, 60, 100, 140, 180, 220, 255)
_RATIOS = (1.15, 1.24, 1.40, 1.65, 2.2, 3.0)
_COLOURS = (
    '000000 5c4018 a87014 d8903c e6b284 f4dcc4 ffffff',
    '000000 5a4218 a27416 ce9640 dcba86 f0dec6 ffffff',
    '000000 4c5414 7c862a a6aa54 c8c98b e6e8c6 ffffff',
    '000000 227022 4e9846 78c06c a4d8a0 d0f2d2 ffffff',
    '000000 0c5a4e 248c7c 50b0a4 88d0c4 c0eee6 ffffff',
    '000000 06327c 1666b0 3896d6 7ebce2 bce4f4 ffffff',
)
_RATIO_STEPS = 64


def _colour_table() -> Image:
    """The colours on a fine grid, (_RATIO_STEPS, 256, 3); a column is a mean of the channels."""
    greys = np.arange(256)
    rows = np.linspace(_RATIOS[0], _RATIOS[-1], _RATIO_STEPS)
    anchors = np.array([list(bytes.fromhex(row)) for row in _COLOURS]).reshape(-1, len(_GREYS), 3)
    by_grey = np.array([[np.interp(greys, _GREYS, row[:, c]) for c in range(3)] for row in anchors])
    by_grey = by_grey.transpose(0, 2, 1)  # (rows, 256, 3)
    where = np.interp(rows, _RATIOS, np.arange(len(_RATIOS)))
    left = np.minimum(where.astype(int), len(_RATIOS) - 2)
    share = (where - left)[:, None, None]
    return np.rint(by_grey[left] * (1 - share) + by_grey[left + 1] * share).astype(np.uint8)


_TABLE = _colour_table()


def transmission(thickness: Floats, material: Material) -> tuple[Floats, Floats]:
    """The share of photons that pass a thickness map.

    Args:
        thickness: Centimetres along the ray, any shape.

    Returns:
        The shares at the low and the high energy, in [0, 1], of the same shape.
    """
    low, high = material.mu
    return np.exp(-np.float32(low) * thickness), np.exp(-np.float32(high) * thickness)


def detect(
    low: Floats, high: Floats, photons: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Two transmission maps as a detector counts them.

    Photon numbers are Poisson; with hundreds of them the normal distribution of the same variance
    is as good.

    Args:
        low, high: Shares of photons, (h, w).
        photons: Photons a pixel without anything in the way.
    """
    noise = rng.standard_normal((2, *low.shape), np.float32)
    noise *= np.float32(photons**-0.5)
    return low + np.sqrt(low) * noise[0], high + np.sqrt(high) * noise[1]


def pseudo_colour(low: Floats, high: Floats) -> Image:
    """False colour of two transmission maps, RGB on white, (h, w) -> (h, w, 3).

    The ratio of the attenuations grows with the effective atomic number and picks the hue; the
    brightness, the mean of the three channels, falls with the sum of the attenuations alone, so
    that more of anything is never brighter.
    """
    fade_low = -np.log(np.clip(low, _FLOOR, 1))
    fade_high = -np.log(np.clip(high, _FLOOR, 1))
    grey = np.exp((fade_low + fade_high) * np.float32(-_BRIGHTNESS_FALL / 2))
    # Where next to nothing is in the way the ratio is 0 / 0 and the colour white whatever the hue.
    ratio = fade_low / np.maximum(fade_high, np.float32(1e-6))
    row = (ratio - np.float32(_RATIOS[0])) * np.float32(
        (_RATIO_STEPS - 1) / (_RATIOS[-1] - _RATIOS[0])
    )
    row = np.clip(row, 0, _RATIO_STEPS - 1)
    index = np.rint(row).astype(np.int32) * 256 + np.rint(grey * 255).astype(np.int32)
    return _TABLE.reshape(-1, 3)[index]
