"""Annotation files with replaced boxes, and lists without some images.

Everything else in a file stays as it is. A corner that is not a finite number is written as nan, so
that readers detect a box without an area.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from mmsxm.datasets.annotations import Box, ListedImage
from mmsxm.io.safe_parsing import read_xml

__all__ = ['lines_with_boxes', 'text_without', 'voc_with_boxes']

CORNERS = ('xmin', 'ymin', 'xmax', 'ymax')


def voc_with_boxes(path: str, boxes: Sequence[Box], image_size: tuple[int, int]) -> bytes:
    """Return a Pascal VOC XML file with new boxes, for an image of another size (h, w)."""
    root = read_xml(path)
    height, width = image_size
    for size in root.iter('size'):
        _set(size, 'width', str(width))
        _set(size, 'height', str(height))
    for item, box in zip(root.iter('object'), boxes, strict=True):
        bounds = item.find('bndbox')
        bounds = SubElement(item, 'bndbox') if bounds is None else bounds
        for corner, text in zip(CORNERS, _texts(box), strict=True):
            _set(bounds, corner, text)
    return tostring(root)


def lines_with_boxes(path: str, boxes: Sequence[Box], image_size: tuple[int, int]) -> bytes:
    """Return a text file of lines ``image_name class x1 y1 x2 y2`` with new boxes.

    This format does not store the size of the image.
    """
    with open(path, encoding='utf-8-sig') as file:
        names = [line.split()[:2] for line in file if line.strip()]
    lines = [' '.join([*name, *_texts(box)]) + '\n' for name, box in zip(names, boxes, strict=True)]
    return ''.join(lines).encode()


def text_without(path: str, rows: Iterable[ListedImage], lines: Collection[int]) -> str:
    """Return the text of a line-based list without the images at the given lines.

    Args:
        path: List, with one row for each image.
        rows: Rows of the list, in order.
        lines: Line numbers of the rows to leave out.
    """
    with open(path, encoding='utf-8-sig', newline='') as file:
        text = list(file)
    dropped: set[int] = set()
    before = None
    for row in rows:
        # A quoted field may contain line breaks. The row then ends at its line and starts
        # after the previous row, or after the header
        first = min(row.line, 2) if before is None else before + 1
        if row.line in lines:
            dropped.update(range(first, row.line + 1))
        before = row.line
    return ''.join(line for i, line in enumerate(text, start=1) if i not in dropped)


def _set(parent: Element, tag: str, text: str) -> None:
    child = parent.find(tag)
    (SubElement(parent, tag) if child is None else child).text = text


def _texts(box: Box) -> list[str]:
    return [f'{side:.6f}' if math.isfinite(side) else 'nan' for side in box]
