import cv2
import numpy as np
import pytest

from mmsxm.imaging.material_bands import show_band
from mmsxm.imaging.preprocessing import View
from mmsxm.review.pictures import LONGEST, LONGEST_LAYER, attention_png, bag_png


def decode(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def test_a_bag_keeps_every_pixel() -> None:
    image = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    np.testing.assert_array_equal(decode(bag_png(image)), image)
    np.testing.assert_array_equal(decode(bag_png(image, 'metal')), show_band(image, 'metal'))


def test_large_images_are_shrunk_to_at_least_a_pixel() -> None:
    assert decode(bag_png(np.zeros((20, 2 * LONGEST, 3), np.uint8))).shape == (10, LONGEST, 3)
    assert decode(bag_png(np.zeros((1, 3 * LONGEST, 3), np.uint8))).shape == (1, LONGEST, 3)


def test_attention_is_red_in_its_window() -> None:
    attention = np.full((2, 2), 0.8, np.float32)
    attention[:, 0] = 0.2
    layer = decode(attention_png(attention, View((30, 50), (10, 0, 50, 30))))
    assert layer.shape == (30, 50, 4)
    assert (layer[..., :3] == (0, 0, 255)).all()
    assert (layer[:, :10, 3] == 0).all()
    assert (layer[:, 10, 3] == 51).all()
    assert (layer[:, 49, 3] == 204).all()


@pytest.mark.parametrize(
    ('image_size', 'window', 'shape'),
    [
        ((300, 10 * LONGEST_LAYER), (0, 0, 10 * LONGEST_LAYER, 300), (30, LONGEST_LAYER)),
        ((1, 9000), (8999, 0, 9000, 1), (1, LONGEST_LAYER)),  # a window thinner than a pixel
    ],
)
def test_layers_of_large_images_are_small(
    image_size: tuple[int, int], window: tuple[int, int, int, int], shape: tuple[int, int]
) -> None:
    layer = decode(attention_png(np.ones((4, 4), np.float32), View(image_size, window)))
    assert layer.shape[:2] == shape
    assert layer[0, -1, 3] == 255
