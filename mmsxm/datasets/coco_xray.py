"""COCO JSON, the format of PIDray, CLCXray and most annotation tools.

Format: https://cocodataset.org/#format-data. Two extensions are read as well:

- Datumaro writes a label of a whole image as an annotation without ``bbox`` and ``segmentation``
  (``_LabelsExporter`` in ``datumaro/plugins/data_formats/coco/exporter.py``).
- CVAT writes the ``bbox`` of a rotated rectangle as it was before the rotation, and the angle as
  ``attributes.rotation`` in degrees (``cvat/apps/dataset_manager/bindings.py``).

Other ``attributes`` are not read.
"""

import json
import math
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from mmsxm.datasets.annotation_file import ALIKE, AnnotationFile, AnnotationFileDataset
from mmsxm.datasets.annotations import AnnotatedObject, Box, ListedImage
from mmsxm.datasets.class_names import check_declared
from mmsxm.datasets.image_folder import inner_path
from mmsxm.imaging.images import image_id
from mmsxm.io.safe_parsing import is_number, read_json
from mmsxm.registry import DATASETS

__all__ = ['CocoXray', 'coco_text', 'entry_id', 'entry_text', 'read_coco', 'read_coco_json']

Id = int | str
Problems = list[tuple[str, str]]
NO_NUMBERS: Box = (math.nan,) * 4


def read_coco(path: str, folder: str = '') -> AnnotationFile:
    """Read a JSON file with ``images``, ``annotations`` and ``categories``.

    Images without annotations are negatives. If an annotation has a polygon but no box, the extent
    of the polygon is the box. If it has neither, only its label counts. The classes are the names
    of the categories in the order of their ids. A place is an index into one of the JSON lists.

    Args:
        path: JSON file.
        folder: Subfolder of the image folder that each ``file_name`` is relative to.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not COCO JSON, a category has no name or the id of another one, or
            the path of an image leaves the image folder.
    """
    content = read_coco_json(path)
    categories = _read_categories(path, content['categories'])
    problems: Problems = []
    notes: Problems = []
    img_ids, images = _read_images(path, content['images'], folder, problems)
    objects: dict[str, list[AnnotatedObject]] = {}
    seen: set[Id | None] = {None}
    for index, item in enumerate(content['annotations']):
        place = f'{path}, annotations[{index}]'
        img_id = img_ids.get(entry_id(item, 'image_id'))
        if img_id is None:
            problems.append(('skipped annotations: their image is not listed', place))
            continue
        annotation_id, category = entry_id(item, 'id'), entry_id(item, 'category_id')
        if annotation_id in seen and annotation_id is not None:
            problems.append(('annotations with a repeated id (all are kept)', place))
        seen.add(annotation_id)
        name = categories.get(category, f'category_id {category}')
        is_image_label = _is_image_label(item)
        if is_image_label:
            box = None
            notes.append(('image-level labels (only their label counts)', place))
        else:
            box = _read_box(item, place, problems)
        objects.setdefault(img_id, []).append(AnnotatedObject(name, box, place, is_image_label))
    rows = [
        row._replace(gt_label=None) if img_id in objects else row for img_id, row in images.items()
    ]
    return AnnotationFile(rows, objects, problems, _distinct(categories), notes)


def read_coco_json(path: str) -> dict[str, list]:
    """Read the content of a COCO JSON file.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not JSON, or lacks one of its three lists.
    """
    content = read_json(path)
    keys = ('images', 'annotations', 'categories')
    found = content if isinstance(content, dict) else {}
    missing = [key for key in keys if not isinstance(found.get(key), list)]
    if missing:
        raise ValueError(
            f'{path} is not a COCO annotation file: it has no list {", ".join(missing)}. '
            'Export the annotations again as COCO JSON.'
        )
    return found


def _read_categories(path: str, entries: list) -> dict[Id | None, str]:
    """Map category ids to names, in the order of the ids."""
    categories: dict[Id, str] = {}
    for index, item in enumerate(entries):
        key, name = entry_id(item, 'id'), entry_text(item, 'name')
        if key is None or not name:
            raise ValueError(
                f'{path}, categories[{index}]: the id or the name is missing. Add it to the file.'
            )
        if categories.setdefault(key, name) != name:
            raise ValueError(
                f'{path}, categories[{index}]: {name!r} has the id of {categories[key]!r}. '
                'Give each category its own id.'
            )
    in_order = sorted(categories, key=lambda key: (isinstance(key, str), key))
    return {key: categories[key] for key in in_order}


def _distinct(categories: dict[Id | None, str]) -> tuple[str, ...]:
    """Return the distinct names. Of names that differ only in case, keep the first."""
    names: dict[str, str] = {}
    for name in categories.values():
        names.setdefault(name.lower(), name)
    return tuple(names.values())


def _read_images(
    path: str, entries: list, folder: str, problems: Problems
) -> tuple[dict[Id | None, str], dict[str, ListedImage]]:
    """Read the images.

    Return two mappings: from the ids in the file to ``img_id``, and from ``img_id`` to the images.
    All images are negatives at first.
    """
    images: dict[str, ListedImage] = {}
    claims: dict[Id | None, dict[str, str]] = {}  # for each id, img_id -> place
    for index, item in enumerate(entries):
        place = f'{path}, images[{index}]'
        key, name = entry_id(item, 'id'), entry_text(item, 'file_name')
        if key is None or not name:
            problems.append(('skipped images: id or file_name is missing', place))
            continue
        try:
            name = str(PurePosixPath(folder, inner_path(name)))
        except ValueError as error:
            raise ValueError(f'{place}: {error}') from None
        img_id = image_id(name)
        row = images.setdefault(img_id, ListedImage(name, index + 1, [], place))
        if row.name != name:
            problems.append((ALIKE, f'{name} at {place}'))
            continue
        if row.line != index + 1:
            problems.append(
                ('images listed more than once (their objects are merged)', f'{name} at {place}')
            )
        claims.setdefault(key, {})[img_id] = place
    for claim in claims.values():
        if len(claim) > 1:  # it is unknown which image the objects belong to
            for img_id, place in claim.items():
                problems.append(('skipped images: another image has the same id', place))
                images.pop(img_id, None)
    return {key: next(iter(claim)) for key, claim in claims.items() if len(claim) == 1}, images


