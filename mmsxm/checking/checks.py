"""Kinds of data problems with their severity and remedy (docs/checking.md)."""

import difflib
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mmsxm.datasets.annotations import AnnotatedObject, Box
from mmsxm.datasets.class_names import labels_by_name

__all__ = [
    'ERROR',
    'KINDS',
    'NOTE',
    'SEVERITIES',
    'WARNING',
    'Finding',
    'Kind',
    'Row',
    'box_fault',
    'is_odd',
    'known_labels',
    'object_findings',
    'repeated_rows',
]

ERROR, WARNING, NOTE = 'error', 'warning', 'note'
SEVERITIES = (ERROR, WARNING, NOTE)

SMALLEST_IMAGE, LONGEST_IMAGE = 32, 4.0  # pixels of the shorter side; longer side / shorter side
SMALLEST_BOX = 2.0  # pixels of the shorter side


class Kind(NamedTuple):
    """Severity, title and remedy of a kind of finding."""

    severity: str
    title: str
    remedy: str


KINDS = {
    # errors stop training, or silently damage its result
    'no-list': Kind(
        ERROR, 'missing lists or image folders', 'set the data root to the folder of the dataset'
    ),
    'broken-list': Kind(ERROR, 'unreadable lists', 'fix the line, or download the list again'),
    'no-images': Kind(ERROR, 'lists without a usable image', 'see the other findings of this list'),
    'one-list': Kind(
        ERROR,
        'lists used for both training and evaluation',
        'use different lists for training and evaluation',
    ),
    'missing-image': Kind(ERROR, 'missing images', 'download the archive again, or remove the row'),
    'broken-image': Kind(ERROR, 'unreadable images', 'download the file again, or remove the row'),
    'transparent-image': Kind(
        ERROR,
        'transparent images: training sees the color beneath, screening sees white',
        'store the image on white, without transparency',
    ),
    'broken-annotation': Kind(ERROR, 'unreadable annotations', 'fix the file, or remove the row'),
    'no-label': Kind(
        ERROR, 'images without any known label', 'annotate the image, or remove the row'
    ),
    'lost-label': Kind(
        ERROR,
        'objects of unknown classes in a dataset whose labels follow from the objects',
        'spell the class as in the config, or add it there',
    ),
    'contradicting-rows': Kind(
        ERROR, 'rows whose labels contradict an earlier row of the image', 'keep the correct row'
    ),
    'leak': Kind(
        ERROR, 'images in both training and evaluation', 'remove them from the training list'
    ),
    'leaked-copy': Kind(
        ERROR,
        'training images identical to an evaluation image',
        'remove them from the training list',
    ),
    'untrained-class': Kind(
        ERROR,
        'classes without a positive image in training',
        'add images, or remove the class from the config',
    ),
    # warnings: the loader skips or fixes these, or they change the meaning of numbers
    'no-annotation': Kind(WARNING, 'positives without an annotation', 'Stage I needs their boxes'),
    'empty-annotation': Kind(
        WARNING, 'positives whose annotation has no objects', 'Stage I needs their boxes'
    ),
    'unknown-class': Kind(
        WARNING,
        'skipped objects of unknown classes',
        "spell the class as in the config. SIXray's Hammer is skipped on purpose",
    ),
    'labels-differ': Kind(
        WARNING, 'labels that differ from the boxes', 'look at the image: one of them is wrong'
    ),
    'box-no-number': Kind(
        WARNING, 'boxes with a corner that is not a number', 'annotate the object again'
    ),
    'box-inverted': Kind(
        WARNING,
        'boxes with corners in the wrong order',
        'write corners with x1 < x2 and y1 < y2; the box may be x, y, w, h',
    ),
    'box-no-area': Kind(WARNING, 'boxes without an area', 'annotate the object again'),
    'box-outside': Kind(
        WARNING,
        'boxes outside the image',
        'check whether the box belongs to an image of another size',
    ),
    'box-over-border': Kind(
        WARNING,
        'boxes that cross the border and are clipped',
        'check whether the box belongs to an image of another size',
    ),
    'repeated-row': Kind(
        WARNING, 'images listed more than once', 'remove the extra rows: such images count twice'
    ),
    'list-problem': Kind(
        WARNING, 'entries that the list reader skipped or reinterpreted', 'fix the list'
    ),
    'shared-evaluation': Kind(
        WARNING,
        'images in several evaluation lists',
        'use separate lists: a threshold chosen on one list looks too good on the other',
    ),
    'identical-images': Kind(WARNING, 'images identical to another image', 'remove one of them'),
    'near-leak': Kind(
        WARNING,
        'evaluation images that look like a training image',
        'split by bags, not by images: such images make results look too good',
    ),
    'unpublished-count': Kind(
        WARNING,
        'lists whose length differs from the published one',
        'report the counts with your results',
    ),
    'untested-class': Kind(
        WARNING,
        'classes without a positive image in evaluation',
        'add images: the AP of these classes is undefined',
    ),
    'no-harmless-bags': Kind(
        WARNING,
        'lists without a harmless bag',
        'add bags without items. A network that never saw one mistakes many of them for items, '
        'and their false alarms cannot be measured',
    ),
    # notes
    'positives-only': Kind(
        NOTE,
        'lists of SIXray or OPIXray without a harmless bag',
        'nothing for the tables of the paper. For a station, also train, calibrate and test with '
        'harmless bags',
    ),
    'class-case': Kind(NOTE, 'classes spelled in another case', 'nothing: they are matched'),
    'box-tiny': Kind(
        NOTE,
        f'boxes with a side under {SMALLEST_BOX:g} pixels',
        'look at the image: check whether the box is meaningful',
    ),
    'odd-size': Kind(
        NOTE,
        f'images under {SMALLEST_IMAGE} pixels, or {LONGEST_IMAGE:g} times as long as wide',
        'check whether they belong in the list: resizing to a square distorts them',
    ),
    'near-duplicate': Kind(
        NOTE,
        'images that look like another image on the same side of the split',
        'keep them on one side of the split',
    ),
    'unfollowed-link': Kind(
        NOTE, 'skipped links that lead out of the image folder', 'copy the files that they point to'
    ),
    'unlisted-image': Kind(NOTE, 'images that no list names', 'nothing, if this is intended'),
}


