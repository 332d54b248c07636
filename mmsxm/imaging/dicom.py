"""DICOM and DICOS X-ray images, read with pydicom.

A file with one frame contains gray values or colors. A file with two frames contains the
attenuation at two energies, in this layout:

- The first frame is the low energy, and the second frame is the high energy.
- ``PixelIntensityRelationship`` is ``LOG`` if the rescaled values are attenuations -log(I / I0), or
  ``LIN`` if they are transmissions I / I0. I0 is the intensity in empty air.
- ``PixelIntensityRelationshipSign`` can be missing. Otherwise, it is -1 for LOG and 1 for LIN.
- ``ImagerPixelSpacing`` or ``PixelSpacing`` is the size of a pixel in mm, which noise reduction and
  edge enhancement depend on.

Nothing in a file is executed. Sizes are checked before pixels are decoded.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import numpy as np

from mmsxm.imaging.image_error import ImageError, require_size
from mmsxm.imaging.pixel_mapping import DualEnergy, GrayValues, Window
from mmsxm.imaging.plain_images import jpeg_segments

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

__all__ = ['DICOM_HEAD_BYTES', 'DICOM_SUFFIXES', 'is_dicom', 'read_dicom', 'read_dicom_size']

DICOM_SUFFIXES = ('.dcm', '.dcs', '.dicos')
PREAMBLE = 128
MAGIC = b'DICM'
DICOM_HEAD_BYTES = PREAMBLE + len(MAGIC)  # enough to recognize a file
DEFLATED = '1.2.840.10008.1.2.1.99'
RLE = '1.2.840.10008.1.2.5'
JPEG_EXTENDED = '1.2.840.10008.1.2.4.51'  # of 8 or 12 bits
PIXELS = ('PixelData', 'FloatPixelData', 'DoubleFloatPixelData')
TAGS = [  # only these are parsed
    'BitsAllocated',
    'BitsStored',
    'Columns',
    'HighBit',
    'ImagerPixelSpacing',
    'ModalityLUTSequence',
    'NumberOfFrames',
    'PhotometricInterpretation',
    'PixelIntensityRelationship',
    'PixelIntensityRelationshipSign',
    'PixelRepresentation',
    'PixelSpacing',
    'PlanarConfiguration',
    'RescaleIntercept',
    'RescaleSlope',
    'Rows',
    'SamplesPerPixel',
    'SOPClassUID',
    'VOILUTFunction',
    'VOILUTSequence',
    'WindowCenter',
    'WindowWidth',
]
COLORS = ('RGB', 'YBR_FULL', 'YBR_FULL_422', 'YBR_ICT', 'YBR_RCT')
FAINTEST = 1e-7  # transmission, below that of opaque matter in all pseudo-colors
SIGNS = {'LOG': -1, 'LIN': 1}  # -1: higher values are less intensity, as of attenuations
SPACINGS = (0.05, 10.0)  # mm; others would make the windows of filters huge or empty
FRAME_MARKERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # of JPEG and JPEG-LS

T = TypeVar('T')


def is_dicom(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of a DICOM or DICOS file."""
    return head[PREAMBLE:DICOM_HEAD_BYTES] == MAGIC


def read_dicom_size(file: BinaryIO, max_pixels: int) -> tuple[int, int]:
    """Read the size (h, w) from the header.

    Raises:
        ImageError: See :func:`read_dicom`.
    """
    return _attempt(lambda: _read_header(file, max_pixels))


def read_dicom(file: BinaryIO, max_pixels: int) -> np.ndarray | GrayValues | DualEnergy:
    """Read BGR ``(H, W, 3)`` uint8 or gray values of one frame, or the attenuations of two.

    Args:
        file: The file, open for reading.
        max_pixels: Limit on the size; of a larger image, only the header is read.

    Raises:
        ImageError: pydicom is missing, or the file is too large, damaged or not supported.
    """
    return _attempt(lambda: _read(file, max_pixels))


def _attempt(read: Callable[[], T]) -> T:
    """Call a function that uses pydicom, and turn all its errors into ImageError."""
    try:
        return read()
    except ImageError:
        raise
    except ModuleNotFoundError as error:
        raise ImageError(
            f"DICOM and DICOS files need {error.name}: pip install 'mmsxm[dicos]'"
        ) from None
    except Exception as error:  # a damaged file can raise almost anything in pydicom
        reason = ' '.join(f'{type(error).__name__}: {error}'.split())
        raise ImageError(f'the DICOM file is damaged: {reason}') from error


def _read_header(file: BinaryIO, max_pixels: int) -> tuple[int, int]:
    from pydicom import dcmread

    _require_readable(_transfer_syntax(file))
    file.seek(0)
    dataset = dcmread(file, stop_before_pixels=True, specific_tags=[*TAGS])
    height, width = _size(dataset)
    require_size((height, width), max_pixels)
    require_size((_frames(dataset) * height, width), max_pixels)  # all are decoded at once
    return height, width


