"""Files in the layout of OPIXray's release, for `train` and `test` each.

    train/train_image/000001.jpg...
    train/train_annotation/000001.txt...    image_name class x1 y1 x2 y2
    train/train_visible/000001.txt...
    train/train_knife.txt                   image names
    test/test_knife-1.txt, -2, -3           image names of the occlusion levels, test only

`*_visible` is not part of the release. Each line is the visible share of the item in the same line
of the annotation, see `bag.visible_share`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmsxm.simulation.bag import Bag

# Smallest visible shares of levels 1 and 2. People assigned the levels of the release. These
# thresholds nearly reproduce its shares (922, 548 and 306 of 1,776 test images).
LEVELS = (0.95, 0.83)


class OpixrayLayout(NamedTuple):
    """Paths in the folder of a set, by image name.

    The first `train` images are for training.
    """

    folder: Path
    train: int

    def image(self, name: str) -> Path:
        """Return the file of an image."""
        return self._file(name, 'image', '.jpg')

    def identity(self, name: str) -> tuple[int, bool]:
        """Return the number of an image, and True because each image contains items."""
        return int(name), True

    def annotations(self, name: str, bag: Bag) -> dict[Path, bytes]:
        """Return the contents of the annotation files of an image."""
        lines = [
            f'{name}.jpg {bag.classes[label]} {" ".join(str(int(side)) for side in box)}\n'
            for label, box in zip(bag.labels, bag.boxes, strict=True)
        ]
        shares = [f'{visible:.3f}\n' for visible in bag.visible]
        return {
            self._file(name, 'annotation', '.txt'): ''.join(lines).encode(),
            self._file(name, 'visible', '.txt'): ''.join(shares).encode(),
        }

    def write_lists(self, parts: dict[str, list[str]]) -> None:
        """Write the lists of names. They are based on the annotations of all images in them."""
        for part, names in parts.items():
            lists = {'': names}
            if part == 'test':
                levels = [self._level(name) for name in names]
                for level in (1, 2, 3):
                    lists[f'-{level}'] = [
                        name
                        for name, level_of_image in zip(names, levels, strict=True)
                        if level_of_image == level
                    ]
            (self.folder / part).mkdir(exist_ok=True)
            for suffix, listed in lists.items():
                text = ''.join(f'{name}\n' for name in listed)
                (self.folder / part / f'{part}_knife{suffix}.txt').write_text(text)

    def _file(self, name: str, kind: str, suffix: str) -> Path:
        part = 'train' if int(name) <= self.train else 'test'
        return self.folder / part / f'{part}_{kind}' / f'{name}{suffix}'

    def _level(self, name: str) -> int:
        shares = self._file(name, 'visible', '.txt').read_text().split()
        return occlusion_level([float(share) for share in shares])


def split(train: int, test: int) -> dict[str, list[str]]:
    """Return the names of the images in each list."""
    names = [f'{i:06d}' for i in range(1, train + test + 1)]
    return {'train': names[:train], 'test': names[train:]}


def occlusion_level(visible: Sequence[float]) -> int:
    """Return the level 1, 2 or 3 of an image from the visible share of its most hidden item."""
    return 1 + sum(min(visible) < limit for limit in LEVELS)
