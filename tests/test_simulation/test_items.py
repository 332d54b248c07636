import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mmsxm.simulation.items import OPIXRAY_ITEMS, SIXRAY_ITEMS, ItemKind
from mmsxm.simulation.scanner_profiles import SCANNERS
from mmsxm.simulation.shapes import Pose, draw

KINDS = [pytest.param(kind, id=name) for name, kind in (SIXRAY_ITEMS | OPIXRAY_ITEMS).items()]


def test_classes_stand_in_the_order_of_the_paper() -> None:
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
def test_items_are_metal_and_about_as_long_as_told(kind: ItemKind) -> None:
    length = kind.length[0]
    for seed in range(25):
        parts = kind.make(length, np.random.default_rng(seed))
        patch = draw(parts, Pose(), 10)
        x0, y0, x1, y1 = patch.box()
        # Open handles and tools reach further, some kinds of a class are shorter than others.
        assert 0.4 * length < np.hypot(x1 - x0, y1 - y0) / 10 < 1.75 * length
        assert any(part.material in ('steel', 'aluminium') for part in parts)
        assert np.isfinite(patch.attenuation).all()
        assert patch.thickness.min() >= 0
        assert 0.05 < patch.thickness.max() < 6


@pytest.mark.parametrize('kind', KINDS)
def test_items_are_centred(kind: ItemKind) -> None:
    """Roughly: then they turn about their middle."""
    for seed in range(25):
        x0, y0, x1, y1 = draw(kind.make(20.0, np.random.default_rng(seed)), Pose(), 10).box()
        assert abs(x0 + x1) / 20 < 5
        assert abs(y0 + y1) / 20 < 8


@pytest.mark.parametrize('kind', KINDS)
def test_the_generator_alone_decides(kind: ItemKind) -> None:
    maps = [
        draw(kind.make(20.0, np.random.default_rng(seed)), Pose(), 8).thickness.tobytes()
        for seed in (0, 0, 1, 2, 3, 4)
    ]
    assert maps[0] == maps[1]
    assert len(set(maps)) == 5


@pytest.mark.parametrize('kind', KINDS)
def test_on_edge_they_are_narrow_and_dark(kind: ItemKind) -> None:
    """None is a picture cut from a sheet: the same matter stands behind less area."""
    for seed in range(6):
        parts = kind.make(kind.length[0], np.random.default_rng(seed))
        flat, edge = (draw(parts, Pose(tilt=tilt), 12) for tilt in (0.0, np.radians(85)))
        assert edge.thickness.sum() == pytest.approx(flat.thickness.sum(), rel=0.05)
        covered = [(patch.thickness > 0.01).sum() for patch in (flat, edge)]
        assert covered[1] < 0.9 * covered[0]
        heights = [patch.box()[3] - patch.box()[1] for patch in (flat, edge)]
        assert heights[1] < heights[0]


def _shares(box_sides: npt.NDArray[np.float64], area: npt.NDArray[np.float64]) -> tuple:
    """Diagonal and root of the area of boxes, over the root of their images' area."""
    root = np.sqrt(area)
    return np.hypot(*box_sides.T) / root, np.sqrt(box_sides.prod(1)) / root


@pytest.mark.parametrize('name', SIXRAY_ITEMS)
def test_sizes_are_those_of_sixray(name: str, real_data: Path) -> None:
    with (real_data / 'sixray_boxes.csv').open() as file:
        rows = [row for row in csv.DictReader(file) if row['name'].strip().title() == name]
    keys = ('xmin', 'ymin', 'xmax', 'ymax', 'height', 'width')
    x0, y0, x1, y1, height, width = np.array([[float(row[k]) for k in keys] for row in rows]).T
    real = _shares(np.stack([x1 - x0, y1 - y0], 1), height * width)

    kind = SIXRAY_ITEMS[name]
    sides, spans = [], []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        span = rng.uniform(*SCANNERS['sixray'][seed % len(SCANNERS['sixray'])].view_cm)
        length = kind.length[0] * np.exp(rng.normal(0, kind.length[1]))
        parts = kind.make(min(float(length), 0.65 * span), rng)
        tilt = rng.uniform(0.9, 1.5) if rng.random() < 0.1 else min(abs(rng.normal(0, 0.35)), 1)
        pose = Pose(angle=rng.uniform(0, 6.3), tilt=tilt, tilt_axis=rng.uniform(0, 3.1))
        x0, y0, x1, y1 = draw(parts, pose, 8).box()
        sides.append((x1 - x0, y1 - y0))
        spans.append(8 * span)
    simulated = _shares(np.array(sides, float), np.array(spans) ** 2)
    for there, here in zip(real, simulated, strict=True):
        # 150 draws know a median to about 6 %; a third of the quartiles' distance is plenty.
        quartiles = np.percentile(there, [25, 50, 75]), np.percentile(here, [25, 50, 75])
        np.testing.assert_allclose(quartiles[1], quartiles[0], rtol=0.2)