def _read(file: BinaryIO, max_pixels: int) -> np.ndarray | GrayValues | DualEnergy:
    from pydicom import dcmread

    size = _read_header(file, max_pixels)
    file.seek(0)
    dataset = dcmread(file, specific_tags=[*TAGS, *PIXELS])
    frames = _frames(dataset)
    if 'PixelData' not in dataset:
        fractional = any(name in dataset for name in PIXELS)
        raise ImageError(
            'fractional gray values have no known scale: convert to 16 bits'
            if fractional
            else 'the file contains no pixels'
        )
    photometric = str(dataset.get('PhotometricInterpretation'))
    samples, depth = int(dataset.SamplesPerPixel), int(dataset.BitsAllocated)
    is_gray = photometric in ('MONOCHROME1', 'MONOCHROME2') and samples == 1
    is_color = photometric in COLORS and samples == 3 and depth == 8 and frames == 1
    if not (is_color or (is_gray and depth in (8, 16, 32))):
        raise ImageError(
            f'{frames} frames of {samples} x {depth} bits in {photometric} are not supported: '
            'convert to gray values (MONOCHROME2) of 8, 16 or 32 bits, or to 8-bit RGB'
        )
    _require_lowest_bits(dataset)
    _require_frame_sizes(dataset, size, frames)
    pixels = _decode(dataset)
    shape = (*((2,) if frames == 2 else ()), *size, *((3,) if is_color else ()))
    if pixels.shape != shape:
        raise ImageError(f'the pixels have the shape {pixels.shape}, but the header has {shape}')
    if is_color:
        return np.ascontiguousarray(pixels[..., ::-1])
    slope, intercept = _rescale(dataset)
    if frames == 2:
        return _dual_energy(dataset, pixels, slope, intercept)
    return GrayValues(
        pixels,
        int(dataset.BitsStored),
        slope,
        intercept,
        _window(dataset),
        inverted=photometric == 'MONOCHROME1',
    )


def _transfer_syntax(file: BinaryIO) -> 'UID':
    """Return the transfer syntax, which pydicom would otherwise apply before any check."""
    from pydicom.filereader import read_dataset

    file.seek(DICOM_HEAD_BYTES)
    meta = read_dataset(
        file,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, vr, length: tag >> 16 != 2,  # the first group after the meta data
    )
    syntax: UID | None = meta.get('TransferSyntaxUID')
    if syntax is None:
        raise ImageError('the DICOM file does not contain its transfer syntax')
    return syntax


def _require_readable(syntax: 'UID') -> None:
    from pydicom.pixels import get_decoder

    if syntax == DEFLATED:  # the whole file would be expanded before its size is known
        raise ImageError('deflated DICOM files are not supported: save the file without deflation')
    try:
        readable = get_decoder(syntax).is_available
    except NotImplementedError:
        readable = False
    if not readable:
        raise ImageError(
            f'the pixels are compressed as {syntax.name}, which cannot be decoded here: install a '
            'plugin of pydicom (pip install python-gdcm), or save the file uncompressed'
        )


def _size(dataset: 'Dataset') -> tuple[int, int]:
    height, width = dataset.get('Rows'), dataset.get('Columns')
    if not isinstance(height, int) or not isinstance(width, int) or not height or not width:
        raise ImageError('the DICOM file contains no image: it has no Rows or no Columns')
    return height, width


def _frames(dataset: 'Dataset') -> int:
    """Return the number of frames, 1 or 2."""
    frames = int(dataset.get('NumberOfFrames') or 1)
    if frames not in (1, 2):
        raise ImageError(
            f'the file contains {frames} frames: save each image to its own file, and only the '
            'low and the high energy of one image to the same file'
        )
    return frames


def _require_lowest_bits(dataset: 'Dataset') -> None:
    """Check that a value is stored in the lowest bits, where pydicom reads it."""
    bits, high = int(dataset.BitsStored), dataset.get('HighBit')
    if high is not None and int(high) != bits - 1:
        raise ImageError(
            f'HighBit is {high}, but BitsStored is {bits}: save the file with values in the lowest '
            f'{bits} bits'
        )


def _require_frame_sizes(dataset: 'Dataset', size: tuple[int, int], frames: int) -> None:
    """Check that compressed frames do not expand to more pixels than the header names."""
    from pydicom.encaps import generate_frames

    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_compressed or syntax == RLE:  # RLE has no size of its own
        return
    for frame in generate_frames(dataset.PixelData, number_of_frames=frames):
        found = _codestream_size(frame)
        if found != size:
            raise ImageError(
                f'a compressed frame has the size {found}, but the header has {size} (h, w)'
            )


