"""XML files in Pascal VOC format."""

from xml.etree.ElementTree import Element

from mmsxm.datasets.annotations import AnnotatedObject, Box
from mmsxm.io.safe_parsing import read_xml

__all__ = ['read_voc_objects']


def read_voc_objects(path: str) -> list[AnnotatedObject]:
    """Read the objects of an XML file in Pascal VOC format.

    Corners are read as 0-based, which is how SIXray and most of today's tools write them. The
    original Pascal VOC counts from 1, so its boxes lose one column and one row of pixels here. A
    field that is empty or missing gives an empty class name or a nan in the box.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not XML. The message names the file.
    """
    root = read_xml(path)
    return [
        AnnotatedObject(
            (item.findtext('name') or '').strip(), _box(item), f'{path}, object {number}'
        )
        for number, item in enumerate(root.iter('object'), start=1)
    ]


def _box(item: Element) -> Box:
    corners = ('xmin', 'ymin', 'xmax', 'ymax')
    x1, y1, x2, y2 = (_number(item.findtext(f'bndbox/{corner}')) for corner in corners)
    return x1, y1, x2, y2


def _number(text: str | None) -> float:
    try:
        return float(text or 'nan')
    except ValueError:
        return float('nan')
