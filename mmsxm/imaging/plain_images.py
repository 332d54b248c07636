"""Reading of the most common image files with OpenCV alone, as fast as it can.

These are 8-bit JPEG, PNG and BMP files with gray values or colors, and without transparency, an
orientation or several images. :mod:`mmsxm.imaging.images` reads all other files with Pillow, and
returns the same pixels for these, only slower.
"""

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

import cv2
import numpy as np

from mmsxm.imaging.image_error import ImageError

__all__ = [
    'HEAD_BYTES',
    'TRUNCATED',
    'decode_jpeg',
    'decode_plain',
    'jpeg_depth',
    'jpeg_segments',
    'plain_size',
    'png_is_whole',
]

HEAD_BYTES = 1 << 16  # enough for the size in all but a few files
PNG = b'\x89PNG\r\n\x1a\n'
# chunks that change pixels or their meaning, which OpenCV and Pillow handle differently
PNG_EXTRAS = {b'tRNS', b'eXIf', b'acTL'}
SCAN = 0xDA  # marker of a JPEG segment
FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended and progressive
ALL_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # the rest is rare and not read
TRUNCATED = 'the image is truncated: its end marker is missing'
FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION


def plain_size(head: bytes) -> tuple[int, int] | None:
    """Return the size (h, w) in the first bytes of a file; None if :func:`decode_plain` cannot.

    Args:
        head: The first HEAD_BYTES of a file, or all of a shorter one.
    """
    if head.startswith(b'\xff\xd8'):
        return _jpeg_size(head)
    if len(head) < 54:
        return None
    if head.startswith(PNG) and head[12:16] == b'IHDR':
        width, height = (int.from_bytes(head[i : i + 4], 'big') for i in (16, 20))
        depth, color_type = head[24:26]  # gray and RGB have the types 0 and 2
        return (height, width) if depth == 8 and color_type in (0, 2) else None
    # a header of 40 bytes, 24 bits per pixel, not compressed
    if head.startswith(b'BM') and head[14] == 40 and head[28:34] == b'\x18\0\0\0\0\0':
        width, height = (int.from_bytes(head[i : i + 4], 'little', signed=True) for i in (18, 22))
        return (abs(height), width) if width > 0 else None
    return None


def decode_plain(data: bytes) -> np.ndarray | None:
    """Decode a file that has a :func:`plain_size`, as BGR ``(H, W, 3)`` uint8.

    Return None for a file that Pillow must read or reject.

    Raises:
        ImageError: The file is truncated.
    """
    if data.startswith(b'\xff\xd8'):
        return decode_jpeg(data)
    if data.startswith(PNG):
        chunks = set(_png_chunks(io.BytesIO(data)))
        if PNG_EXTRAS & chunks:
            return None
        if b'IEND' not in chunks:
            raise ImageError(TRUNCATED)
    else:
        height, width = plain_size(data) or (0, 0)
        row = (3 * width + 3) // 4 * 4  # rows fill whole words
        if len(data) < int.from_bytes(data[10:14], 'little') + height * row:
            return None
    return cv2.imdecode(np.frombuffer(data, np.uint8), FLAGS)  # (H, W, 3)


def decode_jpeg(data: bytes) -> np.ndarray:
    """Decode a JPEG as BGR ``(H, W, 3)`` uint8, and ignore its EXIF orientation.

    Raises:
        ImageError: The file is damaged or truncated.
    """
    # OpenCV fills missing pixels with gray. Within a scan, 0xFF is always followed by 0, so pixels
    # cannot look like the end marker. The end marker of a thumbnail comes before the scan.
    start = next((offset for marker, offset in jpeg_segments(data) if marker == SCAN), None)
    if start is None or data.rfind(b'\xff\xd9', start) < 0:
        raise ImageError(TRUNCATED)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), FLAGS)  # (H, W, 3)
    if image is None:
        raise ImageError('the image is damaged or truncated: it cannot be decoded')
    return image


def png_is_whole(file: BinaryIO) -> bool:
    """Return whether a PNG contains all chunks up to the last one, each with its full length.

    OpenCV allocates the length in the chunk header, up to 4 GB, and then returns no image.
    """
    return b'IEND' in _png_chunks(file)


def _png_chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the types of the chunks of a PNG up to the last one."""
    offset = file.seek(8)
    while len(head := file.read(8)) == 8:
        yield head[4:]
        if head[4:] == b'IEND':
            return
        offset = file.seek(offset + 12 + int.from_bytes(head[:4], 'big'))


def jpeg_depth(data: bytes) -> int | None:
    """Return the bits per sample in the header of a JPEG; None for other files."""
    if not data.startswith(b'\xff\xd8'):
        return None
    for marker, offset in jpeg_segments(data):
        if marker in ALL_FRAMES and len(data) > offset + 4:
            return data[offset + 4]
    return None


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    size = None
    for marker, offset in jpeg_segments(head):
        if marker == SCAN:
            return size
        content = head[offset + 4 : offset + 10]
        # EXIF may contain an orientation; MPF announces more images
        if content.startswith((b'Exif', b'MPF')):
            return None
        if marker in FRAMES and len(content) == 6:
            depth, height, width, channels = struct.unpack('>BHHB', content)
            if depth == 8 and channels in (1, 3) and height:  # 0: stored after the pixels
                size = (height, width)
    return None


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the marker and the offset of each segment of a JPEG, up to its first scan."""
    offset = data.find(b'\xff', 2)
    while 0 <= offset <= len(data) - 4:
        marker = data[offset + 1]
        # padding, or a marker without length
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD7:
            end = offset + 1
        else:
            yield marker, offset
            if marker == SCAN:
                return
            end = offset + 2 + int.from_bytes(data[offset + 2 : offset + 4], 'big')
        offset = data.find(b'\xff', end)  # decoders skip bytes between segments
