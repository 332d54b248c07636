"""Image files of any vendor as arrays, read completely or rejected with a one-sentence error.

Training, checks, inference and screening all read files here. Imports no torch, so that reader
processes start quickly.
"""

import io
import os
import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

import cv2
import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin

from mmsxm.imaging.dicom import (
    DICOM_HEAD_BYTES,
    DICOM_SUFFIXES,
    is_dicom,
    read_dicom,
    read_dicom_size,
)
from mmsxm.imaging.image_error import MAX_PIXELS, ImageError, ImageTooLargeError, require_size
from mmsxm.imaging.pixel_mapping import UPPER_BITS, DualEnergy, GrayValues, PixelMapping
from mmsxm.imaging.plain_images import (
    HEAD_BYTES,
    TRUNCATED,
    decode_jpeg,
    decode_plain,
    jpeg_depth,
    plain_size,
    png_is_whole,
)

__all__ = [
    'IMAGE_SUFFIXES',
    'MAX_PIXELS',
    'ImageError',
    'ImageTooLargeError',
    'decode_image',
    'image_id',
    'is_transparent',
    'list_images',
    'read_gray_values',
    'read_image',
    'read_size',
]

IMAGE_SUFFIXES = {'.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp', *DICOM_SUFFIXES}
# errors that Pillow and OpenCV raise for damaged files
BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, cv2.error)
# a subset of Pillow's formats: an EPS file, for example, is a program that would be executed
FORMATS = ('BMP', 'DIB', 'GIF', 'JPEG', 'JPEG2000', 'PNG', 'PPM', 'TIFF', 'WEBP')
# EXIF orientations that swap width and height, left and right, and top and bottom
SIDEWAYS, MIRRORED, UPSIDE_DOWN = (5, 6, 7, 8), (2, 3, 6, 7), (3, 4, 7, 8)
WHITE_IS_ZERO = 0  # PhotometricInterpretation of a TIFF
XMP = ('xmp', 'XML:com.adobe.xmp')
_headers = threading.Lock()


def read_image(
    path: str | os.PathLike[str],
    max_pixels: int = MAX_PIXELS,
    mapping: PixelMapping = UPPER_BITS,
) -> np.ndarray:
    """Read an image as BGR ``(H, W, 3)`` uint8.

    Gray, palette and CMYK images are converted. Transparency is blended onto white. The EXIF
    orientation of a camera is applied.

    Args:
        path: The file.
        max_pixels: Limit on the size; of a larger image, only the header is read.
        mapping: Mapping of gray values of more than 8 bits and of two energies. By default, gray
            values keep their upper 8 bits.

    Raises:
        FileNotFoundError, PermissionError: The file cannot be opened.
        ImageError: The file is empty, not a regular file, not an image, truncated, too large, or
            contains several images.
    """
    with _opened(path) as file:
        return _decode(file, max_pixels, mapping)


def decode_image(
    data: bytes, max_pixels: int = MAX_PIXELS, mapping: PixelMapping = UPPER_BITS
) -> np.ndarray:
    """Decode the content of an image file, see :func:`read_image`.

    Raises:
        ImageError: See :func:`read_image`.
    """
    return _decode(io.BytesIO(data), max_pixels, mapping)


def read_gray_values(
    path: str | os.PathLike[str], max_pixels: int = MAX_PIXELS
) -> GrayValues | None:
    """Read gray values of more than 8 bits, which a window can map; None for all other images.

    Raises the errors of :func:`read_image`.
    """
    with _opened(path) as file:
        image = _load(file, max_pixels)
        return image if isinstance(image, GrayValues) and image.bits > 8 else None


