import numpy as np
import numpy.typing as npt
import pytest

from mmsxm.simulation.physics import MATERIALS, detect, pseudo_colour, transmission

# mu/rho in cm2/g at 60 and 100 keV: Hubbell and Seltzer, NISTIR 5632, tables 3 and 4.
NIST = {
    'water': (2.059e-1, 1.707e-1),
    'plastic': (1.970e-1, 1.719e-1),
    'aluminium': (2.778e-1, 1.704e-1),
    'steel': (1.205, 3.717e-1),
    'copper': (1.593, 4.584e-1),
}


def _slab(thickness: float) -> npt.NDArray[np.float32]:
    return np.full((4, 5), thickness, np.float32)


@pytest.mark.parametrize('name', NIST)
def test_attenuation_follows_the_nist_tables(name: str) -> None:
    assert MATERIALS[name].mass_attenuation == pytest.approx(NIST[name], rel=1e-3)


def test_steel_keeps_what_beer_and_lambert_say() -> None:
    # 1 mm of iron: exp(-0.1 * 7.87 * 1.205) and exp(-0.1 * 7.87 * 0.3717)
    low, high = transmission(_slab(0.1), MATERIALS['steel'])
    np.testing.assert_allclose(low, 0.3874, atol=1e-4)
    np.testing.assert_allclose(high, 0.7464, atol=1e-4)


@pytest.mark.parametrize('name', MATERIALS)
def test_twice_the_thickness_squares_the_transmission(name: str) -> None:
    once = transmission(_slab(0.3), MATERIALS[name])
    twice = transmission(_slab(0.6), MATERIALS[name])
    np.testing.assert_allclose(twice, np.square(once), rtol=1e-5)


@pytest.mark.parametrize('name', MATERIALS)
def test_more_is_never_brighter(name: str) -> None:
    thickness = np.linspace(0, 8, 400, dtype=np.float32)[None]
    brightness = pseudo_colour(*transmission(thickness, MATERIALS[name])).mean(-1)
    # Each of the channels is rounded to a whole number.
    assert np.diff(brightness).max() <= 1
    assert brightness[0, 0] == 255
    assert brightness[0, -1] < brightness[0, 0]


def test_metal_over_cloth_is_darker_than_either() -> None:
    cloth = transmission(_slab(4), MATERIALS['cloth'])
    steel = transmission(_slab(0.2), MATERIALS['steel'])
    both = pseudo_colour(cloth[0] * steel[0], cloth[1] * steel[1])
    assert both.mean() < min(pseudo_colour(*cloth).mean(), pseudo_colour(*steel).mean())


def test_hues_tell_materials_apart() -> None:
    # Thicknesses of about half brightness.
    red, green, blue = pseudo_colour(*transmission(_slab(6), MATERIALS['water']))[0, 0].astype(int)
    assert red > green > blue
    red, green, blue = pseudo_colour(*transmission(_slab(2.5), MATERIALS['aluminium']))[
        0, 0
    ].astype(int)
    assert green > max(red, blue)
    red, green, blue = pseudo_colour(*transmission(_slab(0.2), MATERIALS['steel']))[0, 0].astype(
        int
    )
    assert blue > green > red
    assert pseudo_colour(*transmission(_slab(4), MATERIALS['steel'])).max() < 30


def test_noise_has_the_variance_of_counted_photons() -> None:
    rng = np.random.default_rng(0)
    low, high = detect(
        np.full((200, 200), 0.25, np.float32), np.ones((200, 200), np.float32), 10_000, rng
    )
    # sqrt(0.25 / 10000) and sqrt(1 / 10000); the deviation of 40,000 samples is known to 0.4 %.
    assert low.std() == pytest.approx(0.005, rel=0.03)
    assert high.std() == pytest.approx(0.01, rel=0.03)
    assert low.mean() == pytest.approx(0.25, abs=2e-4)
