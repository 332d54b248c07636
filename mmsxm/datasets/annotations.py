"""Records that lists and annotation files are read into."""

import math
from typing import NamedTuple

__all__ = ['AnnotatedObject', 'Box', 'ListedImage', 'clip_box']

Box = tuple[float, float, float, float]


class ListedImage(NamedTuple):
    """Image as listed in a split.

    ``line`` is the line of the list, or the number of the image in a JSON file. ``gt_label``
    contains the indices of the positive classes. If it is None, they follow from the objects.
    ``place`` is where it is listed, for messages, if that is not ``line`` of a single list.
    """

    name: str
    line: int
    gt_label: list[int] | None
    place: str = ''


class AnnotatedObject(NamedTuple):
    """Object as read from an annotation file.

    ``bbox`` is xyxy in 0-based pixels. A corner that is not a number is nan. An object annotated
    without a box has ``bbox=None``, and only its label counts. ``place`` is where the object was
    read. A label of the whole image (``is_image_label``) is not an object of its own: the boxes of
    its class are the items that it names.
    """

    class_name: str
    bbox: Box | None
    place: str
    is_image_label: bool = False


def clip_box(bbox: Box | None, image_size: tuple[int, int]) -> Box | None:
    """Clip a box (xyxy) to an image of size (h, w). Return None if no area remains."""
    if bbox is None or not all(map(math.isfinite, bbox)):
        return None
    height, width = image_size
    x1, y1, x2, y2 = bbox
    x1, y1, x2, y2 = max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))
    return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None
