"""What can be wrong with a data set, how bad it is, and what to do (docs/checking.md)."""

import difflib
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mmsxm.datasets.annotations import AnnotatedObject, Box, labels_by_name

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

SMALLEST_IMAGE, LONGEST_IMAGE = 32, 4.0  # pixels of the shorter side, longer / shorter side
SMALLEST_BOX = 2.0  # pixels of the shorter side


class Kind(NamedTuple):
    """What a finding is called, how bad it is, and what to do about it."""

    severity: str
    title: str
    remedy: str


KINDS = {
    # whatever stops a training, or damages its result and nobody sees it
    'no-list': Kind(
        ERROR, 'lists or folders that are missing', 'set the data root to where they are'
    ),
    'broken-list': Kind(
        ERROR, 'lists that can not be read', 'mend the line, or get the list again'
    ),
    'no-images': Kind(ERROR, 'lists without a usable image', 'see what else is said of the list'),
    'one-list': Kind(ERROR, 'lists for both training and evaluation', 'name different lists'),
    'missing-image': Kind(
        ERROR, 'images that are missing', 'get the archive again, or drop the row'
    ),
    'broken-image': Kind(
        ERROR, 'images that can not be read', 'get the file again, or drop the row'
    ),
    'transparent-image': Kind(
        ERROR,
        'transparent images: training sees what is beneath, screening sees white',
        'store it without transparency, on white',
    ),
    'broken-annotation': Kind(
        ERROR, 'annotations that can not be read', 'mend the file, or drop the row'
    ),
    'no-label': Kind(ERROR, 'images whose labels nothing tells', 'annotate it, or drop the row'),
    'lost-label': Kind(
        ERROR,
        'objects of unknown classes, from which labels follow',
        'spell the class as the config does, or add it there',
    ),
    'contradicting-rows': Kind(
        ERROR, 'rows that give an image other labels than before', 'keep the right row'
    ),
    'leak': Kind(ERROR, 'images in training and evaluation', 'drop them from the training list'),
    'leaked-copy': Kind(
        ERROR,
        'training images that are identical to one of evaluation',
        'drop them from the training list',
    ),
    'untrained-class': Kind(
        ERROR, 'classes without a positive in training', 'add images, or take the class out'
    ),
    # what the loader leaves out or mends, or what makes numbers mean something else
    'no-annotation': Kind(WARNING, 'positives without an annotation', 'Stage I needs their boxes'),
    'empty-annotation': Kind(
        WARNING, 'positives whose annotation has no object', 'Stage I needs their boxes'
    ),
    'unknown-class': Kind(
        WARNING,
        'objects of unknown classes, left out',
        "spell the class as the config does; SIXray's Hammer is meant to be left out",
    ),
    'labels-differ': Kind(
        WARNING, 'labels that differ from the boxes', 'look at the image: one of them is wrong'
    ),
    'box-no-number': Kind(WARNING, 'boxes with a corner that is no number', 'annotate it again'),
    'box-inverted': Kind(
        WARNING, 'boxes with corners in the wrong order', 'x1 < x2 and y1 < y2; is it x, y, w, h?'
    ),
    'box-no-area': Kind(WARNING, 'boxes without an area', 'annotate it again'),
    'box-outside': Kind(WARNING, 'boxes outside of the image', 'is it of an image of other size?'),
    'box-over-border': Kind(
        WARNING, 'boxes that reach over the border, clipped', 'is it of an image of other size?'
    ),
    'repeated-row': Kind(WARNING, 'images that a list names again', 'they count twice: drop a row'),
    'list-problem': Kind(WARNING, 'entries that the list reader passed over', 'mend the list'),
    'shared-evaluation': Kind(
        WARNING, 'images in several lists of evaluation', 'what is chosen on one flatters the other'
    ),
    'identical-images': Kind(WARNING, 'images that are identical to another', 'drop one of them'),
    'near-leak': Kind(
        WARNING,
        'images of evaluation that look like one of training',
        'they flatter the result: split by bags, not by images',
    ),
    'unpublished-count': Kind(
        WARNING, 'lists of another length than the published', 'give the counts beside results'
    ),
    'untested-class': Kind(
        WARNING, 'classes without a positive in evaluation', 'their AP is undefined: add images'
    ),
    'no-harmless-bags': Kind(
        WARNING,
        'lists without a harmless bag',
        'add bags without items: a network that never saw one takes many of them for items, and '
        'without them its false alarms cannot be measured',
    ),
    # what is good to know
    'positives-only': Kind(
        NOTE,
        'lists of SIXray or OPIXray without a harmless bag',
        'nothing for the tables of the paper; for a station, train, calibrate and test with '
        'harmless bags too',
    ),
    'class-case': Kind(NOTE, 'classes in another case', 'nothing: they are matched'),
    'box-tiny': Kind(
        NOTE, f'boxes with a side under {SMALLEST_BOX:g} pixels', 'look whether they mean anything'
    ),
    'odd-size': Kind(
        NOTE,
        f'images under {SMALLEST_IMAGE} pixels, or {LONGEST_IMAGE:g} times as long as wide',
        'resizing to a square distorts them: look whether they belong there',
    ),
    'near-duplicate': Kind(
        NOTE, 'images that look like another of the same side', 'keep them on one side of a split'
    ),
    'unfollowed-link': Kind(
        NOTE, 'links out of the folder of images, not followed', 'copy what they lead to'
    ),
    'unlisted-image': Kind(NOTE, 'images that no list names', 'nothing, if that is intended'),
}


