"""Findings of a data check, and their kinds with severity and remedy (docs/checking.md)."""

from typing import NamedTuple

from mmsxm.datasets.annotations import Box

__all__ = [
    'ERROR',
    'KINDS',
    'LONGEST_IMAGE',
    'NOTE',
    'SEVERITIES',
    'SMALLEST_BOX',
    'SMALLEST_IMAGE',
    'WARNING',
    'Finding',
    'Kind',
    'Row',
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
        ERROR,
        'missing lists or image folders',
        'set the data root to the folder of the dataset. Create the lists of your own bags with '
        'mmsxm split',
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
        'transparent images: LoadImageFromFile sees the color beneath, screening sees white',
        'read images with mmsxm.LoadXrayImage, or store the image on white',
    ),
    'broken-annotation': Kind(ERROR, 'unreadable annotations', 'fix the file, or remove the row'),
    'no-label': Kind(
        ERROR, 'images without any known label', 'annotate the image, or remove the row'
    ),
    'lost-label': Kind(
        ERROR,
        'objects whose class is nearly one of the config, so their labels are lost',
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
    'left-out-class': Kind(
        WARNING,
        'lists with objects of classes that the config does not name',
        'nothing if you do not look for them. Otherwise, add them to the config: OWN_CLASSES for '
        'your own bags',
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
    'list-note': Kind(
        NOTE, 'entries that the list reader interpreted', 'nothing, if this is intended'
    ),
    'unfollowed-link': Kind(
        NOTE, 'skipped links that lead out of the image folder', 'copy the files that they point to'
    ),
    'unlisted-image': Kind(NOTE, 'images that no list names', 'nothing, if this is intended'),
}


class Row(NamedTuple):
    """Image as listed in a split.

    ``split`` is the purpose of the list. ``number`` counts its rows from 0, and ``line`` is the
    line of the row in ``file``. ``path`` is None if the image does not exist. ``listed_at`` is the
    place of the row, for messages, if that is not ``line`` of ``file``.
    """

    split: str
    file: str
    number: int
    line: int
    name: str
    gt_label: list[int] | None
    path: str | None
    listed_at: str = ''

    @property
    def place(self) -> str:
        """Return where the row is, by default the file and the line."""
        return self.listed_at or f'{self.file}:{self.line}'


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
