"""Image files of any vendor as arrays, read completely or rejected with a one-sentence error.

Imports no torch, so that reader processes start quickly.
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

__all__ = [
    'IMAGE_SUFFIXES',
    'MAX_PIXELS',
    'ImageError',
    'ImageTooLargeError',
    'decode_image',
    'image_id',
    'is_transparent',
    'list_images',
    'png_is_whole',
    'read_image',
    'read_size',
]

MAX_PIXELS = 100_000_000
IMAGE_SUFFIXES = {'.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp'}
# errors that Pillow and OpenCV raise for damaged files
BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, cv2.error)
# a subset of Pillow's formats: an EPS file, for example, is a program that would be executed
FORMATS = ('BMP', 'DIB', 'GIF', 'JPEG', 'JPEG2000', 'PNG', 'PPM', 'TIFF', 'WEBP')
# EXIF orientations that swap width and height, left and right, and top and bottom
SIDEWAYS, MIRRORED, UPSIDE_DOWN = (5, 6, 7, 8), (2, 3, 6, 7), (3, 4, 7, 8)
XMP = ('xmp', 'XML:com.adobe.xmp')
_headers = threading.Lock()


class ImageError(ValueError):
    """Error of a file that cannot be read completely as an image; the message is the reason."""


class ImageTooLargeError(ImageError):
    """Error of an image with too many pixels; only its header was read."""


def read_image(path: str | os.PathLike[str], max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Read an image as BGR ``(H, W, 3)`` uint8.

    Gray, palette, CMYK and 16-bit images are converted. Transparency is blended onto white. The
    EXIF orientation of a camera is applied.

    Args:
        path: The file.
        max_pixels: Limit on the size; of a larger image, only the header is read.

    Raises:
        FileNotFoundError, PermissionError: The file cannot be opened.
        ImageError: The file is empty, not a regular file, not an image, truncated, too large, or
            contains several images.
    """
    with _opened(path, max_pixels) as (file, image):
        return _decode(file, image)


def decode_image(data: bytes, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Decode the content of an image file to the array of :func:`read_image`.

    Args:
        data: The content.
        max_pixels: Limit on the size; of a larger image, only the header is decoded.

    Raises:
        ImageError: The content is empty, not an image, truncated, too large, or contains several
            images.
    """
    with io.BytesIO(data) as file, _header(file, max_pixels) as image:
        return _decode(file, image)


def read_size(path: str | os.PathLike[str], max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Read the size (h, w) of the array of :func:`read_image`, from the header only.

    Raises the errors of :func:`read_image`, as far as the header reveals them.
    """
    with _opened(path, max_pixels) as (_, image):
        width, height = _stored_size(image)
        return (width, height) if _orientation(image) in SIDEWAYS else (height, width)


def is_transparent(path: str | os.PathLike[str], max_pixels: int = MAX_PIXELS) -> bool:
    """Return whether an image has transparent pixels, which :func:`read_image` blends onto white.

    Raises the errors of :func:`read_image`.
    """
    with _opened(path, max_pixels) as (_, image):
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
def _opened(
    path: str | os.PathLike[str], max_pixels: int
) -> Iterator[tuple[BinaryIO, Image.Image]]:
    """Open a file and read the image header; turn errors in the block into ImageError."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would block forever
        raise ImageError('the path is not a regular file')
    # no size limit here: the file may not be an image at all
    with open(path, 'rb') as file, _header(file, max_pixels) as image:
        yield file, image


@contextmanager
def _header(file: BinaryIO, max_pixels: int) -> Iterator[Image.Image]:
    """Read the image header of an open file; turn errors in the block into ImageError."""
    if not file.read(1):
        raise ImageError('the file is empty')
    try:
        image = _open(file)
        width, height = image.size
        if width * height > max_pixels:
            raise ImageTooLargeError(
                f'{width} x {height} pixels exceed the limit of {max_pixels}: only the header '
                'was read'
            )
        yield image
    except ImageError:
        raise
    except Image.UnidentifiedImageError:
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


def png_is_whole(file: BinaryIO) -> bool:
    """Return whether a PNG contains all chunks up to the last one, each with its full length.

    OpenCV allocates the length in the chunk header, up to 4 GB, and then returns no image.
    """
    offset = file.seek(8)
    while len(head := file.read(8)) == 8:
        if head[4:] == b'IEND':
            return True
        offset = file.seek(offset + 12 + int.from_bytes(head[:4], 'big'))
    return False


def _decode(file: BinaryIO, image: Image.Image) -> np.ndarray:
    if getattr(image, 'is_animated', False):  # only the first image would be screened
        raise ImageError('the file contains several images: save each image to its own file')
    if image.format == 'JPEG' and image.mode in ('L', 'RGB'):
        file.seek(0)
        pixels = _decode_jpeg(file.read())  # same pixels as Pillow, but faster
        return _upright(pixels, _orientation(image))
    if image.format == 'PNG' and not png_is_whole(file):  # Pillow accepts truncated files
        raise ImageError('the image is truncated: its end marker is missing')
    return _to_bgr(image)


def _decode_jpeg(data: bytes) -> np.ndarray:
    # OpenCV fills missing pixels with gray. Within a scan, 0xFF is always followed by 0, so pixels
    # cannot look like the end marker. The end marker of a thumbnail comes before the scan.
    start = _scan_start(data)
    if start is None or b'\xff\xd9' not in data[start:]:
        raise ImageError('the image is truncated: its end marker is missing')
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)  # (H, W, 3)
    if image is None:
        raise ImageError('the image is damaged or truncated: it cannot be decoded')
    return image


def _scan_start(data: bytes) -> int | None:
    """Return the offset of the pixels of a JPEG, after its other segments; None if truncated."""
    offset = data.find(b'\xff', 2)
    while 0 <= offset <= len(data) - 4:
        marker = data[offset + 1]
        if marker == 0xDA:
            return offset
        # padding, or a marker without length
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD7:
            end = offset + 1
        else:
            end = offset + 2 + int.from_bytes(data[offset + 2 : offset + 4], 'big')
        offset = data.find(b'\xff', end)  # decoders skip bytes between segments
    return None


def _to_bgr(image: Image.Image) -> np.ndarray:
    image.load()  # rotates a TIFF and drops its orientation
    orientation = _orientation(image)
    if image.mode.startswith('I'):  # 16 bits, even if Pillow stores them in 32
        values = np.asarray(image).astype(np.int64)  # (H, W)
        if values.min() < 0 or values.max() > 0xFFFF:
            raise ImageError('gray values beyond 16 bits have no known scale: convert to 16 bits')
        image = Image.fromarray((values >> 8).astype(np.uint8))
    elif image.mode == 'F':
        raise ImageError('fractional gray values have no known scale: convert to 16 bits')
    if image.has_transparency_data:
        image = image.convert('RGBA')
        white = Image.new('RGBA', image.size, 'white')
        image = Image.alpha_composite(white, image)
    return _upright(np.asarray(image.convert('RGB'))[..., ::-1], orientation)


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
    """Apply an EXIF orientation to an image (H, W, 3)."""
    if orientation in SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)  # (W, H, 3)
    if orientation in MIRRORED:
        pixels = pixels[:, ::-1]
    if orientation in UPSIDE_DOWN:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
