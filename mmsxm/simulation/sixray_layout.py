"""Files in the layout of SIXray's release.

    JPEGImage/P00001.jpg, N00001.jpg...
    Annotation/P00001.xml...
    ImageSet/10/train.csv, test.csv

Positives (P) contain items, negatives (N) do not. Boxes in the XML are 0-based, as in the release.
`visible` is not part of the release. It is the visible share of the item, see `bag.visible_share`.
"""

import csv
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmsxm.simulation.bag import Bag

# column order of the CSV files in the release
_COLUMNS = ('Gun', 'Knife', 'Wrench', 'Pliers', 'Scissors')


class SixrayLayout(NamedTuple):
    """Paths in the folder of a set, by image name."""

    folder: Path

    def image(self, name: str) -> Path:
        """Return the file of an image."""
        return self.folder / 'JPEGImage' / f'{name}.jpg'

    def annotation(self, name: str) -> Path:
        """Return the file of boxes. Negatives do not have one."""
        return self.folder / 'Annotation' / f'{name}.xml'

    def identity(self, name: str) -> tuple[int, bool]:
        """Return the number of an image, and whether it contains items."""
        return int(name[1:]), name.startswith('P')

    def annotations(self, name: str, bag: Bag) -> dict[Path, bytes]:
        """Return the contents of the annotation files of an image."""
        return {self.annotation(name): _xml(name, bag)} if bag.labels else {}

    def write_lists(self, image_sets: dict[str, dict[str, list[str]]]) -> None:
        """Write the CSV files. They are based on the annotations of all images in them."""
        classes_of: dict[str, set[str | None]] = {}
        for image_set, parts in image_sets.items():
            directory = self.folder / 'ImageSet' / image_set
            directory.mkdir(parents=True, exist_ok=True)
            for part, names in parts.items():
                with open(directory / f'{part}.csv', 'w', newline='') as file:
                    writer = csv.writer(file, lineterminator='\n')
                    writer.writerow(('name', *_COLUMNS))
                    for name in names:
                        if name not in classes_of:
                            classes_of[name] = self._read_classes(name)
                        classes = classes_of[name]
                        writer.writerow((name, *(1 if c in classes else -1 for c in _COLUMNS)))

    def _read_classes(self, name: str) -> set[str | None]:
        if not self.identity(name)[1]:
            return set()
        return {item.findtext('name') for item in ET.parse(self.annotation(name)).iter('object')}


def image_sets(
    train: int, test: int, negatives: int, lists: Sequence[int]
) -> dict[str, dict[str, list[str]]]:
    """Return the names in the lists of each image set.

    Args:
        train: Number of positives in the training list.
        test: Number of positives in the test list.
        negatives: Number of negatives in the single set `10`, split in the proportion of the
            positives, rounded.
        lists: Numbers of negatives for each positive, one set for each number. This replaces
            `negatives`.
    """
    positives = _names('P', 0, train), _names('P', train, test)
    if not lists:
        split = round(negatives * train / (train + test))
        parts = _names('N', 0, split), _names('N', split, negatives - split)
        return {
            '10': dict(zip(('train', 'test'), map(list.__add__, positives, parts), strict=True))
        }
    # Each list takes the first names of its block, so larger sets include smaller ones.
    start = max(lists) * train
    return {
        str(r): {
            'train': positives[0] + _names('N', 0, r * train),
            'test': positives[1] + _names('N', start, r * test),
        }
        for r in lists
    }


def _names(kind: str, start: int, count: int) -> list[str]:
    return [f'{kind}{i:05d}' for i in range(start + 1, start + count + 1)]


def _xml(name: str, bag: Bag) -> bytes:
    height, width, depth = bag.image.shape
    root = ET.Element('annotation')
    ET.SubElement(root, 'folder').text = 'JPEGImage'
    ET.SubElement(root, 'filename').text = f'{name}.jpg'
    size = ET.SubElement(root, 'size')
    for key, value in (('width', width), ('height', height), ('depth', depth)):
        ET.SubElement(size, key).text = str(value)
    for label, box, visible in zip(bag.labels, bag.boxes, bag.visible, strict=True):
        item = ET.SubElement(root, 'object')
        ET.SubElement(item, 'name').text = bag.classes[label]
        ET.SubElement(item, 'difficult').text = '0'
        ET.SubElement(item, 'visible').text = f'{visible:.3f}'
        bounds = ET.SubElement(item, 'bndbox')
        for key, value in zip(('xmin', 'ymin', 'xmax', 'ymax'), box, strict=True):
            ET.SubElement(bounds, key).text = f'{value:.3f}'
    ET.indent(root, '\t')
    return ET.tostring(root)
