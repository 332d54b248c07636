from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsxm.simulation.physics import MATERIALS, linear_attenuation
from mmsxm.simulation.scanner import Scanner, measure, picture, show
from mmsxm.simulation.scanner_profiles import SCANNERS, load_scanners, scanner_from

MACHINES = {name: machines[0] for name, machines in SCANNERS.items() if len(machines) == 1}
LUMA = (0.299, 0.587, 0.114)
Layers = Iterable[tuple[str, float]]


def rays(layers: Layers, scanner: Scanner, shape: tuple[int, int] = (1, 1)) -> npt.NDArray:
    """Attenuations (2, h, w) of layers of (material, cm) that cover the whole image."""
    total = np.zeros((2, *shape), np.float32)
    for material, thickness in layers:
        mu = linear_attenuation(material, scanner.energies)
        total += np.array(mu, np.float32)[:, None, None] * np.float32(thickness)
    return total


def colour(layers: Layers, scanner: Scanner) -> npt.NDArray:
    """RGB without noise; at one pixel a cm nothing is blurred."""
    return show(rays(layers, scanner), scanner, 1.0)[0, 0].astype(int)


def quiet(scanner: Scanner) -> Scanner:
    return replace(
        scanner, photons=1e20, dark_noise=0.0, line_noise=0.0, blur_cm=0.0, opaque_below=1e-8
    )


metals = st.tuples(st.sampled_from(['steel', 'copper', 'aluminium']), st.floats(0, 1))
others = st.tuples(st.sampled_from(list(MATERIALS)), st.floats(0, 5))


@pytest.mark.parametrize('name', MACHINES)
@given(layers=st.lists(metals | others, max_size=5), more=metals | others)
def test_more_is_never_brighter(name: str, layers: list[tuple[str, float]], more: tuple) -> None:
    scanner = MACHINES[name]
    before = colour(layers, scanner) @ LUMA
    after = colour([*layers, more], scanner) @ LUMA
    # Each channel is a whole number, and so is the column of the table.
    assert after <= before + 1


@pytest.mark.parametrize('name', MACHINES)
def test_metal_is_darker_than_light_matter_of_the_same_weight(name: str) -> None:
    scanner = MACHINES[name]
    steel = colour([('steel', 0.1)], scanner) @ LUMA
    assert steel < colour([('water', 0.787)], scanner) @ LUMA - 20


@pytest.mark.parametrize('name', MACHINES)
def test_hues_tell_materials_apart(name: str) -> None:
    scanner = MACHINES[name]
    red, green, blue = colour([('water', 6)], scanner)
    assert red > green > blue
    red, green, blue = colour([('aluminium', 1.5)], scanner)
    assert green > max(red, blue)
    red, green, blue = colour([('steel', 0.2)], scanner)
    assert blue > green > red


@pytest.mark.parametrize('name', MACHINES)
def test_nothing_and_everything_in_the_way(name: str) -> None:
    scanner = MACHINES[name]
    assert bytes(colour([], scanner).astype(np.uint8)).hex() == scanner.background
    assert bytes(colour([('steel', 3)], scanner).astype(np.uint8)).hex() == scanner.opaque


@pytest.mark.parametrize('name', MACHINES)
def test_empty_air_is_clean(name: str) -> None:
    scanner = MACHINES[name]
    image = picture(rays([], scanner, (60, 80)), scanner, 9.0, np.random.default_rng(0))
    # Real backgrounds deviate by half a grey level.
    assert (image @ LUMA).std() < 1
    assert np.median(image.reshape(-1, 3), 0) == pytest.approx(
        np.frombuffer(bytes.fromhex(scanner.background), np.uint8), abs=1
    )


def test_what_lies_along_a_ray_multiplies() -> None:
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
    # Thicker copper leaves less than what counts as opaque.
    once, twice = (
        np.exp(-measure(rays([(name, cm)], scanner), scanner, 9.0, np.random.default_rng(0)))
        for cm in (0.1, 0.2)
    )
    np.testing.assert_allclose(twice, np.square(once), rtol=1e-5)


def test_noise_has_the_variance_of_counted_photons_and_the_electronics() -> None:
    scanner = replace(
        MACHINES['opixray'], photons=10_000, dark_noise=0.004, line_noise=0.0, blur_cm=0.0
    )
    attenuation = np.full((2, 200, 200), -np.log(0.25), np.float32)
    counted = np.exp(-measure(attenuation, scanner, 9.0, np.random.default_rng(0)))
    # sqrt(0.25 / 10000 + 0.004^2); the deviation of 40,000 samples is known to 0.4 %.
    assert counted.std((1, 2)) == pytest.approx([0.0064, 0.0064], rel=0.03)
    assert counted.mean((1, 2)) == pytest.approx([0.25, 0.25], abs=2e-4)


