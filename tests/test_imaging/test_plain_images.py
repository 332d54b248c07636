"""The fast path for common files gives the pixels of the slow one."""

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import ExifTags, Image

from mmsxm.imaging import images
from mmsxm.imaging.images import ImageError, decode_image, read_image
from mmsxm.imaging.plain_images import decode_plain, plain_size


@pytest.fixture
def colors() -> npt.NDArray[np.uint8]:
    """Smooth RGB."""
    y, x = np.mgrid[:41, :63]
    return np.stack([4 * x, 6 * y, 255 - 4 * x], axis=-1).astype(np.uint8)


def encoded(pixels: npt.NDArray, format: str, **options: Any) -> bytes:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, format, **options)
    return data.getvalue()


PLAIN = [
    ('JPEG', {'quality': 90}),
    ('JPEG', {'progressive': True}),
    ('JPEG', {'subsampling': 2, 'icc_profile': b'x' * 200}),
    ('PNG', {}),
    ('BMP', {}),
]


@pytest.mark.parametrize('gray', [False, True])
@pytest.mark.parametrize(('format', 'options'), PLAIN)
def test_common_files_skip_pillow_and_keep_their_pixels(
    colors: npt.NDArray,
    monkeypatch: pytest.MonkeyPatch,
    format: str,
    options: dict[str, Any],
    gray: bool,
) -> None:
    if gray and format == 'BMP':  # has a palette
        pytest.skip('Pillow reads palettes')
    data = encoded(colors[..., 0] if gray else colors, format, **options)
    assert plain_size(data) == (41, 63)
    found = decode_plain(data)
    assert found is not None
    monkeypatch.setattr(images, 'plain_size', lambda head: None)
    assert np.array_equal(decode_image(data), found)


def test_other_files_are_left_to_pillow(colors: npt.NDArray) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    upright = decode_image(encoded(colors, 'PNG'))
    for format in ('JPEG', 'PNG'):
        data = encoded(colors, format, exif=exif)
        assert plain_size(data) is None or decode_plain(data) is None
        assert decode_image(data).shape == (63, 41, 3)
    transparent = encoded(colors, 'PNG', transparency=(0, 0, 255))
    assert decode_plain(transparent) is None
    assert not np.array_equal(decode_image(transparent), upright)
    cmyk = io.BytesIO()
    Image.fromarray(colors).convert('CMYK').save(cmyk, 'JPEG')
    deep = cv2.imencode('.png', np.zeros((9, 9), np.uint16))[1].tobytes()
    for data in (cmyk.getvalue(), deep, b'', b'BM', encoded(colors, 'TIFF')):
        assert plain_size(data) is None


def test_a_height_after_the_pixels_is_left_to_pillow(colors: npt.NDArray) -> None:
    data = bytearray(encoded(colors, 'JPEG'))
    frame = data.index(b'\xff\xc0')
    data[frame + 5 : frame + 7] = b'\0\0'
    assert plain_size(bytes(data)) is None


@pytest.mark.parametrize('format', ['JPEG', 'PNG', 'BMP'])
def test_size_limits_apply_before_decoding(
    colors: npt.NDArray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, format: str
) -> None:
    path = tmp_path / 'bag'
    path.write_bytes(encoded(colors, format))
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('decoded'))
    with pytest.raises(ImageError, match='63 x 41 pixels exceed the limit of 2582'):
        read_image(path, 41 * 63 - 1)


@pytest.mark.parametrize('format', ['JPEG', 'PNG', 'BMP'])
def test_truncated_files_are_refused(colors: npt.NDArray, format: str) -> None:
    data = encoded(colors, format)
    with pytest.raises(ImageError, match='truncated'):
        decode_image(data[: len(data) * 2 // 3])


def test_a_header_that_ends_at_the_frame_is_refused() -> None:
    with pytest.raises(ImageError):
        decode_image(b'\xff\xd8\x00\xff\xc0\x00\x11')