def read_size(path: str | os.PathLike[str], max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Read the size (h, w) of the array of :func:`read_image`, from the header only.

    Raises the errors of :func:`read_image`, as far as the header reveals them.
    """
    with _opened(path) as file:
        if is_dicom(file.read(DICOM_HEAD_BYTES)):
            return read_dicom_size(file, max_pixels)
        with _pillow(file, max_pixels) as image:
            width, height = _stored_size(image)
            return (width, height) if _orientation(image) in SIDEWAYS else (height, width)


def is_transparent(path: str | os.PathLike[str], max_pixels: int = MAX_PIXELS) -> bool:
    """Return whether an image has transparent pixels, which :func:`read_image` blends onto white.

    Raises the errors of :func:`read_image`.
    """
    with _opened(path) as file:
        if is_dicom(file.read(DICOM_HEAD_BYTES)):
            return False
        with _pillow(file, max_pixels) as image:
            # no pixels are decoded for this check; of 16-bit images, only gray values are read
            if image.mode.startswith('I') or not image.has_transparency_data:
                return False
            return bool(np.asarray(image.convert('RGBA'))[..., 3].min() < 255)


def image_id(name: str) -> str:
    """Return the name of an image without its image suffix.

    Other suffixes are part of the name: ``bag.01`` stays as it is.
    """
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in IMAGE_SUFFIXES else name


def list_images(folder: str | os.PathLike[str]) -> list[str]:
    """Return the sorted paths of all images below a folder, by suffix; skip links to folders."""
    found, folders = [], [os.fspath(folder)]
    while folders:  # not recursive: folders can be nested deeper than the recursion limit
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES:
                    found.append(entry.path)
    return sorted(found)


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a regular file."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would block forever
        raise ImageError('the path is not a regular file')
    with open(path, 'rb') as file:  # no size limit here: the file may not be an image at all
        yield file


def _decode(file: BinaryIO, max_pixels: int, mapping: PixelMapping) -> np.ndarray:
    image = _load(file, max_pixels)
    return image if isinstance(image, np.ndarray) else mapping(image)


def _load(file: BinaryIO, max_pixels: int) -> np.ndarray | GrayValues | DualEnergy:
    """Read BGR ``(H, W, 3)`` uint8, or values that a mapping turns into it."""
    head = file.read(HEAD_BYTES)
    if is_dicom(head):
        return read_dicom(file, max_pixels)
    if size := plain_size(head):
        require_size(size, max_pixels)
        if len(head) == HEAD_BYTES:  # reading again is faster than joining
            file.seek(0)
            head = file.read()
        with suppress(cv2.error):  # Pillow reads the file or explains what is wrong
            pixels = decode_plain(head)
            if pixels is not None:
                return pixels
    with _pillow(file, max_pixels) as image:
        if getattr(image, 'is_animated', False):  # only the first image would be screened
            raise ImageError('the file contains several images: save each image to its own file')
        if image.format == 'JPEG' and image.mode in ('L', 'RGB'):
            file.seek(0)
            pixels = decode_jpeg(file.read())  # same pixels as Pillow, but faster
            return _upright(pixels, _orientation(image))
        if image.format == 'PNG' and not png_is_whole(file):  # Pillow accepts truncated files
            raise ImageError(TRUNCATED)
        return _load_pixels(image)


@contextmanager
def _pillow(file: BinaryIO, max_pixels: int) -> Iterator[Image.Image]:
    """Read the header of an image; turn errors in the block into ImageError."""
    file.seek(0)
    if not file.read(1):
        raise ImageError('the file is empty')
    try:
        image = _open(file)
        width, height = image.size
        require_size((height, width), max_pixels)
        yield image
    except ImageError:
        raise
    except Image.UnidentifiedImageError:
        file.seek(0)
        depth = jpeg_depth(file.read(HEAD_BYTES))
        if depth not in (None, 8):
            raise ImageError(
                f'JPEG with {depth} bits is not supported: save the image as 16-bit PNG or TIFF'
            ) from None
        raise ImageError(
            'the file is not an image of a known format, or its header is truncated'
        ) from None
    except BROKEN as error:
        raise ImageError(f'the image is damaged or truncated: {error}') from error


def _open(file: BinaryIO) -> Image.Image:
    """Read a header without Pillow's size limit, because the caller has its own."""
    with _headers:
        limit = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            image = Image.open(file, formats=FORMATS)
        finally:
            Image.MAX_IMAGE_PIXELS = limit
    for key in XMP:  # Pillow also reads an orientation from XMP; OpenCV, used in training, does not
        image.info.pop(key, None)
    return image


def _load_pixels(image: Image.Image) -> np.ndarray | GrayValues:
    image.load()  # rotates a TIFF and drops its orientation
    orientation = _orientation(image)
    if image.mode.startswith('I'):  # 16 bits, even if Pillow stores them in 32
        values = np.asarray(image)  # (H, W)
        if values.min() < 0 or values.max() > 0xFFFF:
            raise ImageError('gray values beyond 16 bits have no known scale: convert to 16 bits')
        stored = _upright(values.astype(np.uint16), orientation)
        return GrayValues(stored, inverted=_is_inverted(image))
    if image.mode == 'F':
        raise ImageError('fractional gray values have no known scale: convert to 16 bits')
    if image.has_transparency_data:
        image = image.convert('RGBA')
        white = Image.new('RGBA', image.size, 'white')
        image = Image.alpha_composite(white, image)
    return _upright(np.asarray(image.convert('RGB'))[..., ::-1], orientation)


def _is_inverted(image: Image.Image) -> bool:
    """Return whether the lowest value of a TIFF is white; Pillow inverts only up to 8 bits."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return False
    photometric = image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION)
    return bool(photometric == WHITE_IS_ZERO)


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """Return width and height before rotation; for a TIFF, Pillow reports them after rotation."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2
        return tags[TiffImagePlugin.IMAGEWIDTH], tags[TiffImagePlugin.IMAGELENGTH]
    return image.size


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 (upright) to 8; 1 if EXIF is missing or damaged."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except BROKEN:
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Apply an EXIF orientation to an image (H, W, 3) or (H, W)."""
    if orientation in SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)  # (W, H, ...)
    if orientation in MIRRORED:
        pixels = pixels[:, ::-1]
    if orientation in UPSIDE_DOWN:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
