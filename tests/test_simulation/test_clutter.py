from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mmsxm.simulation.clutter import (
    CLUTTER,
    ClutterKind,
    make_bag,
    make_clothes,
    make_tray,
)
from mmsxm.simulation.clutter.bags import BAGS, BagKind
from mmsxm.simulation.clutter.kit import comb, creases, moved, sides, walls
from mmsxm.simulation.packing import Luggage, pack
from mmsxm.simulation.physics import MATERIALS
from mmsxm.simulation.shapes import Outline, Part, Pose, box, draw, extent
from mmsxm.simulation.sites import CROWDING, SITES

Make = Callable[[np.random.Generator], list[Part]]


def bag_maker(kind: BagKind) -> Make:
    return lambda rng: kind.make(rng, 25, 17)


MAKERS: dict[str, Make] = {
    **{name: kind.make for name, kind in CLUTTER.items()},
    'clothes': lambda rng: make_clothes(rng, 34, 22),
    'any bag': lambda rng: make_bag(rng, 50, 35),
    'tray': lambda rng: make_tray(rng, 60, 40),
    **{f'bag: {name}': bag_maker(kind) for name, kind in BAGS.items()},
}


def shoelace(outline: Outline) -> float:
    x, y = outline.T
    return abs(float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())) / 2


def size(parts: list[Part]) -> tuple[float, float]:
    x0, y0, x1, y1 = extent(parts, Pose())
    return x1 - x0, y1 - y0


def mass(parts: list[Part], pixels_per_cm: float = 5) -> float:
    """Return the drawn mass in grams."""
    volumes = {
        material: draw([p for p in parts if p.material == material], Pose(), pixels_per_cm)
        for material in {part.material for part in parts}
    }
    return sum(
        float(patch.thickness.sum()) / pixels_per_cm**2 * MATERIALS[material].density
        for material, patch in volumes.items()
    )


def fingerprint(parts: list[Part]) -> bytes:
    arrays = [np.concatenate([*part.outlines, *part.holes]) for part in parts]
    arrays += [np.array([part.thickness, part.lift]) for part in parts]
    arrays += [part.relief for part in parts if part.relief is not None]
    return b''.join(array.tobytes() for array in arrays)


@pytest.mark.parametrize('name', MAKERS)
def test_parts_are_valid(name: str) -> None:
    for seed in range(8):
        parts = MAKERS[name](np.random.default_rng(seed))
        for part in parts:
            assert part.material in MATERIALS
            # No part is thicker than the depth of a bag.
            assert 0 < part.thickness < 20
            assert len(part.outlines) > 0
            for outline in [*part.outlines, *part.holes]:
                assert outline.ndim == 2
                assert outline.shape[1] == 2
                assert len(outline) >= 3
                assert np.isfinite(outline).all()
            # Some outlines may be slivers, but not all outlines of a part.
            assert sum(map(shoelace, part.outlines)) > 1e-3
            if part.relief is not None:
                assert np.isfinite(part.relief).all()
                assert part.relief.mean() > 0.5


@pytest.mark.parametrize('name', MAKERS)
def test_the_same_seed_gives_the_same_object(name: str) -> None:
    make = MAKERS[name]
    first, again = (fingerprint(make(np.random.default_rng(3))) for _ in range(2))
    assert first == again
    assert len({fingerprint(make(np.random.default_rng(seed))) for seed in range(8)}) == 8


@pytest.mark.parametrize('name', CLUTTER)
def test_objects_have_plausible_sizes_and_masses(name: str) -> None:
    for seed in range(6):
        parts = CLUTTER[name].make(np.random.default_rng(seed))
        # from a pair of keys or coins to a long umbrella; dumbbells and laptops are the heaviest
        assert 2 < max(size(parts)) < 75
        assert 3 < mass(parts) < 3000


@pytest.mark.parametrize(
    ('name', 'least', 'most'),
    [
        # a full bottle of half a liter to one liter, or an almost empty one
        ('bottle', 100, 1200),
        ('laptop', 700, 3000),
        ('coins', 4, 150),
        ('keys', 10, 200),
        ('umbrella', 120, 800),
    ],
)
def test_familiar_objects_have_realistic_masses(name: str, least: float, most: float) -> None:
    masses = [mass(CLUTTER[name].make(np.random.default_rng(seed))) for seed in range(10)]
    assert least < min(masses)
    assert max(masses) < most


@pytest.mark.parametrize('name', MAKERS)
def test_clutter_can_be_drawn_in_any_pose(name: str) -> None:
    poses = [Pose(angle=0.4), Pose(angle=2, tilt=0.5, tilt_axis=1), Pose(tilt=1.5, flip=True)]
    for seed, pose in enumerate(poses):
        patch = draw(MAKERS[name](np.random.default_rng(seed)), pose, 5)
        assert np.isfinite(patch.attenuation).all()
        assert patch.attenuation.min() >= 0
        assert patch.attenuation.max() > 0


