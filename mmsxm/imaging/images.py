"""Image files of any maker as arrays, read in full or refused in one sentence.

Imports no torch, so that processes which only read start quickly.
"""

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
    'image_id',
    'is_transparent',
    'list_images',
    'png_is_whole',
    'read_image',
    'read_size',
]

MAX_PIXELS = 100_000_000
IMAGE_SUFFIXES = {'.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp'}
# what Pillow and OpenCV raise over broken files
BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, cv2.error)
# of Pillow's many; EPS among the others is a program, and would be run
FORMATS = ('BMP', 'DIB', 'GIF', 'JPEG', 'JPEG2000', 'PNG', 'PPM', 'TIFF', 'WEBP')
# orientations of EXIF: width and height change places, then left and right, top and bottom
SIDEWAYS, MIRRORED, UPSIDE_DOWN = (5, 6, 7, 8), (2, 3, 6, 7), (3, 4, 7, 8)
XMP = ('xmp', 'XML:com.adobe.xmp')
_headers = threading.Lock()


class ImageError(ValueError):
    """A file is no image that can be read in full; says why."""


def read_image(path: str | os.PathLike[str], max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Read an image as BGR ``(H, W, 3)`` uint8.

    Grey, palette, CMYK and 16-bit images are converted, transparency lies on white, and the
    orientation that a camera noted is applied.

    Args:
        path: The file.
        max_pixels: Of an image with more only the header is read.

    Raises:
        FileNotFoundError, PermissionError: As opening it does.
        ImageError: It is empty, no regular file, no image, cut off, too large, or several images.
    """
    with _opened(path, max_pixels) as (file, image):
        if getattr(image, 'is_animated', False):  # nobody would look at the others
            raise ImageError('the file holds several images: give each a file of its own')
        if image.format == 'JPEG' and image.mode in ('L', 'RGB'):
            file.seek(0)
            pixels = _decode_jpeg(file.read())  # the same pixels, quicker
            return _upright(pixels, _orientation(image))
        if image.format == 'PNG' and not png_is_whole(file):  # Pillow takes what is there
            raise ImageError('the image is broken or cut off: its end is missing')
        return _to_bgr(image)


def read_size(path: str | os.PathLike[str], max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Read from its header the size (h, w) that :func:`read_image` would give an image.

    The errors are those of :func:`read_image`, as far as the header tells.
    """
    with _opened(path, max_pixels) as (_, image):
        width, height = _stored_size(image)
        return (width, height) if _orientation(image) in SIDEWAYS else (height, width)


def is_transparent(path: str | os.PathLike[str], max_pixels: int = MAX_PIXELS) -> bool:
    """Whether white shines through an image where :func:`read_image` lays it on white.

    The errors are those of :func:`read_image`.
    """
    with _opened(path, max_pixels) as (_, image):
        # the header tells, nothing is decoded; of 16 bits, grey values alone are read
        if image.mode.startswith('I') or not image.has_transparency_data:
            return False
        return bool(np.asarray(image.convert('RGBA'))[..., 3].min() < 255)


def image_id(name: str) -> str:
    """Return the name of an image without its suffix; only the suffix of an image is one.

    ``bag.01`` keeps its dot.
    """
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in IMAGE_SUFFIXES else name


def list_images(folder: str | os.PathLike[str]) -> list[str]:
    """Name the images below a folder by their suffixes, sorted; links to folders are left out."""
    found, folders = [], [os.fspath(folder)]
    while folders:  # no recursion: folders may lie deeper in each other than its limit
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
    """A file and the image in it, of which the header is read; what is raised inside is told."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for ever
        raise ImageError('is no regular file')
    with open(path, 'rb') as file:  # whose size says nothing: it may be no image at all
        if not file.read(1):
            raise ImageError('the file is empty')
        try:
            image = _open(file)
            width, height = image.size
            if width * height > max_pixels:
                raise ImageError(
                    f'{width} x {height} pixels are more than the limit of {max_pixels}: only the '
                    'header was read'
                )
            yield file, image
        except ImageError:
            raise
        except Image.UnidentifiedImageError:
            raise ImageError(
                'the file is no image of a known format, or its header is cut off'
            ) from None
        except BROKEN as error:
            raise ImageError(f'the image is broken or cut off: {error}') from error


def _open(file: BinaryIO) -> Image.Image:
    """Read a header, however large the image that it announces: the caller has a limit."""
    with _headers:
        limit = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            image = Image.open(file, formats=FORMATS)
        finally:
            Image.MAX_IMAGE_PIXELS = limit
    for key in XMP:  # Pillow takes an orientation from there too; training's OpenCV does not
        image.info.pop(key, None)
    return image


def png_is_whole(file: BinaryIO) -> bool:
    """Whether a PNG has all chunks to the last one, each as long as it announces.

    OpenCV makes room for what is announced, up to 4 GB, and gives no image then.
    """
    place = file.seek(8)
    while len(head := file.read(8)) == 8:
        if head[4:] == b'IEND':
            return True
        place = file.seek(place + 12 + int.from_bytes(head[:4], 'big'))
    return False


def _decode_jpeg(data: bytes) -> np.ndarray:
    # OpenCV fills what is missing with grey. Within a scan, 0xFF is always followed by 0, so that
    # the marker of the image's end can't be pixels; that of a thumbnail lies before the scan.
    start = _scan_start(data)
    if start is None or b'\xff\xd9' not in data[start:]:
        raise ImageError('the image is broken or cut off: its end is missing')
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if image is None:
        raise ImageError('the image is broken or cut off: it can not be decoded')
    return image


def _scan_start(data: bytes) -> int | None:
    """Where the pixels of a JPEG begin, past its other segments; None if it ends before."""
    place = data.find(b'\xff', 2)
    while 0 <= place <= len(data) - 4:
        marker = data[place + 1]
        if marker == 0xDA:
            return place
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD7:  # filling, or without a length
            after = place + 1
        else:
            after = place + 2 + int.from_bytes(data[place + 2 : place + 4], 'big')
        place = data.find(b'\xff', after)  # decoders pass over what lies between segments
    return None


def _to_bgr(image: Image.Image) -> np.ndarray:
    image.load()  # turns a TIFF, and forgets its orientation
    orientation = _orientation(image)
    if image.mode.startswith('I'):  # 16 bits, also where PIL keeps them in 32
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 0xFFFF:
            raise ImageError('grey values beyond 16 bits are of no known scale')
        image = Image.fromarray((values >> 8).astype(np.uint8))
    elif image.mode == 'F':
        raise ImageError('grey values that are fractions are of no known scale')
    if image.has_transparency_data:
        image = image.convert('RGBA')
        white = Image.new('RGBA', image.size, 'white')
        image = Image.alpha_composite(white, image)
    return _upright(np.asarray(image.convert('RGB'))[..., ::-1], orientation)


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """Width and height before the orientation is applied; Pillow tells those of a TIFF after."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2
        return tags[TiffImagePlugin.IMAGEWIDTH], tags[TiffImagePlugin.IMAGELENGTH]
    return image.size


def _orientation(image: Image.Image) -> int:
    """The orientation in EXIF, 1 (upright) to 8; 1 where EXIF is missing or broken."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except BROKEN:
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Apply an orientation to an image (H, W, 3)."""
    if orientation in SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)
    if orientation in MIRRORED:
        pixels = pixels[:, ::-1]
    if orientation in UPSIDE_DOWN:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
