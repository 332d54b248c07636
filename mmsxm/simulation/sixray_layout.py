"""The files of SIXray's release.

    JPEGImage/P00001.jpg, N00001.jpg...
    Annotation/P00001.xml...
    ImageSet/10/train.csv, test.csv

Positives (P) hold items, negatives (N) none. Boxes in the XML are 0-based, as the release's are.
The release has no `visible`: it is the item's visible share, see `bag.visible_share`.
"""

import csv
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmsxm.simulation.bag import Bag

# The order of the release's csv files.
_COLUMNS = ('Gun', 'Knife', 'Wrench', 'Pliers', 'Scissors')


class SixrayLayout(NamedTuple):
    """Where things stand in a set's folder, by an image's name."""

    folder: Path

    def image(self, name: str) -> Path:
        """The image's file."""
        return self.folder / 'JPEGImage' / f'{name}.jpg'

    def annotation(self, name: str) -> Path:
        """The file of boxes; a negative has none."""
        return self.folder / 'Annotation' / f'{name}.xml'

    def identity(self, name: str) -> tuple[int, bool]:
        """The image's number, and whether it holds items."""
        return int(name[1:]), name.startswith('P')

    def annotations(self, name: str, bag: Bag) -> dict[Path, bytes]:
        """The contents of the image's annotation files."""
        return {self.annotation(name): _xml(name, bag)} if bag.labels else {}

    def write_lists(self, image_sets: dict[str, dict[str, list[str]]]) -> None:
        """Write the csv files, from the annotations of all images in them."""
        present: dict[str, set[str | None]] = {}
        for image_set, parts in image_sets.items():
            directory = self.folder / 'ImageSet' / image_set
            directory.mkdir(parents=True, exist_ok=True)
            for part, names in parts.items():
                with open(directory / f'{part}.csv', 'w', newline='') as file:
                    writer = csv.writer(file, lineterminator='\n')
                    writer.writerow(('name', *_COLUMNS))
                    for name in names:
                        if name not in present:
                            present[name] = self._classes_of(name)
                        there = present[name]
                        writer.writerow((name, *(1 if c in there else -1 for c in _COLUMNS)))

    def _classes_of(self, name: str) -> set[str | None]:
        if not self.identity(name)[1]:
            return set()
        return {thing.findtext('name') for thing in ET.parse(self.annotation(name)).iter('object')}


def image_sets(
    train: int, test: int, negatives: int, lists: Sequence[int]
) -> dict[str, dict[str, list[str]]]:
    """The names in the lists of each image set.

    Args:
        train, test: Positives of each list.
        negatives: Those of the one set `10`, dealt out in the positives' proportion, rounded.
        lists: Negatives for each positive, a set each; instead of `negatives`.
    """
    positives = _names('P', 0, train), _names('P', train, test)
    if not lists:
        split = round(negatives * train / (train + test))
        parts = _names('N', 0, split), _names('N', split, negatives - split)
        return {
            '10': dict(zip(('train', 'test'), map(list.__add__, positives, parts), strict=True))
        }
    # Each list takes the first ones of its part's block: smaller sets lie within larger ones.
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
        thing = ET.SubElement(root, 'object')
        ET.SubElement(thing, 'name').text = bag.classes[label]
        ET.SubElement(thing, 'difficult').text = '0'
        ET.SubElement(thing, 'visible').text = f'{visible:.3f}'
        bounds = ET.SubElement(thing, 'bndbox')
        for key, value in zip(('xmin', 'ymin', 'xmax', 'ymax'), box, strict=True):
            ET.SubElement(bounds, key).text = f'{value:.3f}'
    ET.indent(root, '\t')
    return ET.tostring(root)
