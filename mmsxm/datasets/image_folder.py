"""Image folders with lookup by name."""

import os
import unicodedata
from collections.abc import Iterator
from pathlib import PurePosixPath, PureWindowsPath

from mmsxm.imaging.images import image_id

__all__ = ['ImageFolder', 'ImageTree', 'inner_path', 'leads_out']


def leads_out(name: str) -> bool:
    """Return whether a listed path is absolute, leads upward, or contains backslashes or NUL."""
    path = PurePosixPath(name)
    windows = '\\' in name or PureWindowsPath(name).is_absolute()
    return path.is_absolute() or '..' in path.parts or windows or '\0' in name


def inner_path(name: str) -> str:
    """Normalize a listed path: use single slashes and remove dots.

    Raises:
        ValueError: The path is empty or absolute, leads upward, or contains backslashes.
    """
    path = PurePosixPath(name)
    if not path.parts or leads_out(name):
        raise ValueError(
            f'{name!r} is not a path inside the image folder. Write it relative to that folder, '
            "with / and without '..'."
        )
    return str(path)


def _key(img_id: str) -> str:
    """Return what names are compared by: an umlaut may be one character or two (macOS)."""
    return unicodedata.normalize('NFC', img_id)


class ImageFolder:
    """Image folder that is listed once, so that lookups do not touch the disk again.

    This matters for lists with a million names.

    Raises:
        FileNotFoundError: The folder does not exist.
    """

    def __init__(self, folder: str) -> None:
        if not os.path.isdir(folder):
            raise FileNotFoundError(
                f'The image folder {folder!r} does not exist. Set data_root, or the environment '
                'variable that the config names, to the folder of the dataset (docs/data.md).'
            )
        self.folder = folder
        self.unfollowed: list[str] = []
        self._by_id: dict[str, str] = {}
        self._ambiguous: set[str] = set()
        for name in self._names():
            img_id = image_id(name)
            if img_id != name:
                key = _key(img_id)
                other = self._by_id.setdefault(key, name)
                if other != name:
                    self._ambiguous |= {name, other}
                # The choice between two images with one stem must not depend on the order on disk.
                self._by_id[key] = min(name, other)

    def _names(self) -> Iterator[str]:
        with os.scandir(self.folder) as entries:
            yield from (entry.name for entry in entries)

    def __iter__(self) -> Iterator[str]:
        """Yield the paths of all images, sorted, one for each stem."""
        return (os.path.join(self.folder, name) for name in sorted(self._by_id.values()))

    def find(self, name: str) -> str | None:
        """Return the path of the named image, or None.

        The name may have the suffix of the file, no suffix, or another suffix.
        """
        found = name if name in self._ambiguous else self._by_id.get(_key(image_id(name)))
        return None if found is None else os.path.join(self.folder, found)


class ImageTree(ImageFolder):
    """Image folder with all its subfolders.

    The name of an image is its path relative to the folder, with slashes. A link is followed only
    if it leads to a file inside the folder. ``unfollowed`` names all other links.
    """

    def _names(self) -> Iterator[str]:
        inside = os.path.join(os.path.realpath(self.folder), '')
        folders = ['']
        while folders:
            folder = folders.pop()
            with os.scandir(os.path.join(self.folder, folder)) as entries:
                for entry in entries:
                    name = folder + entry.name
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(f'{name}/')
                    elif entry.is_file(follow_symlinks=False):
                        yield name
                    elif entry.is_symlink():
                        target = os.path.realpath(entry.path)
                        if target.startswith(inside) and os.path.isfile(target):
                            yield name
                        else:
                            self.unfollowed.append(name)
