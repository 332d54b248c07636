"""COCO's JSON, as PIDray, CLCXray and most tools for annotation write it.

The format: https://cocodataset.org/#format-data.
"""

import json
import math
from pathlib import PurePosixPath
from typing import Any

from mmsxm.datasets.annotation_file import ALIKE, AnnotationFile, AnnotationFileDataset
from mmsxm.datasets.annotations import AnnotatedObject, Box, ListedImage
from mmsxm.datasets.image_folder import inner_path
from mmsxm.imaging.images import image_id
from mmsxm.io.safe_parsing import read_json
from mmsxm.registry import DATASETS

__all__ = ['CocoXray', 'read_coco']

Id = int | str
Problems = list[tuple[str, str]]
NO_NUMBERS: Box = (math.nan,) * 4


def read_coco(path: str) -> AnnotationFile:
    """Read a JSON file of ``images``, ``annotations`` and ``categories``.

    Images without an annotation are negatives. An annotation without a box counts by its label
    alone; where it has a polygon, that one's extent is the box. Classes are the categories' names
    in the order of their ids, and a place is an index into the JSON's lists.

    Raises:
        FileNotFoundError: Without the file.
        ValueError: When it is no such JSON, a category has no name or the id of another one, or
            an image's path leaves the folder of images.
    """
    content = _read_json(path)
    categories = _read_categories(path, content['categories'])
    problems: Problems = []
    img_ids, images = _read_images(path, content['images'], problems)
    objects: dict[str, list[AnnotatedObject]] = {}
    seen: set[Id | None] = {None}
    for index, item in enumerate(content['annotations']):
        place = f'{path}, annotations[{index}]'
        img_id = img_ids.get(_id(item, 'image_id'))
        if img_id is None:
            problems.append(('annotations of no listed image, left out', place))
            continue
        own_id, category = _id(item, 'id'), _id(item, 'category_id')
        if own_id in seen and own_id is not None:
            problems.append(('annotations with the id of another one (both are kept)', place))
        seen.add(own_id)
        name = categories.get(category, f'category_id {category}')
        box = _read_box(item, place, problems)
        objects.setdefault(img_id, []).append(AnnotatedObject(name, box, place))
    rows = [
        row._replace(gt_label=None) if img_id in objects else row for img_id, row in images.items()
    ]
    return AnnotationFile(rows, objects, problems, _distinct(categories))


def _read_json(path: str) -> dict[str, list]:
    content = read_json(path)
    keys = ('images', 'annotations', 'categories')
    found = content if isinstance(content, dict) else {}
    missing = [key for key in keys if not isinstance(found.get(key), list)]
    if missing:
        raise ValueError(f"{path} is no annotation in COCO's form: no list {', '.join(missing)}")
    return found


def _read_categories(path: str, entries: list) -> dict[Id | None, str]:
    """The names by id, in the order of ids."""
    categories: dict[Id, str] = {}
    for index, item in enumerate(entries):
        key, name = _id(item, 'id'), _text(item, 'name')
        if key is None or not name:
            raise ValueError(f'{path}, categories[{index}]: there is no id or no name')
        if categories.setdefault(key, name) != name:
            raise ValueError(
                f'{path}, categories[{index}]: {name!r} has the id of {categories[key]!r}'
            )
    in_order = sorted(categories, key=lambda key: (isinstance(key, str), key))
    return {key: categories[key] for key in in_order}


def _distinct(categories: dict[Id | None, str]) -> tuple[str, ...]:
    """The names, of those that differ in case alone the first."""
    names: dict[str, str] = {}
    for name in categories.values():
        names.setdefault(name.lower(), name)
    return tuple(names.values())


