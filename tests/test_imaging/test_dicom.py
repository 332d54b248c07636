"""DICOM and DICOS files: gray values, colors, two energies, and what is refused."""

import io
import sys
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip('pydicom', reason='needs the extra [dicos]')

from dicom_files import CR, DICOS, DX, EXPLICIT, write_dicom, write_dicos
from PIL import Image

from mmsxm.imaging.images import (
    ImageError,
    decode_image,
    is_transparent,
    list_images,
    read_gray_values,
    read_image,
    read_size,
)
from mmsxm.imaging.pixel_mapping import PixelMapping
from mmsxm.imaging.pseudo_color_profiles import SIXRAY_WHITE
from mmsxm.simulation import scanner, simulate_bag

IMPLICIT, BIG_ENDIAN = '1.2.840.10008.1.2', '1.2.840.10008.1.2.2'
DEFLATED, RLE = '1.2.840.10008.1.2.1.99', '1.2.840.10008.1.2.5'
JPEG, HTJ2K = '1.2.840.10008.1.2.4.50', '1.2.840.10008.1.2.4.201'
JPEG_EXTENDED = '1.2.840.10008.1.2.4.51'
JPEG_2000 = '1.2.840.10008.1.2.4.90'
MPEG = '1.2.840.10008.1.2.4.100'
WINDOW = (1000, 50_000)
FADE_STEP = 1 / 4096  # of attenuations in 16 bits


@pytest.fixture
def values() -> npt.NDArray[np.uint16]:
    return np.random.default_rng(0).integers(0, 65_536, (30, 40), np.uint16)


def gray(path: Path, window: tuple[float, float] | None = None) -> npt.NDArray[np.uint8]:
    image = read_image(path, mapping=PixelMapping(window))
    assert (image == image[..., :1]).all()
    return image[..., 0]


def windowed(values: npt.NDArray, low: float, high: float) -> npt.NDArray[np.uint8]:
    shares = (values.astype(float) - low) / (high - low)
    return np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)


def padded(name: str) -> bytes:
    return name.encode() + b'\0' * (len(name) % 2)


def differs(found: npt.NDArray, expected: npt.NDArray) -> int:
    return int(np.abs(found.astype(int) - expected).max())


@pytest.mark.parametrize('kind', [DX, CR, DICOS])
@pytest.mark.parametrize('window', [None, WINDOW])
def test_dicom_png_and_tiff_with_equal_values_give_equal_pixels(
    values: npt.NDArray, tmp_path: Path, kind: str, window: tuple[int, int] | None
) -> None:
    image = gray(write_dicom(tmp_path / 'bag.dcm', values, kind), window)
    for suffix in ('.png', '.tif'):
        cv2.imwrite(str(tmp_path / f'bag{suffix}'), values)
        assert np.array_equal(gray(tmp_path / f'bag{suffix}', window), image)
    expected = values >> 8 if window is None else windowed(values, *window)
    assert differs(image, expected) <= (window is not None)  # rounding in float32


@pytest.mark.parametrize(
    'syntax', ['enumLittleEndianExplicit', 'enumLosslessRLE', 'enumLosslessJPEG']
)
def test_a_dicos_file_of_pydicos_is_read(values: npt.NDArray, tmp_path: Path, syntax: str) -> None:
    pytest.importorskip('pydicos', reason='needs pydicos, which has wheels up to Python 3.11')
    if syntax == 'enumLosslessJPEG':
        pytest.importorskip('gdcm', reason='needs python-gdcm')
    image = gray(write_dicos(tmp_path / 'bag.dcs', values, syntax), WINDOW)
    assert np.array_equal(image, gray(write_dicom(tmp_path / 'bag.dcm', values), WINDOW))


def test_a_file_is_recognized_by_its_content(values: npt.NDArray, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / 'bag.png', values)
    assert read_size(path) == (30, 40)
    assert not is_transparent(path)
    assert np.array_equal(decode_image(path.read_bytes()), read_image(path))


def test_folders_find_dicom_by_suffix(values: npt.NDArray, tmp_path: Path) -> None:
    paths = [
        write_dicom(tmp_path / f'{i}.{s}', values) for i, s in enumerate(('dcm', 'DCS', 'dicos'))
    ]
    assert list_images(tmp_path) == [str(path) for path in paths]


