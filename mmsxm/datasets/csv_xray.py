"""Datasets in a CSV file with one row for each object."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mmsxm.datasets.annotation_file import ALIKE, AnnotationFile, AnnotationFileDataset
from mmsxm.datasets.annotations import AnnotatedObject, Box, ListedImage
from mmsxm.datasets.image_folder import inner_path
from mmsxm.imaging.images import image_id
from mmsxm.io.safe_parsing import read_csv, read_records
from mmsxm.registry import DATASETS

__all__ = ['CsvXray', 'read_object_csv']

CORNERS = ('x1', 'y1', 'x2', 'y2')


def read_object_csv(path: str) -> AnnotationFile:
    """Read a CSV file with the columns ``image``, ``label`` and optionally the four corners.

    Each row is an object. The corners are empty if only its label is known. An image without
    objects has one row with an empty label. Columns may be in any order. Other columns are ignored.
    Omit the corner columns if no object has a box.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: A column or a value is missing, or the path of an image leaves the image folder.
            The message names the file and the line.
    """
    images: dict[str, ListedImage] = {}
    objects: dict[str, list[AnnotatedObject]] = {}
    negatives: dict[str, str] = {}
    problems: list[tuple[str, str]] = []
    for row in _read_rows(path):
        try:
            name = inner_path(row.image)
        except ValueError as error:
            raise ValueError(f'{path}:{row.line}: {error}') from None
        img_id, place = image_id(name), f'{path}:{row.line}'
        if images.setdefault(img_id, ListedImage(name, row.line, [], place)).name != name:
            problems.append((ALIKE, f'{name} at {place}'))
        elif row.label or row.box is not None:
            objects.setdefault(img_id, []).append(AnnotatedObject(row.label, row.box, place))
        else:
            negatives[img_id] = place
    problems += [
        ('images with both a label and an empty row (the label is kept)', place)
        for img_id, place in negatives.items()
        if img_id in objects
    ]
    rows = [
        row._replace(gt_label=None) if img_id in objects else row for img_id, row in images.items()
    ]
    return AnnotationFile(rows, objects, problems)


class _Row(NamedTuple):
    line: int
    image: str
    label: str
    box: Box | None


def _read_rows(path: str) -> Iterator[_Row]:
    columns, rows = read_records(path)
    boxed = not set(CORNERS).isdisjoint(columns)
    corners = CORNERS if boxed else ()
    missing = [column for column in ('image', 'label', *corners) if column not in columns]
    if missing:
        raise ValueError(
            f'{path}:1: the header {",".join(columns)!r} has no column {", ".join(missing)}. '
            'Write it as image,label,x1,y1,x2,y2, separated by commas.'
        )
    for line, row in rows:
        box = _box([row[corner].strip() for corner in corners])
        yield _Row(line, row['image'].strip(), row['label'].strip(), box)


def _box(corners: Sequence[str]) -> Box | None:
    if not any(corners):
        return None
    x1, y1, x2, y2 = map(_number, corners)
    return x1, y1, x2, y2


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float('nan')


@DATASETS.register_module()
class CsvXray(AnnotationFileDataset):
    """Dataset of images and objects in a CSV file; ``metainfo`` names the classes.

    Labels follow from the objects. Images without objects are negatives. An image is skipped if all
    its objects have an unknown class.
    """

    def read_file(self) -> AnnotationFile:
        """Read the CSV file."""
        return read_object_csv(self.ann_file)

    def list_without(self, lines: set[int]) -> str:
        """Return the CSV text without the images that first appear at the given lines."""
        dropped = {image_id(row.name) for row in self.read_list() if row.line in lines}
        header, *rows = (row for _, row in read_csv(self.ann_file))
        column = [name.strip() for name in header].index('image')
        text = io.StringIO()
        writer = csv.writer(text, lineterminator='\n')
        writer.writerow(header)
        writer.writerows(
            row for row in rows if image_id(inner_path(row[column].strip())) not in dropped
        )
        return text.getvalue()