def _read_images(
    path: str, entries: list, problems: Problems
) -> tuple[dict[Id | None, str], dict[str, ListedImage]]:
    """``img_id`` by the file's own ids; and the images by ``img_id``, all as negatives."""
    images: dict[str, ListedImage] = {}
    claims: dict[Id | None, dict[str, str]] = {}  # by id: img_id and its place
    for index, item in enumerate(entries):
        place = f'{path}, images[{index}]'
        key, name = _id(item, 'id'), _text(item, 'file_name')
        if key is None or not name:
            problems.append(('images without an id or a file_name, left out', place))
            continue
        try:
            name = inner_path(name)
        except ValueError as error:
            raise ValueError(f'{place}: {error}') from None
        img_id = image_id(name)
        row = images.setdefault(img_id, ListedImage(name, index + 1, []))
        if row.name != name:
            problems.append((ALIKE, f'{name} at {place}'))
            continue
        if row.line != index + 1:
            problems.append(('images listed twice, their objects are joined', f'{name} at {place}'))
        claims.setdefault(key, {})[img_id] = place
    for claim in claims.values():
        if len(claim) > 1:  # whose are the objects?
            for img_id, place in claim.items():
                problems.append(('images left out, another one has their id', place))
                images.pop(img_id, None)
    return {key: next(iter(claim)) for key, claim in claims.items() if len(claim) == 1}, images


def _read_box(item: dict, place: str, problems: Problems) -> Box | None:
    """The box; nan where it is no four numbers, None where there is none to be had."""
    if item.get('iscrowd'):
        problems.append(('annotations of groups (iscrowd), taken as one object', place))
    if item.get('bbox') is not None:
        x, y, width, height = _numbers(item['bbox'], 4) or NO_NUMBERS
        return x, y, x + width, y + height
    if isinstance(item.get('segmentation'), list) and item['segmentation']:
        return _extent(item['segmentation'])
    problems.append(('annotations without a box, their label alone counts', place))
    return None


def _extent(polygons: list) -> Box:
    """The box around polygons, each a list of x, y, x, y..."""
    corners = [_numbers(polygon) for polygon in polygons]
    if not all(corners):
        return NO_NUMBERS
    xs = [x for polygon in corners for x in polygon[0::2]]
    ys = [y for polygon in corners for y in polygon[1::2]]
    return (min(xs), min(ys), max(xs), max(ys)) if ys else NO_NUMBERS


def _numbers(values: Any, count: int | None = None) -> list[float]:
    """A list of finite numbers, of that count; an empty one where it is something else."""
    if not isinstance(values, list) or (count is not None and len(values) != count):
        return []
    try:
        numbers = [float(v) for v in values if type(v) in (int, float)]
    except OverflowError:  # integers have no end in Python
        return []
    return numbers if len(numbers) == len(values) and all(map(math.isfinite, numbers)) else []


def _id(item: Any, key: str) -> Id | None:
    value = item.get(key) if isinstance(item, dict) else None
    return value if type(value) in (int, str) else None


def _text(item: Any, key: str) -> str:
    value = item.get(key) if isinstance(item, dict) else None
    return value.strip() if isinstance(value, str) else ''


@DATASETS.register_module()
class CocoXray(AnnotationFileDataset):
    """Images annotated in COCO's JSON.

    Labels follow from the objects, and images without any are negatives. Classes are the file's
    categories in the order of their ids, unless ``metainfo`` gives them; objects of others are of
    an unknown class then, and an image with no other object is left out.

    Args:
        lazy_init: Read the classes alone.
        **kwargs: Arguments of :class:`XrayDataset`.

    Raises:
        ValueError: When the file lacks a class that ``metainfo`` names.
    """

    def __init__(self, lazy_init: bool = False, **kwargs: Any) -> None:
        super().__init__(lazy_init=True, **kwargs)
        declared = self.content.classes
        known = {name.lower() for name in declared}
        missing = [name for name in self.CLASSES or () if name.lower() not in known]
        if missing:
            raise ValueError(
                f'{self.ann_file} has no category {", ".join(missing)}, but {", ".join(declared)}: '
                'give the classes as they are spelt there'
            )
        if self.CLASSES is None:
            self._metainfo['classes'] = declared
        if not lazy_init:
            self.full_init()

    def read_file(self) -> AnnotationFile:
        """Read the JSON."""
        return read_coco(self.ann_file)

    def list_without(self, lines: set[int]) -> str:
        """The JSON without the images of these numbers and their annotations."""
        dropped = {image_id(row.name) for row in self.read_list() if row.line in lines}
        content = _read_json(self.ann_file)
        kept: list = []
        ids = set()
        for item in content['images']:
            if image_id(str(PurePosixPath(_text(item, 'file_name')))) in dropped:
                ids.add(_id(item, 'id'))
            else:
                kept.append(item)
        content['images'] = kept
        content['annotations'] = [
            item for item in content['annotations'] if _id(item, 'image_id') not in ids
        ]
        return json.dumps(content) + '\n'