def _decode(dataset: 'Dataset') -> np.ndarray:
    try:
        return dataset.pixel_array
    except (NotImplementedError, RuntimeError) as error:
        from pydicom.pixels import get_decoder

        bits = int(dataset.BitsStored)
        syntax = dataset.file_meta.TransferSyntaxUID
        # of pydicom's plugins, only Pillow's cannot decode more than 8 bits
        if (
            syntax == JPEG_EXTENDED
            and bits > 8
            and set(get_decoder(syntax).available_plugins) <= {'pillow'}
        ):
            raise ImageError(
                f'JPEG with {bits} bits cannot be decoded here: install a plugin of pydicom (pip '
                'install python-gdcm), or save the file uncompressed'
            ) from error
        raise


def _codestream_size(data: bytes) -> tuple[int, int] | None:
    """Return the size (h, w) in the header of a JPEG, JPEG-LS or JPEG 2000 codestream."""
    if data.startswith(b'\xff\x4f\xff\x51') and len(data) >= 24:  # JPEG 2000
        x1, y1, x0, y0 = (int.from_bytes(data[i : i + 4], 'big') for i in (8, 12, 16, 20))
        return y1 - y0, x1 - x0
    for marker, offset in jpeg_segments(data):
        if marker in FRAME_MARKERS:
            height, width = (
                int.from_bytes(data[i : i + 2], 'big') for i in (offset + 5, offset + 7)
            )
            return height, width
    return None


def _rescale(dataset: 'Dataset') -> tuple[float, float]:
    """Return slope and intercept of the values."""
    if 'ModalityLUTSequence' in dataset:
        raise ImageError('tables of values (Modality LUT) are not supported: apply the table')
    slope = float(dataset.get('RescaleSlope') or 1)
    intercept = float(dataset.get('RescaleIntercept') or 0)
    if not (math.isfinite(slope) and math.isfinite(intercept) and slope):
        raise ImageError(f'the rescale slope {slope} and intercept {intercept} are invalid')
    return slope, intercept


def _window(dataset: 'Dataset') -> Window | None:
    """Return the first window of a file: the values that become black and white (PS3.3, C.11.2)."""
    function = str(dataset.get('VOILUTFunction') or 'LINEAR')
    if 'VOILUTSequence' in dataset or function not in ('LINEAR', 'LINEAR_EXACT'):
        raise ImageError(
            'tables and curves for display (VOI LUT) are not supported: save a linear window'
        )
    centers, widths = dataset.get('WindowCenter'), dataset.get('WindowWidth')
    if any(values is None or values in ('', []) for values in (centers, widths)):  # or empty
        return None
    center, width = _first(centers), _first(widths)
    if function == 'LINEAR':
        center, width = center - 0.5, width - 1
    if not (math.isfinite(center) and 0 < width < math.inf):
        raise ImageError(f'the window with center {centers} and width {widths} is invalid')
    return center - width / 2, center + width / 2


def _first(value: Any) -> float:
    return float(value if isinstance(value, int | float | str) else value[0])


def _dual_energy(
    dataset: 'Dataset', pixels: np.ndarray, slope: float, intercept: float
) -> DualEnergy:
    """Convert the stored values of two frames, ``(2, H, W)``, in the layout of this module."""
    values = pixels * slope + intercept  # (2, H, W) float64
    relationship = str(dataset.get('PixelIntensityRelationship'))
    sign = dataset.get('PixelIntensityRelationshipSign')
    if relationship in SIGNS and sign is not None and int(sign) != SIGNS[relationship]:
        raise ImageError(
            f'two frames with PixelIntensityRelationship {relationship} have '
            f'PixelIntensityRelationshipSign {SIGNS[relationship]}, but the file has {sign}: save '
            'attenuations -log(I / I0) as LOG or transmissions I / I0 as LIN'
        )
    if relationship == 'LIN':
        values = -np.log(np.maximum(values, FAINTEST))
    elif relationship != 'LOG':
        raise ImageError(
            'two frames need PixelIntensityRelationship LOG (attenuations -log(I / I0)) or LIN '
            f'(transmissions I / I0), but the file has {relationship}'
        )
    spacing = dataset.get('ImagerPixelSpacing') or dataset.get('PixelSpacing')
    if spacing is None or len(spacing) != 2:
        raise ImageError('two frames need the size of a pixel, ImagerPixelSpacing')
    sides = [float(side) for side in spacing]
    if not all(SPACINGS[0] <= side <= SPACINGS[1] for side in sides):
        raise ImageError(
            f'the pixel spacing {sides} mm is outside {SPACINGS[0]:g} to {SPACINGS[1]:g} mm'
        )
    return DualEnergy(values.astype(np.float32), 10 / math.sqrt(sides[0] * sides[1]))
