"""Annotation files with other boxes in them; all else that they say stays.

A side that is no finite number becomes nan, so that readers find the box without an area.
"""

import math
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from mmsxm.datasets.annotations import Box
from mmsxm.io.safe_parsing import read_xml

__all__ = ['lines_with_boxes', 'voc_with_boxes']

CORNERS = ('xmin', 'ymin', 'xmax', 'ymax')


def voc_with_boxes(path: str, boxes: Sequence[Box], image_size: tuple[int, int]) -> bytes:
    """An XML file in the form of Pascal VOC, for an image of another size (h, w)."""
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
    """A text file of lines ``image_name class x1 y1 x2 y2``; the size stands nowhere in it."""
    with open(path, encoding='utf-8-sig') as file:
        names = [line.split()[:2] for line in file if line.strip()]
    lines = [' '.join([*name, *_texts(box)]) + '\n' for name, box in zip(names, boxes, strict=True)]
    return ''.join(lines).encode()


def _set(parent: Element, tag: str, text: str) -> None:
    child = parent.find(tag)
    (SubElement(parent, tag) if child is None else child).text = text


def _texts(box: Box) -> list[str]:
    return [f'{side:.6f}' if math.isfinite(side) else 'nan' for side in box]
