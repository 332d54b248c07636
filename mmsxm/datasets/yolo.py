"""Files of the YOLO format: ``data.yaml`` and a text file with the objects of each image.

Format: https://docs.ultralytics.com/datasets/detect/ and
https://docs.cvat.ai/docs/dataset_management/formats/format-yolo-ultralytics/.
"""

import math
import os
import posixpath
import re
from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple

from mmsxm.datasets.annotations import AnnotatedObject, Box
from mmsxm.datasets.image_folder import leads_out
from mmsxm.datasets.opixray import read_name_list
from mmsxm.io.yaml_files import parse_yaml, read_yaml

__all__ = [
    'DataYaml',
    'label_path',
    'read_data_yaml',
    'read_yolo_objects',
    'to_pixels',
    'with_entries',
]

SPLITS = ('train', 'val', 'test')
# entries of a data.yaml in block style, each with its indented lines and list items
OLD_ENTRIES = re.compile(
    r'^(?:path|train|val|test)[ \t]*:.*\n?(?:(?:[ \t]+\S|- ).*\n?)*', re.MULTILINE
)
DECIMALS = 2  # of a pixel. Tools write six decimals of the image, 0.005 pixels of 5,000


class DataYaml(NamedTuple):
    """Content of a ``data.yaml``.

    ``names`` maps the class numbers, as text, to the names. ``entries`` maps ``train``, ``val``
    and ``test`` to folders and lists relative to ``data_root``. ``folder`` is the subfolder of
    ``data_root`` that lists are relative to. ``ignored_path`` is a ``path`` that names another
    place than ``data_root``.
    """

    names: dict[str, str]
    entries: dict[str, list[str]]
    folder: str
    ignored_path: str


