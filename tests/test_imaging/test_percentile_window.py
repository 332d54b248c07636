"""Windows from the gray values of images."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmsxm.imaging.images import ImageError
from mmsxm.imaging.percentile_window import percentile_window


def write(path: Path, values: np.ndarray) -> Path:
    cv2.imwrite(str(path), values)
    return path


def test_the_window_is_between_percentiles_of_all_images(tmp_path: Path) -> None:
    ramp = np.arange(10_000, dtype=np.uint16).reshape(100, 100)
    paths = [write(tmp_path / 'a.png', ramp), write(tmp_path / 'b.tif', ramp + 10_000)]
    assert percentile_window(paths, (0, 100)) == (0, 19_999)
    low, high = percentile_window(paths, (5, 95))
    assert (low, high) == (pytest.approx(1000, abs=1), pytest.approx(19_000, abs=2))


def test_images_of_all_sizes_weigh_the_same(tmp_path: Path) -> None:
    small = np.full((100, 100), 1000, np.uint16)
    large = np.full((1000, 1000), 3000, np.uint16)
    paths = [write(tmp_path / 'a.png', small), write(tmp_path / 'b.png', large)]
    assert percentile_window(paths, (49, 51)) == (1000, 3000)


def test_samples_are_not_whole_columns(tmp_path: Path) -> None:
    stripes = np.full((1000, 1000), 2000, np.uint16)
    stripes[:, ::100] = 60_000  # 1% of the image, in the columns that a constant step would take
    path = write(tmp_path / 'a.png', stripes)
    assert percentile_window([path], (0, 99.9)) == (2000, 60_000)
    with pytest.raises(ValueError, match='All gray values between the percentiles are 2000'):
        percentile_window([path], (1, 95))


def test_a_window_is_the_same_each_time(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 65_536, (300, 300), np.uint16)
    path = write(tmp_path / 'a.png', values)
    window = percentile_window([path])
    assert percentile_window([path]) == window
    assert window == (pytest.approx(65, abs=40), pytest.approx(65_470, abs=40))


def test_what_gives_no_window_is_refused(tmp_path: Path) -> None:
    eight = write(tmp_path / 'a.png', np.zeros((9, 9), np.uint8))
    flat = write(tmp_path / 'b.png', np.full((9, 9), 700, np.uint16))
    broken = tmp_path / 'c.png'
    broken.write_bytes(b'x')
    for paths, percentiles, message in (
        ([], (1, 99), 'no images'),
        ([eight], (1, 99), r'a\.png does not contain gray values of more than 8 bits'),
        ([flat], (1, 99), 'are 700'),
        ([flat], (99, 1), 'must be ascending'),
    ):
        with pytest.raises(ValueError, match=message):
            percentile_window(paths, percentiles)
    with pytest.raises(ImageError, match=r'c\.png: the file is not an image'):
        percentile_window([broken])
