"""Files of every format, read completely or rejected."""

import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from mmsxm.imaging.images import ImageError, is_transparent, list_images, read_image, read_size


@pytest.fixture
def picture() -> np.ndarray:
    """BGR picture with different channels, smooth enough for JPEG."""
    y, x = np.mgrid[:40, :60]
    return np.stack([4 * x, 6 * y, 255 - 4 * x], axis=-1).astype(np.uint8)


@pytest.mark.parametrize('suffix', ['.png', '.bmp', '.tif', '.jpg'])
def test_an_image_is_read_as_opencv_reads_it(
    picture: np.ndarray, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f'bag{suffix}'
    cv2.imwrite(str(path), picture)
    assert np.array_equal(read_image(path), cv2.imread(str(path), cv2.IMREAD_COLOR))


def test_a_gray_image_has_three_equal_channels(picture: np.ndarray, tmp_path: Path) -> None:
    for name in ('grey.png', 'grey.jpg'):
        cv2.imwrite(str(tmp_path / name), picture[..., 0])
        image = read_image(tmp_path / name)
        assert image.shape == (40, 60, 3)
        assert (image == image[..., :1]).all()
        assert np.abs(image[..., 0].astype(int) - picture[..., 0]).max() <= 3


def test_16_bit_images_keep_the_higher_8_bits(tmp_path: Path) -> None:
    values = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257
    cv2.imwrite(str(tmp_path / 'deep.png'), values)
    assert np.array_equal(read_image(tmp_path / 'deep.png')[..., 1], values >> 8)


def test_zero_is_white_in_a_tiff_of_any_depth_that_declares_it(tmp_path: Path) -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    black_is_zero, white_is_zero = (struct.pack('<HHII', 262, 3, 1, zero) for zero in (1, 0))
    for stored in (values, values.astype(np.uint16) * 257):
        path = tmp_path / f'{stored.dtype}.tif'
        Image.fromarray(stored).save(path)  # Pillow would invert pixels, but only those of 8 bits
        data = path.read_bytes()
        assert data.count(black_is_zero) == 1
        path.write_bytes(data.replace(black_is_zero, white_is_zero))
        assert np.array_equal(read_image(path)[..., 0], 255 - values)


def test_cmyk_keeps_its_colors(picture: np.ndarray, tmp_path: Path) -> None:
    rgb = Image.fromarray(picture[..., ::-1])
    rgb.convert('CMYK').save(tmp_path / 'cmyk.jpg', quality=98)
    difference = read_image(tmp_path / 'cmyk.jpg').astype(int) - picture
    assert np.abs(difference).mean() < 3


def test_transparent_pixels_are_white(tmp_path: Path) -> None:
    bag = np.zeros((4, 4, 4), np.uint8)
    bag[:2, :, 3] = 255  # black above, nothing below
    Image.fromarray(bag).save(tmp_path / 'bag.png')
    image = read_image(tmp_path / 'bag.png')
    assert (image[:2] == 0).all()
    assert (image[2:] == 255).all()


@pytest.mark.parametrize(('mode', 'suffix'), [('RGBA', '.png'), ('LA', '.png'), ('RGBA', '.webp')])
def test_an_alpha_channel_can_be_opaque(tmp_path: Path, mode: str, suffix: str) -> None:
    image = Image.new(mode, (4, 4))
    for alpha in (255, 254):
        image.putalpha(alpha)
        image.save(tmp_path / f'bag{suffix}')
        assert is_transparent(tmp_path / f'bag{suffix}') == (alpha < 255)


def test_a_palette_can_have_a_transparent_color(picture: np.ndarray, tmp_path: Path) -> None:
    bag = Image.fromarray(picture).convert('P')
    bag.save(tmp_path / 'bag.png')
    assert not is_transparent(tmp_path / 'bag.png')
    bag.save(tmp_path / 'bag.png', transparency=bag.getpixel((0, 0)))
    assert is_transparent(tmp_path / 'bag.png')


def test_16_bit_gray_values_are_not_transparent(tmp_path: Path) -> None:
    Image.new('I;16', (4, 4)).save(tmp_path / 'bag.png', transparency=0)
    assert Image.open(tmp_path / 'bag.png').has_transparency_data
    assert not is_transparent(tmp_path / 'bag.png')
    assert read_image(tmp_path / 'bag.png').max() == 0


def test_palette_indices_become_colors(picture: np.ndarray, tmp_path: Path) -> None:
    few = (picture // 128) * 255
    Image.fromarray(few[..., ::-1]).convert('P', palette=Image.Palette.ADAPTIVE).save(
        tmp_path / 'bag.gif'
    )
    assert np.array_equal(read_image(tmp_path / 'bag.gif'), few)


ORIENTED = {  # formats that can store an orientation, with their save options
    'rgb.jpg': ('RGB', {}),
    'cmyk.jpg': ('CMYK', {}),
    'bag.png': ('RGB', {}),
    'bag.webp': ('RGB', {'lossless': True}),
    'plain.tif': ('RGB', {}),
    'lzw.tif': ('RGB', {'compression': 'tiff_lzw'}),
    'grey16.tif': ('I;16', {}),
}


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('name', ORIENTED)
def test_size_and_pixels_follow_the_orientation_of_exif(
    name: str, orientation: int, picture: np.ndarray, tmp_path: Path
) -> None:
    mode, options = ORIENTED[name]
    image = Image.fromarray(picture[..., ::-1])
    if mode == 'I;16':
        image = Image.fromarray(np.asarray(image.convert('L')).astype(np.uint16) << 8)
    else:
        image = image.convert(mode)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    image.save(tmp_path / name, exif=exif, **options)
    image.save(tmp_path / f'upright-{name}', **options)

    upright = Image.fromarray(read_image(tmp_path / f'upright-{name}'))
    upright.getexif()[ExifTags.Base.Orientation] = orientation
    expected = np.asarray(ImageOps.exif_transpose(upright))
    assert np.array_equal(read_image(tmp_path / name), expected)
    assert read_size(tmp_path / name) == expected.shape[:2]


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp', '.tif'])
def test_an_orientation_outside_of_exif_is_ignored_as_in_training(
    suffix: str, picture: np.ndarray, tmp_path: Path
) -> None:
    xmp = '<rdf:Description tiff:Orientation="6"/>'
    path, text = tmp_path / f'bag{suffix}', PngInfo()
    text.add_itxt('XML:com.adobe.xmp', xmp)
    options = {'.png': {'pnginfo': text}, '.tif': {'tiffinfo': {700: xmp.encode()}}}
    Image.fromarray(picture).save(path, **options.get(suffix, {'xmp': xmp.encode()}))
    trained_on = cv2.imread(str(path)).shape
    assert read_image(path).shape == trained_on == picture.shape
    assert read_size(path) == trained_on[:2]


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp'])
def test_damaged_exif_has_no_orientation(suffix: str, picture: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / f'bag{suffix}'
    Image.fromarray(picture).save(path, exif=b'Exif\0\0neither end of it')
    assert read_size(path) == read_image(path).shape[:2] == picture.shape[:2]


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _text(_: bytes) -> bytes:
    return b'no image at all'


def _nothing(_: bytes) -> bytes:
    return b''


def _headless(data: bytes) -> bytes:
    return data[:20]


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.tif', '.bmp'])
@pytest.mark.parametrize(
    ('damage', 'sentence'),
    [
        (_nothing, 'the file is empty'),
        (_text, 'not an image of a known format'),
        (_cut, 'truncated'),
        (_headless, 'truncated'),
    ],
)
def test_incomplete_images_are_rejected(
    picture: np.ndarray,
    tmp_path: Path,
    suffix: str,
    damage: Callable[[bytes], bytes],
    sentence: str,
) -> None:
    _, whole = cv2.imencode(suffix, picture)
    (tmp_path / f'bag{suffix}').write_bytes(damage(whole.tobytes()))
    with pytest.raises(ImageError, match=sentence):
        read_image(tmp_path / f'bag{suffix}')


@pytest.mark.parametrize('frame', [0xC1, 0xC3])  # extended, lossless
def test_a_jpeg_of_more_than_8_bits_is_named(
    picture: np.ndarray, tmp_path: Path, frame: int
) -> None:
    data = cv2.imencode('.jpg', picture)[1].tobytes()
    path = tmp_path / 'bag.jpg'
    path.write_bytes(data.replace(b'\xff\xc0\x00\x11\x08', b'\xff%c\x00\x11\x0c' % frame, 1))
    for read in (read_image, read_size):
        with pytest.raises(ImageError, match='JPEG with 12 bits is not supported: save the image'):
            read(path)


def test_a_png_without_all_its_chunks_is_rejected(picture: np.ndarray, tmp_path: Path) -> None:
    """Pillow reads incomplete files, the readers in training do not."""
    _, whole = cv2.imencode('.png', picture)
    data = whole.tobytes()
    pixels = data.index(b'IDAT') - 4
    more = data[:pixels] + b'\x00\xff' + data[pixels + 2 :]
    for damaged in (more, data[:-12]):
        (tmp_path / 'bag.png').write_bytes(damaged)
        with pytest.raises(ImageError, match='its end marker is missing'):
            read_image(tmp_path / 'bag.png')
    (tmp_path / 'bag.png').write_bytes(data + b'what some writers leave behind it')
    assert np.array_equal(read_image(tmp_path / 'bag.png'), picture)


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_image(
    picture: np.ndarray, tmp_path: Path
) -> None:
    """A JPEG in the header of a JPEG has its own end marker."""
    _, whole = cv2.imencode('.jpg', picture)
    data = whole.tobytes()
    thumbnail = b'\xff\xe1' + (len(data) + 2).to_bytes(2, 'big') + data
    (tmp_path / 'bag.jpg').write_bytes(data[:2] + thumbnail + data[2:])
    assert np.array_equal(read_image(tmp_path / 'bag.jpg'), cv2.imdecode(whole, cv2.IMREAD_COLOR))
    (tmp_path / 'bag.jpg').write_bytes(data[:2] + thumbnail + data[2:-200])
    with pytest.raises(ImageError, match='its end marker is missing'):
        read_image(tmp_path / 'bag.jpg')


def test_bytes_between_the_segments_of_a_jpeg_are_skipped(
    picture: np.ndarray, tmp_path: Path
) -> None:
    data = cv2.imencode('.jpg', picture)[1].tobytes()
    end_of_first = 4 + int.from_bytes(data[4:6], 'big')
    filled = data[:end_of_first] + b'\0\0\xff' + data[end_of_first:]
    (tmp_path / 'bag.jpg').write_bytes(filled)
    assert np.array_equal(
        read_image(tmp_path / 'bag.jpg'), cv2.imdecode(np.frombuffer(data, np.uint8), 1)
    )
    (tmp_path / 'bag.jpg').write_bytes(filled[:-200])
    with pytest.raises(ImageError, match='truncated'):
        read_image(tmp_path / 'bag.jpg')


def test_only_the_header_of_a_too_large_image_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new('1', (20_000, 20_000)).save(tmp_path / 'huge.png')
    limit = Image.MAX_IMAGE_PIXELS
    monkeypatch.setattr(Image.Image, 'load', lambda _: pytest.fail('decoded'))
    with pytest.raises(ImageError, match='20000 x 20000 pixels exceed the limit'):
        read_image(tmp_path / 'huge.png')
    assert limit == Image.MAX_IMAGE_PIXELS


def test_images_are_listed_by_suffix_in_all_folders(tmp_path: Path) -> None:
    (tmp_path / 'sub').mkdir()
    for name in ('b.JPG', 'a.png', 'notes.txt', 'sub/c.tiff'):
        (tmp_path / name).touch()
    assert list_images(tmp_path) == [
        str(tmp_path / name) for name in ('a.png', 'b.JPG', 'sub/c.tiff')
    ]


def test_bytes_that_a_scanner_appends_to_a_jpeg_are_ignored(
    picture: np.ndarray, tmp_path: Path
) -> None:
    _, whole = cv2.imencode('.jpg', picture)
    (tmp_path / 'bag.jpg').write_bytes(whole.tobytes() + b'of the maker \xff\xda\x00')
    assert np.array_equal(read_image(tmp_path / 'bag.jpg'), cv2.imdecode(whole, cv2.IMREAD_COLOR))
