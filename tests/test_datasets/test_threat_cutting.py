"""Cutting inverts multiplication: it recovers an item that was projected into a synthetic bag."""

import cv2
import numpy as np
import pytest

from mmsxm.datasets.threat_cutting import Cut, cut_threat, interpolate, white_level

SIZE = (200, 240)
BOX = (70.0, 60.0, 170.0, 140.0)  # loose, as in annotations
METAL = np.array([0.7, 0.4, 0.1], dtype=np.float32)  # BGR


def bag(white: float = 255) -> np.ndarray:
    """Return a pale orange bag that gets thinner from left to right."""
    fade = np.linspace(0, 1, SIZE[1], dtype=np.float32)[:, None]
    colours = (1 - fade) * [0.7, 0.8, 0.95] + fade * [0.95, 0.95, 1.0]
    return np.broadcast_to(white * colours, (*SIZE, 3)).astype(np.float32)


def item(center: tuple[int, int] = (120, 100), axes: tuple[int, int] = (40, 28)) -> np.ndarray:
    """Return the transmission of a metal ring with a soft edge."""
    ring = np.zeros(SIZE, dtype=np.uint8)
    cv2.ellipse(ring, center, axes, 0, 0, 360, 255, 14, cv2.LINE_AA)
    return 1 - ring[..., None].astype(np.float32) / 255 * (1 - METAL)


def seen(*layers: np.ndarray) -> np.ndarray:
    return np.prod(layers, axis=0).round().astype(np.uint8)


@pytest.mark.parametrize('white', [255, 228])
@pytest.mark.parametrize('noise', [0, 3])
def test_a_cut_recovers_the_transmission(white: float, noise: float) -> None:
    rng = np.random.default_rng(0)
    image = seen(bag(white), item()) + rng.normal(0, noise, (*SIZE, 3))
    cut = cut_threat(image.clip(0, 255).astype(np.uint8), BOX)
    assert isinstance(cut, Cut)
    assert cut.scale == 1
    x1, y1, x2, y2 = map(int, cut.box)
    truth = item()
    visible = np.argwhere(truth.min(axis=2) < 0.5)
    # tight up to the faint edge: two pixels of the item, three of the patch
    np.testing.assert_allclose((y1, x1), visible.min(axis=0), atol=5)
    np.testing.assert_allclose((y2, x2), visible.max(axis=0) + 1, atol=5)
    body = truth[y1:y2, x1:x2].max(axis=2) < 0.75
    error = np.abs(cut.transmission - truth[y1:y2, x1:x2])[body]
    # one gray level is 0.004, and the bag is interpolated across 100 pixels
    assert error.mean() < 0.01 + noise / white
    # nothing of the bag is in the patch, not even its noise
    air = cv2.erode((truth[y1:y2, x1:x2].min(axis=2) == 1).astype(np.uint8), np.ones((11, 11))) > 0
    assert air.any()
    np.testing.assert_allclose(cut.transmission[air], 1, atol=1e-3)


def test_large_items_are_downscaled() -> None:
    image = cv2.resize(seen(bag(), item()), None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    cut = cut_threat(image, tuple(4 * x for x in BOX))
    assert isinstance(cut, Cut)
    assert max(cut.transmission.shape) <= 256
    height, width = cut.transmission.shape[:2]
    x1, y1, x2, y2 = cut.box
    assert (width * cut.scale, height * cut.scale) == pytest.approx((x2 - x1, y2 - y1))
    # the outer axes of the ring, four times as large, and a faint edge
    edge = 2 * 7 * cut.scale
    assert 4 * 94 <= x2 - x1 <= 4 * 94 + edge
    assert 4 * 70 <= y2 - y1 <= 4 * 70 + edge


def test_faint_objects_that_touch_an_item_are_not_cut() -> None:
    rod = np.ones((*SIZE, 3), dtype=np.float32)
    rod[95:105] = 0.75
    cut = cut_threat(seen(bag(), item(), rod), BOX)
    assert isinstance(cut, Cut)
    left, top = (int(x) for x in cut.box[:2])
    np.testing.assert_array_equal(cut.transmission[100 - top, 120 - left], 1)  # inside the ring


def checkers() -> np.ndarray:
    rows, columns = np.indices(SIZE) // 9
    return np.where((rows + columns)[..., None] % 2, [0.35] * 3, 1)


@pytest.mark.parametrize(
    ('image', 'box', 'reason'),
    [
        (seen(bag()), BOX, 'no contrast'),
        (seen(bag(), item()), (70, 60, 170, 70), 'too small'),
        (seen(bag(), item()), (0, 0, 240, 200), 'no surroundings'),
        (seen(bag(), item()), (0, 0, 210, 190), 'no contrast'),  # far larger than its content
        (seen(bag(), item(center=(140, 100))), BOX, 'touches other things'),
        (seen(bag(), item() ** 0.25), BOX, 'faint'),
    ],
)
def test_an_unclean_cut_is_rejected(image: np.ndarray, box: tuple, reason: str) -> None:
    assert cut_threat(image, box) == reason


def test_an_item_in_a_dark_bag_is_rejected() -> None:
    image = np.full((400, 400, 3), 255, dtype=np.uint8)
    image[: SIZE[0], : SIZE[1]] = seen(0.5 * bag(), item())
    assert cut_threat(image, BOX) == 'dark bag'


def test_an_item_among_others_is_rejected() -> None:
    image = seen(bag(), item(), np.where(item().min(axis=2, keepdims=True) < 1, 1, checkers()))
    assert isinstance(cut_threat(image, BOX), str)


def test_holes_are_interpolated() -> None:
    rng = np.random.default_rng(0)
    known = np.ones(SIZE, dtype=np.float32)
    known[60:140, 70:170] = 0
    image = bag() / 255
    spoilt = np.where(known[..., None] > 0, image, rng.random((*SIZE, 3), dtype=np.float32))
    filled = interpolate(spoilt, known)
    np.testing.assert_array_equal(filled[known > 0], image[known > 0])
    # the slope across the hole is 0.1; means over half-known pixels only approximate it
    assert np.abs(filled - image).max() < 0.03
    flat = interpolate(np.full((*SIZE, 3), 0.3, dtype=np.float32), known)
    np.testing.assert_allclose(flat, 0.3, atol=1e-5)


def test_a_few_bright_pixels_do_not_define_the_white_level() -> None:
    image = np.full((100, 100, 3), 228, dtype=np.uint8)
    image[30:60, 30:60] = 90
    image[:10, :10] = 255
    assert white_level(image) == 228
