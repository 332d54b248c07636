"""The images of a folder, found by name."""

import os
from collections.abc import Iterator
from pathlib import PurePosixPath, PureWindowsPath

from mmsxm.imaging.images import image_id

__all__ = ['ImageFolder', 'ImageTree', 'inner_path']


def inner_path(name: str) -> str:
    """A listed path with single slashes and without dots.

    Raises:
        ValueError: It is empty, absolute, leads upwards, or has backslashes.
    """
    path = PurePosixPath(name)
    windows = '\\' in name or PureWindowsPath(name).is_absolute()
    if not path.parts or path.is_absolute() or '..' in path.parts or windows or '\0' in name:
        raise ValueError(
            f'{name!r} is no path inside of the folder of images: write it relative to that '
            "folder, with / and without '..'"
        )
    return str(path)


class ImageFolder:
    """A folder, listed once: a million names are then looked up without touching the disk.

    Raises:
        FileNotFoundError: When there is no such folder.
    """

    def __init__(self, folder: str) -> None:
        if not os.path.isdir(folder):
            raise FileNotFoundError(
                f'there is no folder of images {folder!r}: set data_root, or the environment '
                'variable that the config names, to where the data set lies (docs/data.md)'
            )
        self.folder = folder
        self.unfollowed: list[str] = []
        self._by_id: dict[str, str] = {}
        self._alike: set[str] = set()
        for name in self._names():
            own = image_id(name)
            if own != name:
                other = self._by_id.setdefault(own, name)
                if other != name:
                    self._alike |= {name, other}
                # Of two images with one stem the same wins whatever the disk's order.
                self._by_id[own] = min(name, other)

    def _names(self) -> Iterator[str]:
        with os.scandir(self.folder) as entries:
            yield from (entry.name for entry in entries)

    def __iter__(self) -> Iterator[str]:
        """Paths of all images, one for each stem, sorted."""
        return (os.path.join(self.folder, name) for name in sorted(self._by_id.values()))

    def find(self, name: str) -> str | None:
        """Path of the image of that name, with or without its suffix, or under another one."""
        found = name if name in self._alike else self._by_id.get(image_id(name))
        return None if found is None else os.path.join(self.folder, found)


class ImageTree(ImageFolder):
    """A folder with all folders in it: an image's name is its path from there, with slashes.

    Links are followed to files inside of the folder alone; ``unfollowed`` names the others.
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