@pytest.mark.parametrize('syntax', [IMPLICIT, BIG_ENDIAN])
def test_each_byte_order_is_read(values: npt.NDArray, tmp_path: Path, syntax: str) -> None:
    stored = values.astype('>u2') if syntax == BIG_ENDIAN else values
    path = write_dicom(tmp_path / 'bag.dcm', values, syntax=syntax, pixel_data=stored.tobytes())
    assert np.array_equal(gray(path), values >> 8)


@pytest.mark.parametrize('window', [None, WINDOW])
def test_monochrome1_shows_the_lowest_value_in_white(
    values: npt.NDArray, tmp_path: Path, window: tuple[int, int] | None
) -> None:
    dark = gray(write_dicom(tmp_path / 'a.dcm', values), window)
    inverse = write_dicom(tmp_path / 'b.dcm', values, PhotometricInterpretation='MONOCHROME1')
    assert np.array_equal(gray(inverse, window), 255 - dark)


def test_rgb_is_read_as_bgr(tmp_path: Path) -> None:
    colors = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    path = write_dicom(tmp_path / 'bag.dcm', colors)
    assert np.array_equal(read_image(path, mapping=PixelMapping(WINDOW)), colors[..., ::-1])


def test_values_are_rescaled_before_the_window(values: npt.NDArray, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / 'a.dcm', values, RescaleSlope='0.5', RescaleIntercept='-100')
    assert differs(gray(path, (0, 20_000)), windowed(values * 0.5 - 100, 0, 20_000)) <= 1
    # a negative slope inverts the image, also without a window
    path = write_dicom(tmp_path / 'b.dcm', values, RescaleSlope='-1', RescaleIntercept='65535')
    assert np.array_equal(gray(path), 255 - (values >> 8))


def test_the_window_of_the_file_is_used_if_none_is_set(values: npt.NDArray, tmp_path: Path) -> None:
    window = dict(WindowCenter=['20000.5', '1'], WindowWidth=['10001', '1'])
    path = write_dicom(tmp_path / 'a.dcm', values, **window)
    assert differs(gray(path), windowed(values, 15_000, 25_000)) <= 1
    assert differs(gray(path, WINDOW), windowed(values, *WINDOW)) <= 1
    exact = write_dicom(tmp_path / 'b.dcm', values, VOILUTFunction='LINEAR_EXACT', **window)
    assert differs(gray(exact), windowed(values, 15_000, 25_001)) <= 1


@pytest.mark.parametrize('elements', [('WindowCenter', 'WindowWidth'), ('WindowWidth',)])
def test_empty_elements_are_no_window(
    values: npt.NDArray, tmp_path: Path, elements: tuple[str, ...]
) -> None:
    window = {'WindowCenter': '5', 'WindowWidth': '9', **dict.fromkeys(elements, '')}
    assert np.array_equal(gray(write_dicom(tmp_path / 'a.dcm', values, **window)), values >> 8)


def test_fewer_bits_and_signs_use_the_whole_range(tmp_path: Path) -> None:
    twelve = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    path = write_dicom(tmp_path / 'a.dcm', twelve, BitsStored=12, HighBit=11)
    assert np.array_equal(gray(path), twelve >> 4)
    signed = np.arange(-32_768, 32_768, 16, dtype=np.int16).reshape(64, 64)
    path = write_dicom(tmp_path / 'b.dcm', signed)
    assert np.array_equal(gray(path), (signed.astype(int) + 32_768) >> 8)
    eight = np.arange(256, dtype=np.uint8).reshape(16, 16)
    path = write_dicom(tmp_path / 'c.dcm', eight)
    assert np.array_equal(gray(path, (50, 60)), eight)  # 8 bits stay as they are
    assert read_gray_values(path) is None


