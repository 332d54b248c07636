import numpy as np
import numpy.typing as npt
import pytest

from mmsxm.simulation.coverage import Shape, coverage
from mmsxm.simulation.outlines import bar, box, ellipse, inset, turn


def _mask(
    outlines: list[npt.NDArray[np.float64]],
    holes: list[npt.NDArray[np.float64]],
    size: tuple[int, int],
) -> npt.NDArray[np.float32]:
    return coverage([Shape(outlines, holes, size)])[0]


def _area(outline: npt.NDArray[np.float64]) -> float:
    x, y = outline.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


@pytest.mark.parametrize('width', [0.3, 1.0, 2.5, 12.0])
def test_area_is_exact_for_any_width_and_angle(width: float) -> None:
    for angle in np.linspace(0, np.pi, 13):
        outline = turn(box(5, 20 - width / 2, 35.5, 20 + width / 2), angle, 20, 20)
        mask = _mask([outline], [], (41, 42))
        assert mask.sum() == pytest.approx(30.5 * width, rel=1e-5)
        assert mask.min() >= 0
        assert mask.max() <= 1


def test_pixel_shares_match_sampling() -> None:
    triangle = np.array([(2.3, 1.7), (17.9, 6.1), (6.4, 13.2)])
    fine = (np.arange(20 * 40) + 0.5) / 40
    x, y = np.meshgrid(fine, fine[: 16 * 40])
    inside = np.ones_like(x, bool)
    for (x0, y0), (x1, y1) in zip(triangle, np.roll(triangle, -1, 0), strict=True):
        inside &= (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0
    sampled = inside.reshape(16, 40, 20, 40).mean((1, 3))
    np.testing.assert_allclose(_mask([triangle], [], (16, 20)), sampled, atol=0.02)


def test_orientation_of_an_outline_does_not_matter() -> None:
    outline = ellipse(8.2, 7.7, 5, 3, 0.4)
    np.testing.assert_allclose(
        _mask([outline], [], (16, 16)), _mask([outline[::-1]], [], (16, 16)), atol=1e-6
    )


def test_overlaps_count_once_and_holes_are_cut_from_all_outlines() -> None:
    left, right, hole = box(1, 1, 7, 5), box(4, 2, 12, 6), box(3, 3, 9, 4)
    mask = _mask([left, right], [hole, hole], (8, 14))
    assert mask.sum() == pytest.approx(24 + 32 - 9 - 6, rel=1e-6)
    assert mask[3, 5] == 0
    assert mask[2, 5] == 1


def test_a_strip_that_crosses_itself_is_filled() -> None:
    turns = np.linspace(0, 3.4 * np.pi, 80)
    line = 20 + np.stack([np.cos(turns), np.sin(2 * turns)], 1) * (12, 12)
    mask = _mask([bar(line, 2.0)], [], (40, 40))
    assert mask[19:21, 19:21].min() == 1  # the crossing of the figure eight


def test_shapes_are_cropped_at_the_canvas() -> None:
    mask = _mask([box(-5, 2, 4, 30)], [box(-9, -9, 1, 4)], (6, 8))
    expected = np.zeros((6, 8))
    expected[2:, :4] = 1
    expected[:4, :1] = 0
    np.testing.assert_allclose(mask, expected, atol=1e-6)


def test_shapes_are_independent_of_each_other() -> None:
    shapes = [
        Shape([ellipse(5, 5, 3)], [], (10, 11)),
        Shape([box(1, 1, 6, 4)], [box(2, 2, 3, 3)], (5, 7)),
        Shape([ellipse(4, 6, 3, 5)], [], (12, 8)),
    ]
    together = coverage(shapes)
    for shape, mask in zip(shapes, together, strict=True):
        assert mask.shape == shape.size
        np.testing.assert_allclose(mask, coverage([shape])[0], atol=1e-6)


def test_inset_removes_a_rim_of_constant_width() -> None:
    assert _area(inset(box(0, 0, 6, 4), 0.5)) == pytest.approx(5 * 3)
    assert _area(inset(box(0, 0, 6, 4)[::-1], 0.5)) == pytest.approx(5 * 3)
    circle = inset(ellipse(1, 2, 3, sides=200), 1)
    assert np.hypot(*(circle - (1, 2)).T) == pytest.approx(np.full(200, 2.0), rel=1e-3)
