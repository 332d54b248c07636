"""Attenuation of X-rays by matter: Beer-Lambert law with tabulated attenuation coefficients.

A ray through t cm of a material keeps exp(-mu t) of its photons. Transmissions along a ray
multiply. Mass attenuation coefficients (with coherent scattering) are those of J. H. Hubbell and
S. M. Seltzer, Tables of X-Ray Mass Attenuation Coefficients, NIST Standard Reference Database 126
(NISTIR 5632, https://dx.doi.org/10.18434/T4D01F), tables 3 and 4. Cellulose is not in these tables.
It is the sum of its elements by weight.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]
Energies = tuple[float, float]

# In keV. No material below has an absorption edge in this range. Between two energies, the log of
# the attenuation is therefore nearly linear in the log of the energy.
TABLE_ENERGIES = (30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0)
# close to the effective energies of the two channels of a 160 kV baggage scanner
USUAL_ENERGIES: Energies = (60.0, 100.0)


class Material(NamedTuple):
    """Substance with its density in g/cm3 and its mass attenuation at TABLE_ENERGIES in cm2/g."""

    density: float
    mass_attenuation: tuple[float, ...]

    def mu(self, energies: Energies = USUAL_ENERGIES) -> tuple[float, float]:
        """Return the linear attenuation at two energies, in 1/cm, log-log interpolated.

        Raises:
            ValueError: An energy lies outside the table.
        """
        if not TABLE_ENERGIES[0] <= min(energies) <= max(energies) <= TABLE_ENERGIES[-1]:
            raise ValueError(
                f'The energies {energies} keV are outside the table of attenuations. Both must be '
                f'from {TABLE_ENERGIES[0]:g} to {TABLE_ENERGIES[-1]:g} keV.'
            )
        logs = np.interp(np.log(energies), np.log(TABLE_ENERGIES), np.log(self.mass_attenuation))
        low, high = np.exp(logs) * self.density
        return float(low), float(high)


# cloth and paper have the density of loose material, not of the solid
MATERIALS = {
    'water': Material(1.00, (0.3756, 0.2683, 0.2269, 0.2059, 0.1837, 0.1707, 0.1505)),
    # polyethylene
    'plastic': Material(0.93, (0.2706, 0.2275, 0.2084, 0.1970, 0.1823, 0.1719, 0.1534)),
    # polyethylene terephthalate ("Mylar"), fibers with air
    'cloth': Material(0.25, (0.3009, 0.2304, 0.2020, 0.1868, 0.1695, 0.1586, 0.1406)),
    # cellulose, C6H10O5: 6.22% hydrogen, 44.45% carbon, 49.34% oxygen
    'paper': Material(0.80, (0.3225, 0.2413, 0.2092, 0.1923, 0.1736, 0.1621, 0.1435)),
    # as skeletal muscle, ICRU-44
    'leather': Material(0.90, (0.3783, 0.2685, 0.2262, 0.2048, 0.1823, 0.1693, 0.1492)),
    # polyvinyl chloride
    'pvc': Material(1.30, (1.491, 0.7300, 0.4559, 0.3325, 0.2298, 0.1887, 0.1486)),
    # borosilicate ("Pyrex")
    'glass': Material(2.23, (0.7987, 0.4341, 0.3022, 0.2417, 0.1890, 0.1657, 0.1389)),
    'aluminium': Material(2.70, (1.128, 0.5685, 0.3681, 0.2778, 0.2018, 0.1704, 0.1378)),
    # iron
    'steel': Material(7.87, (8.176, 3.629, 1.958, 1.205, 0.5952, 0.3717, 0.1964)),
    'copper': Material(8.96, (10.92, 4.862, 2.613, 1.593, 0.7630, 0.4584, 0.2217)),
}


@lru_cache(maxsize=256)
def linear_attenuation(material: str, energies: Energies) -> tuple[float, float]:
    """Return the linear attenuation of one of MATERIALS at two energies (keV), in 1/cm.

    Raises:
        KeyError: The material is unknown.
        ValueError: An energy lies outside the table.
    """
    return MATERIALS[material].mu(energies)