def read_data_yaml(path: str) -> DataYaml:
    """Read a ``data.yaml``.

    The folder of the file takes the place of ``path``, which is often a folder on another machine.
    Only a ``path`` that names one of its subfolders is used. A ``../`` at the start of an entry is
    dropped, as Ultralytics does, because Roboflow writes it.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not YAML, names no classes, describes keypoints, or an entry leaves
            the folder.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f'The file {path!r} does not exist. Set data_root, or the environment variable that '
            'the config names, to the folder of the dataset (docs/own_data.md).'
        )
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise ValueError(f'{path} is not a data.yaml: it has no names. Export the data again.')
    if 'kpt_shape' in content:
        raise ValueError(
            f'{path} describes keypoints (kpt_shape). Export boxes or polygons instead.'
        )
    folder, ignored = _folder(path, content.get('path') or '')
    entries = {}
    for split in SPLITS:
        values = content.get(split) or []
        values = [values] if isinstance(values, str) else values
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise ValueError(
                f'{path}: {split} is {values!r}. Write a folder of images, a .txt list, or a list '
                'of them.'
            )
        if values:
            entries[split] = [_entry(path, folder, value) for value in values]
    return DataYaml(_names(path, content.get('names')), entries, folder, ignored)


def _folder(path: str, value: Any) -> tuple[str, str]:
    """Return the subfolder that ``path`` names, and a ``path`` that names no subfolder."""
    normal = posixpath.normpath(value) if isinstance(value, str) and value else '.'
    leaves = normal.startswith(('/', '..')) or '\\' in normal or PureWindowsPath(normal).drive
    if normal == '.':
        return '', ''
    if leaves or not os.path.isdir(os.path.join(os.path.dirname(path), normal)):
        return '', str(value)
    return normal, ''


def _entry(path: str, folder: str, value: str) -> str:
    entry = value.strip()
    while entry.startswith('../'):
        entry = entry[3:]
    if leads_out(entry):
        raise ValueError(
            f'{path}: {value!r} is not a path inside the folder of this file. Write it relative to '
            "that folder, with / and without '..'."
        )
    return str(PurePosixPath(folder, entry))


def _names(path: str, names: Any) -> dict[str, str]:
    if isinstance(names, list):
        names = {str(number): name for number, name in enumerate(names)}
    valid = isinstance(names, dict) and names
    if not valid or not all(isinstance(v, str) and v.strip() for v in names.values()):
        raise ValueError(
            f'{path} has no names of classes. Write names: [Gun, Knife], in the order of the class '
            'numbers.'
        )
    if wrong := [key for key in names if not re.fullmatch('[0-9]{1,9}', str(key))]:
        raise ValueError(f'{path}: the class number {wrong[0]!r} in names is not a number.')
    return {str(int(key)): name.strip() for key, name in names.items()}


def with_entries(text: str, entries: Mapping[str, str], place: str) -> str:
    """Return the text of a ``data.yaml`` with other entries, and the rest as it was.

    ``path`` is removed, so that the entries are relative to the folder of the file.

    Raises:
        ValueError: The old entries are not in block style, such as ``train: images/train``.
    """
    kept = OLD_ENTRIES.sub('', text).rstrip('\n')
    new = '\n'.join([kept, *(f'{split}: {name}' for split, name in entries.items()), ''])
    expected = parse_yaml(text.encode(), place)
    for key in ('path', *SPLITS):
        expected.pop(key, None)
    try:
        replaced = parse_yaml(new.encode(), place) == {**expected, **entries}
    except ValueError:  # what is left is not YAML, or an entry is still there
        replaced = False
    if not replaced:
        raise ValueError(
            f'The entries of {place} cannot be replaced. Write path, train, val and test in a line '
            'each, such as train: images.'
        )
    return new


def label_path(image: str) -> str:
    """Return the text file of an image, both relative to the root of the dataset.

    Ultralytics' rule: the last folder ``images`` becomes ``labels``. Without such a folder, the
    file lies beside the image.
    """
    *folders, name = image.split('/')
    for index in reversed(range(len(folders))):
        if folders[index] == 'images':
            folders[index] = 'labels'
            break
    return '/'.join([*folders, f'{posixpath.splitext(name)[0]}.txt'])


def read_yolo_objects(path: str, names: dict[str, str]) -> list[AnnotatedObject]:
    """Read the objects of an image; their boxes are xyxy in fractions of the image.

    A line is ``class cx cy w h``, or ``class x1 y1 x2 y2 x3 y3 ...`` with the corners of a polygon,
    whose extent is the box. A track id at the end, as CVAT writes it, is ignored. A class number
    without a name gives the class name ``class 7``.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: A line has another form. The message names the file and the line.
    """
    return [_read_object(f'{path}:{row.line}', row.name, names) for row in read_name_list(path)]


def _read_object(place: str, text: str, names: dict[str, str]) -> AnnotatedObject:
    first, *rest = text.split()
    try:
        number = float(first)
        values = [float(value) for value in rest]
        if not number.is_integer():
            raise ValueError
        if len(values) % 2 and len(values) >= 5 and values[-1].is_integer():
            values.pop()  # a track id
        if len(values) % 2 or len(values) < 4:
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError(
            f"{place}: {text[:80]!r} does not have the form 'class cx cy w h' or 'class x1 y1 x2 "
            "y2 x3 y3 ...'. A sixth value that is a confidence comes from predictions, which are "
            'not annotations. Fix the line.'
        ) from None
    key = str(int(number))
    return AnnotatedObject(names.get(key, f'class {key}'), _box(values), place)


def _box(values: list[float]) -> Box:
    if len(values) == 4:
        x, y, width, height = values
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2
    if not all(map(math.isfinite, values)):
        return (math.nan,) * 4
    xs, ys = values[0::2], values[1::2]
    return min(xs), min(ys), max(xs), max(ys)


def to_pixels(box: Box | None, image_size: tuple[int, int]) -> Box | None:
    """Convert a box in fractions of an image of size (h, w) to pixels, rounded to 0.01."""
    if box is None:
        return None
    height, width = image_size
    x1, y1, x2, y2 = (
        round(side * length, DECIMALS)
        for side, length in zip(box, (width, height) * 2, strict=True)
    )
    return x1, y1, x2, y2
