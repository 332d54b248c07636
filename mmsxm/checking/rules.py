"""Rules for the rows, objects and boxes of a list. Each one yields findings or names a fault."""

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Sequence

from mmsxm.checking.findings import LONGEST_IMAGE, SMALLEST_BOX, SMALLEST_IMAGE, Finding, Row
from mmsxm.datasets.annotations import AnnotatedObject, Box
from mmsxm.datasets.class_names import labels_by_name

__all__ = [
    'SIMILAR',
    'box_fault',
    'is_odd',
    'known_labels',
    'object_findings',
    'repeated_rows',
    'similar_class',
]

MISSPELLED = 0.8  # of difflib: Knive is a Knife, but a plastic bottle is not a glass bottle
SIMILAR = 0.6  # knives may be meant by Knife
DIGITS = re.compile(r'\d+')


def box_fault(bbox: Box, image_size: tuple[int, int] | None) -> str | None:
    """Return the key in KINDS of what is wrong with a box (xyxy) in an image of size (h, w).

    Without a size, the position of the box is not checked.
    """
    x1, y1, x2, y2 = bbox
    if not all(map(math.isfinite, bbox)):
        return 'box-no-number'
    if x2 < x1 or y2 < y1:
        return 'box-inverted'
    if x1 == x2 or y1 == y2:
        return 'box-no-area'
    if image_size is not None:
        height, width = image_size
        if x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0:
            return 'box-outside'
        if x1 < 0 or y1 < 0 or x2 > width or y2 > height:
            return 'box-over-border'
    return 'box-tiny' if min(x2 - x1, y2 - y1) < SMALLEST_BOX else None


def is_odd(size: tuple[int, int]) -> bool:
    """Return whether an image of size (h, w) is very small or very long."""
    return min(size) < SMALLEST_IMAGE or max(size) > LONGEST_IMAGE * min(size)


def known_labels(objects: Iterable[AnnotatedObject], classes: Sequence[str]) -> list[int]:
    """Return the sorted labels of objects whose classes are known in any case."""
    labels = labels_by_name(classes)
    return sorted({labels.get(item.class_name.lower(), -1) for item in objects} - {-1})


def similar_class(name: str, classes: Sequence[str], cutoff: float = MISSPELLED) -> str | None:
    """Return the class that an unknown name probably misspells, if there is one.

    Names that differ only in numbers, such as Charger_1 and Charger_2, are different classes.
    """
    lower = name.lower()
    labels = {
        known: label
        for known, label in labels_by_name(classes).items()
        if DIGITS.sub('', known) != DIGITS.sub('', lower)
    }
    close = difflib.get_close_matches(lower, labels, 1, cutoff)
    return classes[labels[close[0]]] if close else None


def object_findings(
    row: Row,
    place: str,
    objects: Sequence[AnnotatedObject] | None,
    classes: Sequence[str],
    image_size: tuple[int, int] | None,
) -> Iterator[Finding]:
    """Yield the problems of the objects of an image.

    If the labels follow from the objects, an unknown class is a problem here only if it looks like
    a misspelling. The summary of the list counts the others.

    Args:
        row: Row of the image. Without labels, they follow from the objects.
        place: Place of the annotation.
        objects: Objects of the image, or None if there is no annotation.
        classes: Class names in the order of the labels.
        image_size: (h, w). None if it is unknown, or if boxes may leave the image.
    """
    images = (row.path,) if row.path else ()

    def finding(kind: str, where: str, detail: str = '', box: Box | None = None) -> Finding:
        return Finding(kind, row.split, where, detail, row, images, box)

    if not objects:
        what = 'there is no annotation' if objects is None else 'the annotation has no objects'
        if row.gt_label is None:
            yield finding('no-label', place, what)
        elif row.gt_label:
            yield finding('no-annotation' if objects is None else 'empty-annotation', place)
        return

    labels = labels_by_name(classes)
    for item in objects:
        label = labels.get(item.class_name.lower())
        if label is None:
            similar = similar_class(item.class_name, classes)
            suggestion = f'; did you mean {similar!r}?' if similar else ''
            detail = f'{item.class_name!r}{suggestion}'
            if row.gt_label is not None:
                yield finding('unknown-class', item.place, detail, item.bbox)
            elif similar:
                yield finding('lost-label', item.place, detail, item.bbox)
        elif classes[label] != item.class_name:
            yield finding('class-case', item.place, f'{item.class_name!r}', item.bbox)
        if item.bbox is not None and (fault := box_fault(item.bbox, image_size)) is not None:
            yield finding(fault, item.place, f'{item.class_name} {_corners(item.bbox)}', item.bbox)

    found = known_labels(objects, classes)
    if row.gt_label is not None and found and found != sorted(row.gt_label):
        listed, boxed = (
            ', '.join(classes[label] for label in labels) or 'nothing'
            for labels in (row.gt_label, found)
        )
        yield finding('labels-differ', place, f'the list has {listed}, but the boxes have {boxed}')


def _corners(bbox: Box) -> str:
    return f'({", ".join(f"{value:g}" for value in bbox)})'


def repeated_rows(rows: Iterable[Row]) -> Iterator[Finding]:
    """Yield the rows of one list whose image an earlier row names."""
    first: dict[str, Row] = {}
    for row in rows:
        if row.path is None:
            continue
        before = first.setdefault(row.path, row)
        if before is not row:
            same = before.gt_label == row.gt_label
            kind = 'repeated-row' if same else 'contradicting-rows'
            yield Finding(
                kind,
                row.split,
                row.place,
                f'{row.name}, also listed at {before.place}',
                row,
                (row.path,),
            )