def test_compressed_pixels_are_read_if_pydicom_can(values: npt.NDArray, tmp_path: Path) -> None:
    from pydicom import dcmread
    from pydicom.encaps import encapsulate

    path = write_dicom(tmp_path / 'bag.dcm', values)
    dataset = dcmread(path)
    dataset.compress(RLE)
    dataset.save_as(tmp_path / 'rle.dcm')
    assert np.array_equal(gray(tmp_path / 'rle.dcm'), values >> 8)

    smooth = np.tile(np.arange(40, dtype=np.uint8) * 5, (30, 1))
    colors = np.stack([smooth, smooth[:, ::-1], smooth], axis=-1)
    for format, syntax, photometric in (
        ('JPEG', JPEG, 'YBR_FULL_422'),
        ('JPEG2000', JPEG_2000, 'YBR_RCT'),
    ):
        data = io.BytesIO()
        options = {'mct': 1, 'no_jp2': True} if format == 'JPEG2000' else {'quality': 95}
        Image.fromarray(colors).save(data, format, **options)
        frames = encapsulate([data.getvalue()])
        path = write_dicom(
            tmp_path / f'{format}.dcm',
            colors,
            syntax=syntax,
            pixel_data=frames,
            PhotometricInterpretation=photometric,
        )
        assert differs(read_image(path), colors[..., ::-1]) <= 8
        larger = np.zeros((30, 41, 3), np.uint8)
        path = write_dicom(
            path, larger, syntax=syntax, pixel_data=frames, PhotometricInterpretation=photometric
        )
        with pytest.raises(ImageError, match=r'has the size \(30, 40\), but the header has'):
            read_image(path)


def test_a_12_bit_jpeg_that_cannot_be_decoded_is_named(values: npt.NDArray, tmp_path: Path) -> None:
    from pydicom.encaps import encapsulate
    from pydicom.pixels import get_decoder

    if set(get_decoder(JPEG_EXTENDED).available_plugins) != {'pillow'}:
        pytest.skip('a plugin of pydicom may decode it')
    data = io.BytesIO()
    Image.fromarray((values >> 8).astype(np.uint8)).save(data, 'JPEG')
    frames = data.getvalue().replace(b'\xff\xc0\x00\x0b\x08', b'\xff\xc1\x00\x0b\x0c', 1)
    path = write_dicom(
        tmp_path / 'bag.dcm',
        values >> 4,
        syntax=JPEG_EXTENDED,
        pixel_data=encapsulate([frames]),
        BitsStored=12,
        HighBit=11,
    )
    with pytest.raises(ImageError, match='JPEG with 12 bits cannot be decoded here: install'):
        read_image(path)


@pytest.mark.parametrize(
    ('elements', 'message'),
    [
        ({'NumberOfFrames': 3}, 'contains 3 frames'),
        ({'PixelData': None}, 'contains no pixels'),
        ({'Rows': None}, 'no Rows or no Columns'),
        ({'Rows': 60_000, 'Columns': 60_000}, '60000 x 60000 pixels exceed the limit'),
        ({'Rows': 31}, 'is damaged'),  # fewer pixels than the header names
        ({'PhotometricInterpretation': 'PALETTE COLOR'}, 'PALETTE COLOR are not supported'),
        ({'SamplesPerPixel': 2}, '2 x 16 bits'),
        ({'BitsStored': 12}, r'HighBit is 15, but BitsStored is 12.*lowest 12 bits'),
        ({'RescaleSlope': 'nan'}, 'slope nan'),
        ({'WindowCenter': '5', 'WindowWidth': '1'}, 'width 1 is invalid'),
        ({'VOILUTFunction': 'SIGMOID'}, 'VOI LUT'),
    ],
)
def test_what_cannot_be_read_is_refused(
    values: npt.NDArray, tmp_path: Path, elements: dict[str, Any], message: str
) -> None:
    path = write_dicom(tmp_path / 'bag.dcm', values, **elements)
    with pytest.raises(ImageError, match=message):
        read_image(path)


