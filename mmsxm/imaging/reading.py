"""Files as the network's input, or why not; imports no torch, so that processes start quickly."""

import os
import stat
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np

from mmsxm.imaging.images import ImageError, read_image
from mmsxm.imaging.preparation import Preparation, View

__all__ = ['Prepared', 'Unreadable', 'attempt', 'prepare_file']

T = TypeVar('T')


class Prepared(NamedTuple):
    """A file that was read: the network's input, BGR ``(h, w, 3)`` uint8, and what it shows."""

    path: str
    image: np.ndarray
    view: View


class Unreadable(NamedTuple):
    """A file that was not read, and why."""

    path: str
    error: str


def prepare_file(path: str, preparation: Preparation, max_pixels: int) -> Prepared | Unreadable:
    """Read and prepare one image; whatever the file holds, no error is raised."""
    return attempt(path, lambda: Prepared(path, *preparation(read_image(path, max_pixels))))


def attempt(path: str, read: Callable[[], T]) -> T | Unreadable:
    """What ``read`` makes of a file, or why it can't; it may raise whatever it likes."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            return Unreadable(path, 'is a folder that cannot be listed, or a link to a folder')
        if not stat.S_ISREG(mode):  # opening a pipe would wait for ever
            return Unreadable(path, 'is no regular file')
        return read()
    except (ImageError, OSError) as error:
        return Unreadable(path, str(error))
    except Exception as error:  # a decoder's own, or memory: the next file may do
        return Unreadable(path, ' '.join(f'{type(error).__name__}: {error}'.split()))
