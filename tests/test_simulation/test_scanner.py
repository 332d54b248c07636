from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsxm.imaging.pseudo_color import show
from mmsxm.simulation.physics import MATERIALS, linear_attenuation
from mmsxm.simulation.scanner import Scanner, measure, picture
from mmsxm.simulation.scanner_profiles import SCANNERS, load_scanners, scanner_from

MACHINES = {name: machines[0] for name, machines in SCANNERS.items() if len(machines) == 1}
LUMA = (0.299, 0.587, 0.114)
Layers = Iterable[tuple[str, float]]


def rays(layers: Layers, scanner: Scanner, shape: tuple[int, int] = (1, 1)) -> npt.NDArray:
    """Return attenuations (2, h, w) of layers (material, cm) that cover the whole image."""
    total = np.zeros((2, *shape), np.float32)
    for material, thickness in layers:
        mu = linear_attenuation(material, scanner.energies)
        total += np.array(mu, np.float32)[:, None, None] * np.float32(thickness)
    return total


def color(layers: Layers, scanner: Scanner) -> npt.NDArray:
    """Return RGB without noise. At one pixel per cm, nothing is blurred."""
    return show(rays(layers, scanner), scanner, 1.0)[0, 0].astype(int)


def quiet(scanner: Scanner) -> Scanner:
    return replace(
        scanner, photons=1e20, dark_noise=0.0, line_noise=0.0, blur_cm=0.0, opaque_below=1e-8
    )


metals = st.tuples(st.sampled_from(['steel', 'copper', 'aluminium']), st.floats(0, 1))
others = st.tuples(st.sampled_from(list(MATERIALS)), st.floats(0, 5))


@pytest.mark.parametrize('name', MACHINES)
@given(layers=st.lists(metals | others, max_size=5), more=metals | others)
def test_more_matter_is_never_brighter(
    name: str, layers: list[tuple[str, float]], more: tuple
) -> None:
    scanner = MACHINES[name]
    before = color(layers, scanner) @ LUMA
    after = color([*layers, more], scanner) @ LUMA
    # Channels and columns of the table are integers.
    assert after <= before + 1


@pytest.mark.parametrize('name', MACHINES)
def test_metal_is_darker_than_light_matter_of_the_same_weight(name: str) -> None:
    scanner = MACHINES[name]
    steel = color([('steel', 0.1)], scanner) @ LUMA
    assert steel < color([('water', 0.787)], scanner) @ LUMA - 20


@pytest.mark.parametrize('name', MACHINES)
def test_materials_have_different_hues(name: str) -> None:
    scanner = MACHINES[name]
    red, green, blue = color([('water', 6)], scanner)
    assert red > green > blue
    red, green, blue = color([('aluminium', 1.5)], scanner)
    assert green > max(red, blue)
    red, green, blue = color([('steel', 0.2)], scanner)
    assert blue > green > red


@pytest.mark.parametrize('name', MACHINES)
def test_empty_and_opaque_pixels_have_their_colors(name: str) -> None:
    scanner = MACHINES[name]
    assert bytes(color([], scanner).astype(np.uint8)).hex() == scanner.background
    assert bytes(color([('steel', 3)], scanner).astype(np.uint8)).hex() == scanner.opaque


@pytest.mark.parametrize('name', MACHINES)
def test_empty_air_is_clean(name: str) -> None:
    scanner = MACHINES[name]
    image = picture(rays([], scanner, (60, 80)), scanner, 9.0, np.random.default_rng(0))
    # Real backgrounds have a standard deviation of half a gray level.
    assert (image @ LUMA).std() < 1
    assert np.median(image.reshape(-1, 3), 0) == pytest.approx(
        np.frombuffer(bytes.fromhex(scanner.background), np.uint8), abs=1
    )


def test_transmissions_along_a_ray_multiply() -> None:
    scanner = quiet(MACHINES['opixray'])
    rng = np.random.default_rng(0)
    steel, water, both = (
        np.exp(-measure(rays(layers, scanner), scanner, 9.0, rng))
        for layers in ([('steel', 0.1)], [('water', 5)], [('steel', 0.1), ('water', 5)])
    )
    np.testing.assert_allclose(both, steel * water, rtol=1e-5)


