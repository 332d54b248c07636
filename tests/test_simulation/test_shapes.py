import numpy as np
import pytest

from mmsxm.simulation.clutter import MAKERS, make_bag, make_clothes
from mmsxm.simulation.items import CLASSES, make_item
from mmsxm.simulation.physics import MATERIALS
from mmsxm.simulation.shapes import Part, Pose, bar, box, draw, ellipse


def test_overlap_multiplies_the_transmissions() -> None:
    steel = draw([Part('steel', 0.2, [box(0, 0, 4, 2)])], Pose(2, 2), 10)
    water = draw([Part('water', 5.0, [ellipse(0, 0, 2)])], Pose(5, 3), 10)
    canvases = np.zeros((3, 2, 60, 80), np.float32)
    steel.add_to(canvases[0])
    water.add_to(canvases[1])
    steel.add_to(canvases[2])
    water.add_to(canvases[2])
    alone, other, both = np.exp(-canvases)
    assert ((alone < 1) & (other < 1)).any()
    np.testing.assert_allclose(both, alone * other, rtol=1e-5)


def test_slab_has_its_thickness_and_attenuation() -> None:
    patch = draw([Part('copper', 0.3, [box(0, 0, 4, 2)])], Pose(1, 1), 10)
    h, w = patch.thickness.shape
    assert patch.thickness[h // 2, w // 2] == pytest.approx(0.3)
    assert patch.attenuation[:, h // 2, w // 2] == pytest.approx(
        np.multiply(MATERIALS['copper'].mu, 0.3)
    )


def test_tilt_narrows_and_lengthens_the_way_through() -> None:
    plate = [Part('steel', 0.1, [box(-3, -2, 3, 2)])]
    flat = draw(plate, Pose(5, 5), 20)
    tilted = draw(plate, Pose(5, 5, tilt=np.pi / 3, tilt_axis=0.0), 20)
    # cos(60 degrees) = 1/2; antialiasing widens by up to a pixel on each side.
    x0, y0, x1, y1 = tilted.box()
    assert y1 - y0 == pytest.approx(4 * 20 / 2, abs=3)
    assert x1 - x0 == pytest.approx(6 * 20, abs=3)
    assert tilted.thickness.max() == pytest.approx(2 * flat.thickness.max(), rel=1e-5)
    # The same matter either way.
    assert tilted.thickness.sum() == pytest.approx(flat.thickness.sum(), rel=0.05)


def test_holes_are_empty_and_unions_count_once() -> None:
    ring = draw(
        [Part('steel', 0.4, [ellipse(0, 0, 2), box(-3, -0.5, 3, 0.5)], [ellipse(0, 0, 1)])],
        Pose(4, 4),
        20,
    )
    h, w = ring.thickness.shape
    assert ring.thickness[h // 2, w // 2] == 0
    assert ring.thickness.max() == pytest.approx(0.4)


def test_box_is_tight() -> None:
    patch = draw([Part('steel', 0.2, [bar([(0, 0), (5, 3)], 0.5)])], Pose(3, 2, angle=0.4), 12)
    canvas = np.zeros((2, 200, 200), np.float32)
    patch.add_to(canvas)
    rows, columns = np.nonzero(canvas[0])
    assert patch.box() == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_what_leaves_the_image_is_cut() -> None:
    patch = draw([Part('steel', 0.2, [box(-2, -2, 2, 2)])], Pose(0, 0), 10)
    canvas = np.zeros((2, 15, 40), np.float32)
    patch.add_to(canvas)
    assert canvas[0, :15, :18].min() > 0
    far = draw([Part('steel', 0.2, [box(-2, -2, 2, 2)])], Pose(90, 90), 10)
    before = canvas.copy()
    far.add_to(canvas)
    np.testing.assert_array_equal(canvas, before)


@pytest.mark.parametrize('name', CLASSES)
def test_items_have_their_length_and_hold_metal(name: str) -> None:
    for seed in range(20):
        parts = make_item(name, 20.0, np.random.default_rng(seed))
        assert any(part.material == 'steel' for part in parts)
        patch = draw(parts, Pose(0, 0), 10)
        x0, y0, x1, y1 = patch.box()
        # 20 cm at 10 pixels a cm; open handles and a magazine's floor reach somewhat further.
        assert 140 < np.hypot(x1 - x0, y1 - y0) < 290
        assert np.isfinite(patch.attenuation).all()
        assert patch.thickness.min() >= 0


def test_items_of_a_class_differ() -> None:
    for name in CLASSES:
        shapes = {
            draw(make_item(name, 20, np.random.default_rng(s)), Pose(), 10).thickness.tobytes()
            for s in range(10)
        }
        assert len(shapes) == 10


def test_unknown_class() -> None:
    with pytest.raises(KeyError):
        make_item('Hammer', 20, np.random.default_rng(0))


def test_clutter_can_be_drawn() -> None:
    makers = [*MAKERS, lambda rng: make_clothes(rng, 30, 20), lambda rng: make_bag(rng, 45, 35)]
    for maker in makers:
        for seed in range(10):
            patch = draw(maker(np.random.default_rng(seed)), Pose(angle=0.3 * seed), 6)
            assert np.isfinite(patch.attenuation).all()
            assert patch.attenuation.min() >= 0
            assert patch.attenuation.max() > 0