def test_a_line_of_the_detector_errs_as_a_whole() -> None:
    scanner = replace(quiet(MACHINES['sixray_grey']), line_noise=0.01)
    low, high = measure(rays([], scanner, (200, 30)), scanner, 9.0, np.random.default_rng(0))
    assert low.std(1).max() < 1e-4
    assert low.mean(1).std() == pytest.approx(0.01, rel=0.2)  # 200 lines know it to 5 %
    np.testing.assert_allclose(low.mean(1), high.mean(1), atol=1e-5)


def test_the_detector_blurs_and_edges_are_drawn() -> None:
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


def test_own_scanner_says_only_what_differs(tmp_path: Path) -> None:
    path = write(
        tmp_path / 'own.py', "scanner = dict(base='opixray', photons=500, energies=[55, 90])"
    )
    (own,) = load_scanners(path)
    assert own == replace(MACHINES['opixray'], photons=500, energies=(55, 90))
    # It can be used, and its colours be kept, as a built-in one.
    assert picture(rays([('steel', 0.1)], own), own, 9.0, np.random.default_rng(0)).shape == (
        1,
        1,
        3,
    )


def test_own_scanners_take_turns(tmp_path: Path) -> None:
    path = write(
        tmp_path / 'own.py', "scanner = [dict(base='sixray', blur_cm=0.2), dict(base='opixray')]"
    )
    white, grey = SCANNERS['sixray']
    assert load_scanners(path) == (
        replace(white, blur_cm=0.2),
        replace(grey, blur_cm=0.2),
        MACHINES['opixray'],
    )


def test_own_scanner_may_have_two_rows_of_colours(tmp_path: Path) -> None:
    rows = ('402000 ffe0c0', '002040 c0e0ff')
    path = write(
        tmp_path / 'own.py', f"scanner = dict(base='opixray', ratios=(1.3, 4.0), colours={rows})"
    )
    (own,) = load_scanners(path)
    assert (own.ratios, own.colours) == ((1.3, 4.0), rows)
    red, _, blue = colour([('water', 6)], own)
    assert red > blue


def test_scanners_are_those_of_a_name_or_of_a_file(tmp_path: Path) -> None:
    assert scanner_from('sixray') == SCANNERS['sixray']
    path = write(tmp_path / 'own.py', "scanner = dict(base='opixray', photons=500)")
    assert scanner_from(path) == load_scanners(path)
    for text in ('ct', str(tmp_path / 'none.py'), str(tmp_path), ''):
        with pytest.raises(ValueError, match=r'is unknown: choose one of sixray, .* or name a'):
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
def test_files_that_are_no_configs_are_named(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    path = write(tmp_path / name, text)
    with pytest.raises(ValueError, match=f"can't be read as a config file .*{message}") as error:
        load_scanners(path)
    assert str(error.value).startswith(path)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('model = dict()', 'describes no scanner'),
        ('scanner = dict(photons=500)', "scanner 'none' is unknown"),
        ("scanner = dict(base='airport')", "'airport' is unknown: choose one of sixray"),
        ("scanner = dict(base='sixray', photon=500)", 'a scanner has no photon: choose from energ'),
        ("scanner = dict(base='sixray', energies=(100, 60))", 'a lower and a higher one'),
        ("scanner = dict(base='sixray', energies=(10, 60))", 'from 30 to 150 keV'),
        ("scanner = dict(base='sixray', ratios=(1.2, 2.0, 3.0))", '3 ratios and 7 rows'),
        ("scanner = dict(base='sixray', background='white')", "'white' must be RGB"),
        ("scanner = dict(base='opixray', opaque='')", 'must be RGB'),
        ("scanner = dict(base='opixray', metal_weight=1.5)", 'below 1'),
        ("scanner = dict(base='opixray', photons=0)", 'photons=0 must be more than 0'),
        (
            "scanner = dict(base='opixray', photons='many')",
            "photons='many' must be of the form of 6000",
        ),
        ("scanner = dict(base='opixray', energies=(50, 60, 70))", 'of the form of'),
        ("scanner = dict(base='opixray', view_cm=(60, 50))", 'a least and a most'),
        ("scanner = dict(base='opixray', view_cm=(60,))", 'of the form of'),
        ("scanner = dict(base='opixray', jpeg_quality=0)", 'from 1 to 100'),
        ("scanner = dict(base=['opixray'])", 'is unknown: choose one of sixray'),
        ("scanner = dict(base='sixray', background='808080')", "background '808080' lighter than"),
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
def test_mistakes_in_a_profile_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / 'own.py', text)
    with pytest.raises(ValueError, match=message) as error:
        load_scanners(path)
    assert str(error.value).startswith(path)


@pytest.mark.parametrize('row', ['ffffff 000000', '202020 202020', '202020 ffffff', ''])
def test_colours_rise_up_to_the_background(row: str) -> None:
    rows = list(MACHINES['opixray'].colours)
    rows[1] = row
    with pytest.raises(ValueError, match='from dark to light'):
        replace(MACHINES['opixray'], colours=tuple(rows))