@pytest.mark.parametrize('name', MATERIALS)
def test_twice_the_thickness_squares_the_transmission(name: str) -> None:
    scanner = quiet(MACHINES['sixray_white'])
    # Thicker copper would count as opaque.
    once, twice = (
        np.exp(-measure(rays([(name, cm)], scanner), scanner, 9.0, np.random.default_rng(0)))
        for cm in (0.1, 0.2)
    )
    np.testing.assert_allclose(twice, np.square(once), rtol=1e-5)


def test_noise_variance_is_that_of_photons_and_electronics() -> None:
    scanner = replace(
        MACHINES['opixray'], photons=10_000, dark_noise=0.004, line_noise=0.0, blur_cm=0.0
    )
    attenuation = np.full((2, 200, 200), -np.log(0.25), np.float32)
    counted = np.exp(-measure(attenuation, scanner, 9.0, np.random.default_rng(0)))
    # sqrt(0.25 / 10000 + 0.004^2); 40,000 samples determine a standard deviation to 0.4%
    assert counted.std((1, 2)) == pytest.approx([0.0064, 0.0064], rel=0.03)
    assert counted.mean((1, 2)) == pytest.approx([0.25, 0.25], abs=2e-4)


def test_each_detector_line_has_one_error() -> None:
    scanner = replace(quiet(MACHINES['sixray_grey']), line_noise=0.01)
    low, high = measure(rays([], scanner, (200, 30)), scanner, 9.0, np.random.default_rng(0))
    assert low.std(1).max() < 1e-4
    assert low.mean(1).std() == pytest.approx(0.01, rel=0.2)  # 200 lines determine it to 5%
    np.testing.assert_allclose(low.mean(1), high.mean(1), atol=1e-5)


def test_the_detector_blurs_and_edges_are_enhanced() -> None:
    scanner = replace(quiet(MACHINES['sixray_white']), blur_cm=0.1, edge_cm=0.2, edges=1.0)
    attenuation = rays([], scanner, (20, 60))
    attenuation[:, :, 30:] = rays([('aluminium', 1)], scanner, (20, 30))
    low = measure(attenuation, scanner, 10.0, np.random.default_rng(0))[0, 10]
    assert 0.05 * low[-1] < low[29] < low[30] < 0.95 * low[-1]

    sharp = show(attenuation, scanner, 10.0)[10] @ LUMA
    plain = show(attenuation, replace(scanner, edges=0.0), 10.0)[10] @ LUMA
    assert sharp[30] < plain[30] - 10
    assert sharp[-1] == pytest.approx(plain[-1], abs=1)


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_a_custom_scanner_overrides_settings_of_its_base(tmp_path: Path) -> None:
    path = write(
        tmp_path / 'own.py', "scanner = dict(base='opixray', photons=500, energies=[55, 90])"
    )
    (custom,) = load_scanners(path)
    assert custom == replace(MACHINES['opixray'], photons=500, energies=(55, 90))
    # It is hashable, as its color table is cached, and can be used like a built-in scanner.
    assert picture(rays([('steel', 0.1)], custom), custom, 9.0, np.random.default_rng(0)).shape == (
        1,
        1,
        3,
    )


def test_several_custom_scanners_can_be_loaded(tmp_path: Path) -> None:
    path = write(
        tmp_path / 'own.py', "scanner = [dict(base='sixray', blur_cm=0.2), dict(base='opixray')]"
    )
    white, grey = SCANNERS['sixray']
    assert load_scanners(path) == (
        replace(white, blur_cm=0.2),
        replace(grey, blur_cm=0.2),
        MACHINES['opixray'],
    )


def test_a_custom_scanner_may_have_two_rows_of_colors(tmp_path: Path) -> None:
    rows = ('402000 ffe0c0', '002040 c0e0ff')
    path = write(
        tmp_path / 'own.py', f"scanner = dict(base='opixray', ratios=(1.3, 4.0), colours={rows})"
    )
    (custom,) = load_scanners(path)
    assert (custom.ratios, custom.colours) == ((1.3, 4.0), rows)
    red, _, blue = color([('water', 6)], custom)
    assert red > blue