class Row(NamedTuple):
    """An image as a list names it.

    ``split`` says what the list is for, ``number`` counts its rows from 0, ``line`` is where the
    row stands in ``file``, and ``path`` is None where there is no such image.
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
        """File and line."""
        return f'{self.file}:{self.line}'


class Finding(NamedTuple):
    """Something that is wrong at a place.

    ``kind`` is a key of KINDS, ``row`` that of the list to blame, if there is one. ``images`` are
    files that show it, and ``box`` lies in the first of them.
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
        """One of SEVERITIES."""
        return KINDS[self.kind].severity

    @property
    def words(self) -> str:
        """Place and detail, which may name its place itself."""
        if not self.detail or self.place in self.detail:
            return self.detail or self.place
        return f'{self.place}: {self.detail}'


def box_fault(bbox: Box, image_size: tuple[int, int] | None) -> str | None:
    """The key in KINDS of what is wrong with a box, xyxy, in an image of size (h, w).

    Without a size nothing is said of its place.
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
    """Whether an image of size (h, w) is very small, or very long."""
    return min(size) < SMALLEST_IMAGE or max(size) > LONGEST_IMAGE * min(size)


def known_labels(objects: Iterable[AnnotatedObject], classes: Sequence[str]) -> list[int]:
    """The labels of objects whose classes are known, in any case, sorted."""
    labels = labels_by_name(classes)
    return sorted({labels.get(item.class_name.lower(), -1) for item in objects} - {-1})


def object_findings(
    row: Row,
    place: str,
    objects: Sequence[AnnotatedObject] | None,
    classes: Sequence[str],
    image_size: tuple[int, int] | None,
) -> Iterator[Finding]:
    """What is wrong with the objects of an image.

    Args:
        row: The image's row; without labels, these follow from the objects.
        place: Of the annotation.
        objects: None when there is no annotation.
        classes: Names in the order of the labels.
        image_size: (h, w), None when it is unknown, or boxes are meant to leave the image.
    """
    images = (row.path,) if row.path else ()

    def finding(kind: str, where: str, detail: str = '', box: Box | None = None) -> Finding:
        return Finding(kind, row.split, where, detail, row, images, box)

    if not objects:
        what = 'there is no annotation' if objects is None else 'the annotation has no object'
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
            meant = f'; is it {classes[labels[close[0]]]!r}?' if close else ''
            kind = 'lost-label' if row.gt_label is None else 'unknown-class'
            yield finding(kind, item.place, f'{item.class_name!r}{meant}', item.bbox)
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
        yield finding('labels-differ', place, f'the list has {listed}, the boxes {boxed}')


def _corners(bbox: Box) -> str:
    return f'({", ".join(f"{value:g}" for value in bbox)})'


def repeated_rows(rows: Iterable[Row]) -> Iterator[Finding]:
    """Rows of one list whose image an earlier one names."""
    first: dict[str, Row] = {}
    for row in rows:
        if row.path is None:
            continue
        before = first.setdefault(row.path, row)
        if before is not row:
            same = before.gt_label == row.gt_label
            kind = 'repeated-row' if same else 'contradicting-rows'
            yield Finding(
                kind, row.split, row.place, f'{row.name}, as at {before.place}', row, (row.path,)
            )