def _is_image_label(item: dict) -> bool:
    return 'bbox' not in item and 'segmentation' not in item


def _read_box(item: dict, place: str, problems: Problems) -> Box | None:
    """Read the box of an annotation.

    Return nan corners if the box is not four numbers, and None if there is no box.
    """
    if item.get('iscrowd'):
        problems.append(('group annotations (iscrowd), read as one object', place))
    polygons = item.get('segmentation') if isinstance(item.get('segmentation'), list) else None
    if item.get('bbox') is not None:
        x, y, width, height = _numbers(item['bbox'], 4) or NO_NUMBERS
        box = x, y, x + width, y + height
        # the box of polygons already encloses them
        return box if polygons else _rotated(box, _rotation(item))
    if polygons:
        return _extent(polygons)
    problems.append(('annotations without a box (only their label counts)', place))
    return None


def _rotation(item: dict) -> float:
    """Return the angle of a rotated rectangle in degrees, or 0."""
    attributes = item.get('attributes')
    angle = attributes.get('rotation') if isinstance(attributes, dict) else None
    return float(angle) if angle is not None and is_number(angle) else 0.0


def _rotated(box: Box, degrees: float) -> Box:
    """Return the box around a box that is rotated about its center."""
    if not degrees:
        return box
    x1, y1, x2, y2 = box
    cos, sin = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    width, height = (x2 - x1) * cos + (y2 - y1) * sin, (x2 - x1) * sin + (y2 - y1) * cos
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _extent(polygons: list) -> Box:
    """Return the box around polygons. Each polygon is a list of x, y, x, y..."""
    corners = [_numbers(polygon) for polygon in polygons]
    if not all(corners):
        return NO_NUMBERS
    xs = [x for polygon in corners for x in polygon[0::2]]
    ys = [y for polygon in corners for y in polygon[1::2]]
    return (min(xs), min(ys), max(xs), max(ys)) if ys else NO_NUMBERS


def _numbers(values: Any, count: int | None = None) -> list[float]:
    """Return a list of finite numbers.

    Return an empty list if ``values`` is anything else or does not have ``count`` numbers.
    """
    if not isinstance(values, list) or (count is not None and len(values) != count):
        return []
    try:
        numbers = [float(v) for v in values if type(v) in (int, float)]
    except OverflowError:  # Python integers are unbounded
        return []
    return numbers if len(numbers) == len(values) and all(map(math.isfinite, numbers)) else []


def entry_id(item: Any, key: str) -> Id | None:
    """Return an id in an entry of a list; None if it is missing or of another type."""
    value = item.get(key) if isinstance(item, dict) else None
    return value if type(value) in (int, str) else None


def entry_text(item: Any, key: str) -> str:
    """Return a text in an entry of a list, stripped; empty if it is missing or of another type."""
    value = item.get(key) if isinstance(item, dict) else None
    return value.strip() if isinstance(value, str) else ''


def coco_text(content: dict[str, list], keep: Callable[[str], bool]) -> str:
    """Return COCO JSON with the images whose names ``keep`` accepts, and their annotations."""
    images = [
        item
        for item in content['images']
        if keep(str(PurePosixPath(entry_text(item, 'file_name'))))
    ]
    ids = {entry_id(item, 'id') for item in images}
    annotations = [item for item in content['annotations'] if entry_id(item, 'image_id') in ids]
    kept = {**content, 'images': images, 'annotations': annotations}
    return json.dumps(kept, ensure_ascii=False) + '\n'


@DATASETS.register_module()
class CocoXray(AnnotationFileDataset):
    """Dataset annotated in COCO JSON.

    Labels follow from the objects. Images without objects are negatives. By default, the classes
    are the categories of the file in the order of their ids. If ``metainfo`` gives the classes,
    objects of other categories have an unknown class. An image that has only such objects is
    skipped.

    Args:
        lazy_init: Read only the classes.
        **kwargs: Arguments of :class:`XrayDataset`.

    Raises:
        ValueError: The file does not contain a class that ``metainfo`` names.
    """

    def __init__(self, lazy_init: bool = False, **kwargs: Any) -> None:
        super().__init__(lazy_init=True, **kwargs)
        declared = self.content.classes
        check_declared(self.ann_file, declared, self.CLASSES or ())
        if self.CLASSES is None:
            self._metainfo['classes'] = declared
        if not lazy_init:
            self.full_init()

    def read_file(self) -> AnnotationFile:
        """Read the JSON file."""
        return read_coco(self.ann_file)

    def list_without(self, lines: set[int]) -> str:
        """Return the JSON without the images of the given numbers and their annotations."""
        dropped = {image_id(row.name) for row in self.read_list() if row.line in lines}
        return coco_text(self.read_content(), lambda name: image_id(name) not in dropped)

    def read_content(self) -> dict[str, list]:
        """Return the content that :meth:`list_without` shortens."""
        return read_coco_json(self.ann_file)
