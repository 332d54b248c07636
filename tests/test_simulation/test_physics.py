from itertools import pairwise

import numpy as np
import pytest

from mmsxm.simulation.physics import MATERIALS, TABLE_ENERGIES, linear_attenuation

# mu/rho in cm2/g at 30, 40, 50, 60, 80, 100 and 150 keV: Hubbell and Seltzer, NISTIR 5632, tables 3
# and 4.
NIST = {
    'water': '3.756E-01 2.683E-01 2.269E-01 2.059E-01 1.837E-01 1.707E-01 1.505E-01',
    'plastic': '2.706E-01 2.275E-01 2.084E-01 1.970E-01 1.823E-01 1.719E-01 1.534E-01',
    'cloth': '3.009E-01 2.304E-01 2.020E-01 1.868E-01 1.695E-01 1.586E-01 1.406E-01',
    'leather': '3.783E-01 2.685E-01 2.262E-01 2.048E-01 1.823E-01 1.693E-01 1.492E-01',
    'pvc': '1.491E+00 7.300E-01 4.559E-01 3.325E-01 2.298E-01 1.887E-01 1.486E-01',
    'glass': '7.987E-01 4.341E-01 3.022E-01 2.417E-01 1.890E-01 1.657E-01 1.389E-01',
    'aluminium': '1.128E+00 5.685E-01 3.681E-01 2.778E-01 2.018E-01 1.704E-01 1.378E-01',
    'steel': '8.176E+00 3.629E+00 1.958E+00 1.205E+00 5.952E-01 3.717E-01 1.964E-01',
    'copper': '1.092E+01 4.862E+00 2.613E+00 1.593E+00 7.630E-01 4.584E-01 2.217E-01',
}
# Hydrogen, carbon and oxygen from the same source, with their weights in cellulose, C6H10O5.
ELEMENTS = {
    'H': (0.0622, (0.3570, 0.3458, 0.3355, 0.3260, 0.3091, 0.2944, 0.2651)),
    'C': (0.4445, (0.2562, 0.2076, 0.1871, 0.1753, 0.1610, 0.1514, 0.1347)),
    'O': (0.4933, (0.3779, 0.2585, 0.2132, 0.1907, 0.1678, 0.1551, 0.1361)),
}
PAIRS = list(pairwise(TABLE_ENERGIES))


@pytest.mark.parametrize('name', NIST)
def test_attenuation_matches_the_nist_tables(name: str) -> None:
    expected = np.array(NIST[name].split(), float) * MATERIALS[name].density
    for (low, high), at_low, at_high in zip(PAIRS, expected[:-1], expected[1:], strict=True):
        assert linear_attenuation(name, (low, high)) == pytest.approx((at_low, at_high))


def test_cellulose_is_the_sum_of_its_elements() -> None:
    expected = sum(share * np.array(values) for share, values in ELEMENTS.values())
    np.testing.assert_allclose(MATERIALS['paper'].mass_attenuation, expected, rtol=2e-3)


def test_every_material_has_a_reference() -> None:
    assert set(MATERIALS) == {*NIST, 'paper'}


def test_transmission_of_steel_follows_the_beer_lambert_law() -> None:
    # 1 mm of iron: exp(-0.1 * 7.87 * 1.205) and exp(-0.1 * 7.87 * 0.3717)
    low, high = np.exp(-0.1 * np.array(linear_attenuation('steel', (60, 100))))
    assert low == pytest.approx(0.3874, abs=1e-4)
    assert high == pytest.approx(0.7464, abs=1e-4)


def test_interpolation_between_energies_follows_a_power_law() -> None:
    low, middle = linear_attenuation('steel', (60.0, np.sqrt(60 * 80)))
    high = linear_attenuation('steel', (60.0, 80.0))[1]
    assert middle == pytest.approx(np.sqrt(low * high))


@pytest.mark.parametrize('name', MATERIALS)
def test_the_ratio_of_attenuations_decreases_toward_equal_energies(name: str) -> None:
    # No material has an edge within the table, so the lower energy is always attenuated more.
    ratios = [np.divide(*linear_attenuation(name, (low, 150))) for low in range(30, 150, 5)]
    assert all(np.diff(ratios) < 0)
    assert ratios[-1] > 1


@pytest.mark.parametrize('energies', [(20, 100), (60, 160)])
def test_an_energy_outside_the_table_is_reported(energies: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match='from 30 to 150 keV'):
        linear_attenuation('steel', energies)