def test_scanners_are_found_by_name_or_by_file(tmp_path: Path) -> None:
    assert scanner_from('sixray') == SCANNERS['sixray']
    path = write(tmp_path / 'own.py', "scanner = dict(base='opixray', photons=500)")
    assert scanner_from(path) == load_scanners(path)
    for text in ('ct', str(tmp_path / 'none.py'), str(tmp_path), ''):
        with pytest.raises(
            ValueError, match=r'is unknown\. Choose one of sixray, .* or name an existing'
        ):
            scanner_from(text)


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('own.txt', "scanner = dict(base='opixray')", 'Only py/yml/yaml/json'),
        ('own', "scanner = dict(base='opixray')", 'Only py/yml/yaml/json'),
        ('own.py', 'scanner = dict(', 'SyntaxError'),
        ('own.py', 'scanner = dict(base=opixray)', 'NameError'),
        ('own.json', '{"scanner": ', 'Error'),
    ],
)
def test_files_that_are_not_configs_are_reported(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    path = write(tmp_path / name, text)
    with pytest.raises(ValueError, match=f'is not a readable config file .*{message}') as error:
        load_scanners(path)
    assert str(error.value).startswith(path)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('model = dict()', 'does not define a scanner'),
        ('scanner = dict(photons=500)', "scanner 'none' is unknown"),
        ("scanner = dict(base='airport')", r"'airport' is unknown\. Choose one of sixray"),
        (
            "scanner = dict(base='sixray', photon=500)",
            r'do not have the settings photon\. Choose from ratios',
        ),
        ("scanner = dict(base='sixray', energies=(100, 60))", 'two energies in increasing order'),
        ("scanner = dict(base='sixray', energies=(10, 60))", 'from 30 to 150 keV'),
        ("scanner = dict(base='sixray', ratios=(1.2, 2.0, 3.0))", '3 ratios and 7 rows'),
        ("scanner = dict(base='sixray', background='white')", "'white' must be RGB"),
        ("scanner = dict(base='opixray', opaque='')", 'must be RGB'),
        ("scanner = dict(base='opixray', metal_weight=1.5)", 'below 1'),
        ("scanner = dict(base='opixray', photons=0)", 'photons=0 must be more than 0'),
        (
            "scanner = dict(base='opixray', photons='many')",
            "photons='many' must have the form of 6000",
        ),
        ("scanner = dict(base='opixray', energies=(50, 60, 70))", 'have the form of'),
        ("scanner = dict(base='opixray', view_cm=(60, 50))", 'a minimum above 0 and a maximum'),
        ("scanner = dict(base='opixray', view_cm=(60,))", 'have the form of'),
        ("scanner = dict(base='opixray', jpeg_quality=0)", 'from 1 to 100'),
        ("scanner = dict(base=['opixray'])", r'is unknown\. Choose one of sixray'),
        (
            "scanner = dict(base='sixray', background='808080')",
            "background '808080' must be lighter",
        ),
        ("scanner = dict(base='opixray', opaque='000000 ffffff')", 'must be RGB'),
        *(
            (f"scanner = dict(base='opixray', {name}=-0.1)", f'{name}=-0.1 must be 0 or more')
            for name in (
                'blur_cm',
                'edge_cm',
                'average_cm',
                'dark_noise',
                'line_noise',
                'weight',
            )
        ),
    ],
)
def test_invalid_settings_of_a_scanner_are_reported(
    tmp_path: Path, text: str, message: str
) -> None:
    path = write(tmp_path / 'own.py', text)
    with pytest.raises(ValueError, match=message) as error:
        load_scanners(path)
    assert str(error.value).startswith(path)


@pytest.mark.parametrize('row', ['ffffff 000000', '202020 202020', '202020 ffffff', ''])
def test_colors_must_become_lighter_up_to_the_background(row: str) -> None:
    rows = list(MACHINES['opixray'].colours)
    rows[1] = row
    with pytest.raises(ValueError, match='from dark to light'):
        replace(MACHINES['opixray'], colours=tuple(rows))
