"""Annotation files with replaced boxes and otherwise unchanged content.

A corner that is not a finite number is written as nan, so that readers detect a box without an
area.
"""

import math
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from mmsxm.datasets.annotations import Box
from mmsxm.io.safe_parsing import read_xml

__all__ = ['lines_with_boxes', 'voc_with_boxes']

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


def _set(parent: Element, tag: str, text: str) -> None:
    child = parent.find(tag)
    (SubElement(parent, tag) if child is None else child).text = text


def _texts(box: Box) -> list[str]:
    return [f'{side:.6f}' if math.isfinite(side) else 'nan' for side in box]