@pytest.mark.parametrize(
    ('syntax', 'message'),
    [
        (HTJ2K, 'High-Throughput.*plugin of pydicom'),
        (MPEG, 'MPEG2.*plugin of pydicom'),
        (DEFLATED, 'deflated DICOM files'),
    ],
)
def test_compression_that_cannot_be_read_is_named(
    values: npt.NDArray, tmp_path: Path, syntax: str, message: str
) -> None:
    path = write_dicom(tmp_path / 'bag.dcm', values)
    data, old, new = path.read_bytes(), padded(EXPLICIT), padded(syntax)
    start = data.index(old)  # its length stands before it
    header = data[: start - 2] + len(new).to_bytes(2, 'little')
    path.write_bytes(header + new + data[start + len(old) :])
    for read in (read_image, read_size):
        with pytest.raises(ImageError, match=message):
            read(path)


def test_a_file_without_its_transfer_syntax_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'bag.dcm'
    path.write_bytes(b'\0' * 128 + b'DICM' + b'\x08\0\x16\0UI\x02\0' + b'1\0')
    with pytest.raises(ImageError, match='does not contain its transfer syntax'):
        read_image(path)


def test_without_pydicom_the_extra_is_named(
    values: npt.NDArray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_dicom(tmp_path / 'bag.dcm', values)
    for name in [name for name in sys.modules if name.split('.')[0] == 'pydicom']:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'pydicom', None)
    with pytest.raises(ImageError, match=r"pip install 'mmsxm\[dicos\]'"):
        read_image(path)


