"""What lists and annotation files say of images."""

import math
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ['AnnotatedObject', 'Box', 'ListedImage', 'clip_box', 'labels_by_name']

Box = tuple[float, float, float, float]


class ListedImage(NamedTuple):
    """An image as the list of a split names it.

    ``line`` is where it does, in JSON the number of the image. ``gt_label`` holds the indices of
    its positive classes; None: they follow from its objects.
    """

    name: str
    line: int
    gt_label: list[int] | None


class AnnotatedObject(NamedTuple):
    """An object as an annotation file holds it.

    ``bbox`` is xyxy in 0-based pixels, nan where the file gives no number, and None where it has
    no box by nature: the label counts alone. ``place`` says where it was read.
    """

    class_name: str
    bbox: Box | None
    place: str


def clip_box(bbox: Box | None, image_size: tuple[int, int]) -> Box | None:
    """The part of a box, xyxy, that lies in an image of size (h, w); None if it has no area."""
    if bbox is None or not all(map(math.isfinite, bbox)):
        return None
    height, width = image_size
    x1, y1, x2, y2 = bbox
    x1, y1, x2, y2 = max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))
    return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None


def labels_by_name(classes: Iterable[str]) -> dict[str, int]:
    """The labels of classes by their names in lower case: annotations may have them in any."""
    return {name.lower(): label for label, name in enumerate(classes)}