@pytest.mark.parametrize('site', SITES)
def test_kinds_are_packed_by_weight_and_favour(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    picked: list[str] = []

    def recording(name: str) -> Make:
        def make(rng: np.random.Generator) -> list[Part]:
            picked.append(name)
            return [Part('steel', 1, [box(0, 0, 1, 1)])]

        return make

    for name, kind in list(CLUTTER.items()):
        monkeypatch.setitem(CLUTTER, name, ClutterKind(recording(name), kind.weight))
    draws = 6_000
    belt = replace(SITES[site], things=1.0)
    full = replace(CROWDING['typical'], garments=(0, 0), things=(draws, draws))
    heap = Luggage('loose', 30, 20, 60, 40, 0)
    assert len(list(pack(np.random.default_rng(0), [heap], belt, full))) == draws
    counts = Counter(picked)
    weights = {name: kind.weight * belt.favours.get(name, 1) for name, kind in CLUTTER.items()}
    for name, weight in weights.items():
        share = weight / sum(weights.values())
        # five standard deviations of a binomial count
        assert abs(counts[name] - draws * share) < 5 * np.sqrt(draws * share * (1 - share)), name


def test_makers_use_only_the_given_generator() -> None:
    before = repr(np.random.get_state())  # noqa: NPY002
    for make in MAKERS.values():
        make(np.random.default_rng(1))
    assert repr(np.random.get_state()) == before  # noqa: NPY002


@pytest.mark.parametrize(('width', 'height'), [(52.0, 34.0), (34.0, 52.0), (30.0, 24.0)])
def test_bags_have_about_the_requested_size(width: float, height: float) -> None:
    for seed in range(20):
        w, h = size(make_bag(np.random.default_rng(seed), width, height))
        # Handles, straps and wheels extend beyond it.
        assert width * 0.85 < w < 1.1 * width + 15
        assert height * 0.85 < h < 1.1 * height + 15


@pytest.mark.parametrize('name', BAGS)
def test_the_background_shines_through_empty_bags(name: str) -> None:
    for seed in range(3):
        patch = draw(BAGS[name].make(np.random.default_rng(seed), 25, 17), Pose(), 5)
        inside = patch.attenuation[0][patch.thickness > 0.01]
        # At least four fifths of the photons pass the walls. Lines and fittings absorb far more.
        assert np.median(inside) < 0.22
        assert np.percentile(inside, 99.5) > 2 * np.median(inside)


def test_every_kind_of_bag_occurs() -> None:
    bags = {len(make_bag(np.random.default_rng(seed), 50, 35)) for seed in range(60)}
    assert len(bags) > 8
    assert all(kind.weight > 0 for kind in BAGS.values())


@pytest.mark.parametrize(('width', 'height'), [(40.0, 25.0), (15.0, 30.0)])
def test_clothes_are_faint_and_fit(width: float, height: float) -> None:
    for seed in range(30):
        parts = make_clothes(np.random.default_rng(seed), width, height)
        w, h = size(parts)
        # Rolls and creases extend by some centimeters.
        assert 0.6 * width < w < 1.15 * width + 4
        assert 0.6 * height < h < 1.15 * height + 4
        patch = draw(parts, Pose(), 5)
        covered = patch.attenuation[0][patch.thickness > 0.1]
        assert np.median(covered) < 0.6


def test_moving_parts_is_rigid() -> None:
    parts = CLUTTER['keys'].make(np.random.default_rng(0))
    shifted = moved(parts, (5, -3), 0.7)
    for part, other in zip(parts, shifted, strict=True):
        for a, b in zip(
            [*part.outlines, *part.holes], [*other.outlines, *other.holes], strict=True
        ):
            np.testing.assert_allclose(
                np.hypot(*np.diff(a, axis=0).T), np.hypot(*np.diff(b, axis=0).T), atol=1e-9
            )
            assert shoelace(a) == pytest.approx(shoelace(b))
    quarter = moved([Part('steel', 1, [box(0, 0, 2, 1)])], (10, 0), np.pi / 2)
    assert extent(quarter, Pose()) == pytest.approx((9, 0, 10, 2))


def test_half_of_a_comb_is_wide_and_half_narrow() -> None:
    line = np.linspace((0, 0), (10, 0), 5)
    # Ten teeth of 0.5 x 2 cm and gaps of 0.5 x 1 cm; the slopes between them are steep.
    assert shoelace(comb(line, 1.0, 2.0, 1.0)) == pytest.approx(10 * (0.5 * 2 + 0.5 * 1), rel=0.06)


def test_sides_have_a_constant_distance() -> None:
    angles = np.linspace(0, np.pi, 40)
    left, right = sides(np.stack([np.cos(angles), np.sin(angles)], 1) * 5, 0.6)
    np.testing.assert_allclose(np.hypot(*(left - right).T), 0.6)
    np.testing.assert_allclose(np.hypot(*left.T)[1:-1], 4.7, atol=0.01)


def test_walls_are_a_hollow_box() -> None:
    outline = box(-4, -3, 4, 3)
    # Two faces of 8 x 6 cm and four sides, 5 cm high, all 2 mm thick.
    volume = 0.2 * (2 * 48 + 5 * (2 * 8 + 2 * 5.6))
    drawn = draw(walls('plastic', 0.2, outline, 5), Pose(), 20).thickness.sum() / 20**2
    assert drawn == pytest.approx(volume, rel=0.01)
    # Nearly on its side, its depth is visible: 5 cm and half a face on each side.
    _, y0, _, y1 = draw(walls('plastic', 0.2, outline, 5), Pose(tilt=1.5), 20).box()
    assert (y1 - y0) / 20 == pytest.approx(6 * np.cos(1.5) + 5.2 * np.sin(1.5), abs=0.15)


def test_creases_stay_within_their_area() -> None:
    lines = np.concatenate(creases(np.random.default_rng(0), 40, 20, 200, 0.3))
    assert np.abs(lines[:, 0]).max() < 20
    assert np.abs(lines[:, 1]).max() < 10