@pytest.mark.filterwarnings('ignore')  # pydicom warns of invalid elements
def test_a_damaged_file_is_read_or_refused(values: npt.NDArray, tmp_path: Path) -> None:
    data = write_dicom(tmp_path / 'a.dcm', values, WindowCenter='9', WindowWidth='5').read_bytes()
    random = Random(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(data[: random.choice((len(data), random.randrange(132, len(data))))])
        for _ in range(random.randrange(4)):
            damaged[random.randrange(132, min(len(damaged), 700))] = random.randrange(256)
        try:
            assert decode_image(bytes(damaged), max_pixels=10_000).dtype == np.uint8
        except ImageError:
            refused += 1
    assert 100 < refused < 300


def energies(monkeypatch: pytest.MonkeyPatch, site: str, index: int) -> tuple[Any, ...]:
    """Simulate a bag; return its image, measured attenuations and pixels per cm."""
    measured: list[Any] = []
    show = scanner.show

    def spy(fades: npt.NDArray, colors: object, pixels_per_cm: float) -> npt.NDArray:
        measured.extend((fades.copy(), pixels_per_cm))
        return show(fades, colors, pixels_per_cm)

    monkeypatch.setattr(scanner, 'show', spy)
    bag = simulate_bag(3, index, site=site, scanner=f'{site}_white' if site == 'sixray' else site)
    return bag.image, *measured


def write_energies(
    path: Path, stored: npt.NDArray, step: float, offset: float, pixels_per_cm: float, **more: Any
) -> Path:
    spacing = 10 / pixels_per_cm
    elements: dict[str, Any] = {
        'PixelIntensityRelationship': 'LOG',
        'RescaleSlope': f'{step:.10g}',
        'RescaleIntercept': f'{offset:.10g}',
        'ImagerPixelSpacing': [f'{spacing:.13g}', f'{spacing:.13g}'],
    }
    return write_dicom(path, stored, **{**elements, **more})


@pytest.mark.parametrize(('site', 'colors'), [('sixray', 'sixray_white'), ('opixray', 'opixray')])
@pytest.mark.parametrize('kind', [DX, DICOS])
def test_two_energies_get_the_colors_of_the_simulated_image(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, site: str, colors: str, kind: str
) -> None:
    image, fades, pixels_per_cm = energies(monkeypatch, site, 1)
    step, offset = 2.0**-26, -4.0
    stored = np.rint((fades.astype(np.float64) - offset) / step).astype(np.uint32)
    path = write_energies(tmp_path / 'bag.dcs', stored, step, offset, pixels_per_cm, kind=kind)
    found = read_image(path, mapping=PixelMapping(pseudo_color=colors))[..., ::-1]
    assert differs(found, image) <= 1
    other = PixelMapping(pseudo_color='sixray_grey')
    assert differs(read_image(path, mapping=other)[..., ::-1], image) > 50


def test_two_energies_of_16_bits_get_nearly_the_same_colors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A rounded ratio can reach the next of the 64 hues, so a few pixels differ by more."""
    image, fades, pixels_per_cm = energies(monkeypatch, 'sixray', 2)
    stored = np.rint((fades + 1) / FADE_STEP).astype(np.uint16)
    path = write_energies(tmp_path / 'bag.dcs', stored, FADE_STEP, -1, pixels_per_cm)
    found = read_image(path)[..., ::-1]
    differences = np.abs(found.astype(int) - image).max(axis=2)
    assert (differences > 1).mean() < 0.01
    # the colors are exactly those of the rounded attenuations
    rounded = (stored * FADE_STEP - 1).astype(np.float32)
    expected = scanner.show(rounded, SIXRAY_WHITE, pixels_per_cm)
    assert differs(found, expected) <= 1


def test_transmissions_are_converted_to_attenuations(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    image, fades, pixels_per_cm = energies(monkeypatch, 'sixray', 2)
    stored = np.rint(np.exp(-fades.astype(np.float64)) * 2.0**31).astype(np.uint32)
    path = write_energies(
        tmp_path / 'a.dcm', stored, 2.0**-31, 0, pixels_per_cm, PixelIntensityRelationship='LIN'
    )
    differences = np.abs(read_image(path)[..., ::-1].astype(int) - image).max(axis=2)
    assert (differences > 1).mean() < 0.001
    stored[:, :9, :9] = 0  # nothing is transmitted
    path = write_energies(
        tmp_path / 'b.dcm', stored, 2.0**-31, 0, pixels_per_cm, PixelIntensityRelationship='LIN'
    )
    assert bytes(read_image(path)[0, 0, ::-1]).hex() == SIXRAY_WHITE.opaque


@pytest.mark.parametrize(
    ('elements', 'message'),
    [
        ({'PixelIntensityRelationship': 'DISP'}, 'but the file has DISP'),
        ({'PixelIntensityRelationship': None}, 'but the file has None'),
        ({'PixelIntensityRelationshipSign': 1}, 'LOG have .*Sign -1, but the file has 1: save'),
        (
            {'PixelIntensityRelationship': 'LIN', 'PixelIntensityRelationshipSign': -1},
            'LIN have .*Sign 1, but the file has -1: save',
        ),
        ({'ImagerPixelSpacing': None}, 'the size of a pixel'),
        ({'ImagerPixelSpacing': ['1e-6', '1e-6']}, 'outside 0.05 to 10 mm'),
        ({'ImagerPixelSpacing': ['nan', '1']}, 'outside 0.05 to 10 mm'),
    ],
)
def test_an_incomplete_layout_of_two_energies_is_refused(
    tmp_path: Path, elements: dict[str, Any], message: str
) -> None:
    stored = np.ones((2, 20, 30), np.uint16)
    path = write_energies(tmp_path / 'bag.dcm', stored, FADE_STEP, 0, 8.0, **elements)
    with pytest.raises(ImageError, match=message):
        read_image(path)


@pytest.mark.parametrize(('relationship', 'sign'), [('LOG', -1), ('LIN', 1)])
def test_the_sign_of_two_energies_changes_no_pixel(
    tmp_path: Path, relationship: str, sign: int
) -> None:
    stored = np.random.default_rng(0).integers(1, 4096, (2, 20, 30), np.uint16)
    more: dict[str, Any] = {'PixelIntensityRelationship': relationship}
    plain = write_energies(tmp_path / 'a.dcm', stored, FADE_STEP, 0, 8.0, **more)
    more['PixelIntensityRelationshipSign'] = sign
    signed = write_energies(tmp_path / 'b.dcm', stored, FADE_STEP, 0, 8.0, **more)
    assert np.array_equal(read_image(plain), read_image(signed))


def test_the_limit_of_pixels_applies_to_both_frames(tmp_path: Path) -> None:
    stored = np.ones((2, 20, 30), np.uint16)
    path = write_energies(tmp_path / 'bag.dcm', stored, FADE_STEP, 0, 8.0)
    assert read_size(path, max_pixels=1200) == (20, 30)
    for read in (read_image, read_size):
        with pytest.raises(ImageError, match='30 x 40 pixels exceed the limit of 1199'):
            read(path, max_pixels=1199)
