"""Mappings of gray values to 8 bits, and their settings."""

import json
from typing import Any

import numpy as np
import pytest

from mmsxm.imaging.pixel_mapping import UPPER_BITS, GrayValues, PixelMapping

VALUES = np.array([[0, 100, 1000, 2550, 65_535]], np.uint16)


def test_values_of_the_window_become_0_to_255() -> None:
    pixels = PixelMapping((100, 2650)).gray(GrayValues(VALUES))
    assert pixels.tolist() == [[0, 0, 90, 245, 255]]


def test_without_a_window_the_upper_8_bits_are_kept() -> None:
    assert np.array_equal(UPPER_BITS.gray(GrayValues(VALUES)), VALUES >> 8)
    nibbles = np.arange(16, dtype=np.uint8)[None]
    assert np.array_equal(UPPER_BITS.gray(GrayValues(nibbles, bits=4)), nibbles * 16)


def test_a_window_keeps_differences_that_the_upper_8_bits_lose() -> None:
    values = np.arange(256, dtype=np.uint16)[None]
    assert (UPPER_BITS.gray(GrayValues(values)) == 0).all()
    assert np.array_equal(PixelMapping((0, 255)).gray(GrayValues(values)), values)


def test_pixels_have_three_equal_channels() -> None:
    image = PixelMapping((0, 2550))(GrayValues(VALUES))
    assert image.shape == (1, 5, 3)
    assert image[0, :, 0].tolist() == image[0, :, 2].tolist() == [0, 10, 100, 255, 255]


@pytest.mark.parametrize(
    'window',
    [
        (5, 5),
        (9, 1),
        (0,),
        (0, 1, 2),
        ('a', 'b'),
        (0, float('nan')),
        (0, 10**400),
        7,
        (False, True),
    ],
)
def test_an_invalid_window_is_refused(window: Any) -> None:
    with pytest.raises(ValueError, match='must be two numbers'):
        PixelMapping(window)


def test_an_unknown_pseudo_color_is_refused() -> None:
    with pytest.raises(ValueError, match='Choose one of sixray_white'):
        PixelMapping(pseudo_color='rainbow')


@pytest.mark.parametrize(
    'mapping', [UPPER_BITS, PixelMapping((0.5, 4095)), PixelMapping(pseudo_color='opixray')]
)
def test_settings_survive_json(mapping: PixelMapping) -> None:
    assert PixelMapping.from_dict(json.loads(json.dumps(mapping.to_dict()))) == mapping
    assert (mapping.to_dict() == {}) == (mapping == UPPER_BITS)
