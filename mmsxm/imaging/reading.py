"""Reading of files as network input. Imports no torch, so that reader processes start quickly."""

import os
import stat
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np

from mmsxm.imaging.images import ImageError, ImageTooLargeError, decode_image, read_image
from mmsxm.imaging.preprocessing import Preprocessing, View

__all__ = ['PreprocessedFile', 'Unreadable', 'attempt', 'preprocess_data', 'preprocess_file']

T = TypeVar('T')


class PreprocessedFile(NamedTuple):
    """Network input of a file, BGR ``(h, w, 3)`` uint8, and the part of the image that it shows."""

    path: str
    image: np.ndarray
    view: View


class Unreadable(NamedTuple):
    """File that could not be read, with the reason."""

    path: str
    error: str


def preprocess_file(
    path: str, preprocessing: Preprocessing, max_pixels: int
) -> PreprocessedFile | Unreadable:
    """Read and preprocess one image; never raise, whatever the file contains."""
    return attempt(
        path,
        lambda: PreprocessedFile(
            path, *preprocessing(read_image(path, max_pixels, preprocessing.mapping))
        ),
    )


def preprocess_data(
    name: str, data: bytes, preprocessing: Preprocessing, max_pixels: int
) -> PreprocessedFile | Unreadable:
    """Decode and preprocess the content of an image file, which gets ``name`` as its path.

    Raises:
        ImageTooLargeError: The image exceeds ``max_pixels``. All other errors are returned.
    """
    try:
        return PreprocessedFile(
            name, *preprocessing(decode_image(data, max_pixels, preprocessing.mapping))
        )
    except ImageTooLargeError:
        raise
    except Exception as error:
        return Unreadable(name, _reason(error))


def attempt(path: str, read: Callable[[], T]) -> T | Unreadable:
    """Return the result of ``read`` for a file, or the reason if it raises any exception."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            return Unreadable(
                path, 'the path is a folder that cannot be listed, or a link to a folder'
            )
        if not stat.S_ISREG(mode):  # opening a pipe would block forever
            return Unreadable(path, 'the path is not a regular file')
        return read()
    except Exception as error:
        return Unreadable(path, _reason(error))


def _reason(error: Exception) -> str:
    if isinstance(error, ImageError | OSError):
        return str(error)
    # a decoder error or lack of memory: the next file may work
    return ' '.join(f'{type(error).__name__}: {error}'.split())