class Row(NamedTuple):
    """Image as listed in a split.

    ``split`` is the purpose of the list. ``number`` counts its rows from 0, and ``line`` is the
    line of the row in ``file``. ``path`` is None if the image does not exist.
    """

    split: str
    file: str
    number: int
    line: int
    name: str
    gt_label: list[int] | None
    path: str | None

    @property
    def place(self) -> str:
        """Return the file and the line."""
        return f'{self.file}:{self.line}'


class Finding(NamedTuple):
    """Problem found at a place.

    ``kind`` is a key of KINDS. ``row`` is the row that causes the problem, if there is one.
    ``images`` are files that show it, and ``box`` is a box in the first of them.
    """

    kind: str
    split: str
    place: str
    detail: str = ''
    row: Row | None = None
    images: tuple[str, ...] = ()
    box: Box | None = None

    @property
    def severity(self) -> str:
        """Return the severity, one of SEVERITIES."""
        return KINDS[self.kind].severity

    @property
    def words(self) -> str:
        """Return the place and the detail, without repeating a place that the detail names."""
        if not self.detail or self.place in self.detail:
            return self.detail or self.place
        return f'{self.place}: {self.detail}'


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


def object_findings(
    row: Row,
    place: str,
    objects: Sequence[AnnotatedObject] | None,
    classes: Sequence[str],
    image_size: tuple[int, int] | None,
) -> Iterator[Finding]:
    """Yield the problems of the objects of an image.

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
            close = difflib.get_close_matches(item.class_name.lower(), labels, 1)
            suggestion = f'; did you mean {classes[labels[close[0]]]!r}?' if close else ''
            kind = 'lost-label' if row.gt_label is None else 'unknown-class'
            yield finding(kind, item.place, f'{item.class_name!r}{suggestion}', item.bbox)
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
