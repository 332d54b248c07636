import csv
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mmsxm.simulation.bag import simulate_bag
from mmsxm.simulation.items import OPIXRAY_ITEMS, SIXRAY_ITEMS, ItemKind
from mmsxm.simulation.items.knives import _cleaver
from mmsxm.simulation.shapes import Part, Pose, draw
from mmsxm.simulation.sites import CROWDING, SITES

KINDS = [pytest.param(kind, id=name) for name, kind in (SIXRAY_ITEMS | OPIXRAY_ITEMS).items()]


def test_classes_have_the_order_of_the_paper() -> None:
    assert list(SIXRAY_ITEMS) == ['Gun', 'Knife', 'Pliers', 'Scissors', 'Wrench']
    assert list(OPIXRAY_ITEMS) == [
        'Folding_Knife',
        'Straight_Knife',
        'Scissor',
        'Utility_Knife',
        'Multi-tool_Knife',
    ]
    for items in (SIXRAY_ITEMS, OPIXRAY_ITEMS):
        assert sum(kind.weight for kind in items.values()) == pytest.approx(1)


@pytest.mark.parametrize('kind', KINDS)
def test_items_contain_metal_and_have_about_the_given_length(kind: ItemKind) -> None:
    length = kind.length[0]
    for seed in range(25):
        parts = kind.make(length, np.random.default_rng(seed))
        patch = draw(parts, Pose(), 10)
        x0, y0, x1, y1 = patch.box()
        # Open handles and tools extend further, and some kinds of a class are shorter than others.
        assert 0.4 * length < np.hypot(x1 - x0, y1 - y0) / 10 < 1.75 * length
        assert any(part.material in ('steel', 'aluminium') for part in parts)
        assert np.isfinite(patch.attenuation).all()
        assert patch.thickness.min() >= 0
        assert 0.05 < patch.thickness.max() < 6


@pytest.mark.parametrize('kind', KINDS)
def test_items_are_centered(kind: ItemKind) -> None:
    """Items are roughly centered, so they rotate about their center."""
    for seed in range(25):
        x0, y0, x1, y1 = draw(kind.make(20.0, np.random.default_rng(seed)), Pose(), 10).box()
        assert abs(x0 + x1) / 20 < 5
        assert abs(y0 + y1) / 20 < 8


@pytest.mark.parametrize('kind', KINDS)
def test_items_depend_only_on_the_generator(kind: ItemKind) -> None:
    maps = [
        draw(kind.make(20.0, np.random.default_rng(seed)), Pose(), 8).thickness.tobytes()
        for seed in (0, 0, 1, 2, 3, 4)
    ]
    assert maps[0] == maps[1]
    assert len(set(maps)) == 5


@pytest.mark.parametrize('kind', KINDS)
def test_items_on_edge_are_narrow_and_dark(kind: ItemKind) -> None:
    """Items are solids, not flat cutouts: on edge, the same matter covers less area."""
    for seed in range(6):
        parts = kind.make(kind.length[0], np.random.default_rng(seed))
        flat, edge = (draw(parts, Pose(tilt=tilt), 12) for tilt in (0.0, np.radians(85)))
        assert edge.thickness.sum() == pytest.approx(flat.thickness.sum(), rel=0.05)
        covered = [(patch.thickness > 0.01).sum() for patch in (flat, edge)]
        assert covered[1] < 0.9 * covered[0]
        heights = [patch.box()[3] - patch.box()[1] for patch in (flat, edge)]
        assert heights[1] < heights[0]


@pytest.mark.parametrize('kind', KINDS)
def test_holes_lie_within_their_part(kind: ItemKind) -> None:
    """Check the usual length and that in a small image. The gap of a jaw may extend beyond."""
    for seed in range(60):
        for length in (kind.length[0], 9.0):
            for part in kind.make(length, np.random.default_rng(seed)):
                whole = _area([*part.outlines], [])
                for hole in part.holes:
                    cut = whole - _area([*part.outlines], [hole])
                    assert cut > 0.1 * _area([hole], [])


def test_hanging_holes_of_cleavers_lie_within_the_blade() -> None:
    drilled = 0
    for length, seed in itertools.product((9.0, 39.0), range(40)):
        blade = _cleaver(length, np.random.default_rng(seed))[0]
        for hole in blade.holes:
            drilled += 1
            rest = _area([*blade.outlines], [hole])
            assert _area([*blade.outlines], []) - rest == pytest.approx(_area([hole], []), rel=0.02)
    assert drilled > 10


def _area(outlines: list[npt.NDArray], holes: list[npt.NDArray]) -> float:
    """Return the drawn area of a flat part in cm2."""
    return float(draw([Part('steel', 1.0, outlines, holes)], Pose(), 20).thickness.sum()) / 20**2


def _sizes(sides: npt.NDArray, image_area: npt.NDArray) -> npt.NDArray:
    """Return diagonals and square roots of box areas, relative to the image size, (2, n)."""
    return np.stack([np.hypot(*sides.T), np.sqrt(sides.prod(1))]) / np.sqrt(image_area)


@pytest.mark.parametrize('name', SIXRAY_ITEMS)
def test_box_sizes_match_those_of_sixray(
    name: str, real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (real_data / 'sixray_boxes.csv').open() as file:
        rows = [row for row in csv.DictReader(file) if row['name'].strip().title() == name]
    keys = ('xmin', 'ymin', 'xmax', 'ymax', 'height', 'width')
    x0, y0, x1, y1, height, width = np.array([[float(row[k]) for k in keys] for row in rows]).T
    real = _sizes(np.stack([x1 - x0, y1 - y0], 1), height * width)

    # only items of the class, five per image, in the views of all scanners of SIXray
    alone = replace(
        SITES['sixray'], items={name: SIXRAY_ITEMS[name]}, item_counts=(0.0, 0.0, 0.0, 0.0, 1.0)
    )
    monkeypatch.setitem(SITES, 'alone', alone)
    empty = replace(CROWDING['typical'], garments=(0, 0), things=(0, 0))
    bags = [simulate_bag(0, index, (240, 300), empty, site='alone') for index in range(40)]
    boxes = np.concatenate([bag.boxes for bag in bags])
    simulated = _sizes(boxes[:, 2:] - boxes[:, :2], np.array(240 * 300))
    # 200 boxes determine a median to about 5%.
    np.testing.assert_allclose(np.median(simulated, 1), np.median(real, 1), rtol=0.2)
