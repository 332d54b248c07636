"""Reading of training images by the reader of inference."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile

from mmsxm.datasets.transforms import LoadXrayImage
from mmsxm.imaging.images import ImageError, read_image
from mmsxm.imaging.pixel_mapping import PixelMapping


@pytest.fixture
def deep(tmp_path: Path) -> str:
    path = str(tmp_path / 'deep.png')
    cv2.imwrite(path, np.arange(600, dtype=np.uint16).reshape(20, 30))
    return path


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.bmp', '.tif', '.webp'])
def test_8_bit_images_are_those_of_mmcv(tmp_path: Path, suffix: str) -> None:
    path = str(tmp_path / f'bag{suffix}')
    cv2.imwrite(path, np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8))
    ours, theirs = LoadXrayImage()({'img_path': path}), LoadImageFromFile()({'img_path': path})
    assert np.array_equal(ours.pop('img'), theirs.pop('img'))
    assert ours == theirs


def test_a_window_is_applied(deep: str) -> None:
    image = LoadXrayImage(window=[100, 355])({'img_path': deep})['img']
    assert np.array_equal(image, read_image(deep, mapping=PixelMapping((100, 355))))
    assert image[5, 10, 0] == 5 * 30 + 10 - 100


def test_other_storage_gives_the_same_image(deep: str) -> None:
    load = LoadXrayImage(window=(0, 600), backend_args={'backend': 'local'})
    local = LoadXrayImage(window=(0, 600))({'img_path': deep})
    assert np.array_equal(load({'img_path': deep})['img'], local['img'])


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    path = tmp_path / 'bag.jpg'
    path.write_bytes(b'no image')
    with pytest.raises(ImageError, match=r'bag\.jpg: the file is not an image.*unlist it'):
        LoadXrayImage()({'img_path': str(path)})


def test_settings_are_shown() -> None:
    assert repr(LoadXrayImage()) == 'LoadXrayImage()'
    assert repr(LoadXrayImage(window=(0, 9))) == 'LoadXrayImage(window=(0, 9))'
