"""The images of a folder, found by name."""

import os
from collections.abc import Iterator

__all__ = ['ImageFolder']

SUFFIXES = frozenset(('.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff'))


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
        self._by_stem: dict[str, str] = {}
        with os.scandir(folder) as entries:
            for entry in entries:
                stem, suffix = os.path.splitext(entry.name)
                if suffix.lower() in SUFFIXES:
                    # Of two images with one stem the same wins whatever the disk's order.
                    self._by_stem[stem] = min(entry.name, self._by_stem.get(stem, entry.name))

    def __iter__(self) -> Iterator[str]:
        """Paths of all images that :meth:`find` can give, sorted."""
        return (os.path.join(self.folder, name) for name in sorted(self._by_stem.values()))

    def find(self, name: str) -> str | None:
        """Path of the image of that name, with or without its suffix, or under another one."""
        stem, suffix = os.path.splitext(name)
        found = self._by_stem.get(stem if suffix.lower() in SUFFIXES else name)
        return None if found is None else os.path.join(self.folder, found)
