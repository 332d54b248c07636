"""Formats of own data, as far as three lists can be written in them.

A format reads the annotated images of a folder, and writes the lists that its dataset reads.
"""

import csv
import io
import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mmsxm.datasets.annotation_file import AnnotationFile, merge_files
from mmsxm.datasets.coco_joining import join_files
from mmsxm.datasets.coco_xray import coco_text, read_coco, read_coco_json
from mmsxm.datasets.csv_xray import read_object_csv
from mmsxm.datasets.datumaro_xray import TASKS, annotation_files, subset_folder
from mmsxm.datasets.image_folder import ImageFolder, ImageTree, inner_path
from mmsxm.datasets.opixray import read_name_list
from mmsxm.datasets.voc import read_voc_objects
from mmsxm.datasets.yolo import read_data_yaml, with_entries
from mmsxm.datasets.yolo_xray import YoloXray
from mmsxm.imaging.images import image_id
from mmsxm.io.safe_parsing import read_csv

__all__ = ['FORMATS', 'AnnotatedImage', 'SplitFormat']

Parts = Mapping[str, Collection[str]]
Problems = list[tuple[str, str]]


class AnnotatedImage(NamedTuple):
    """Image with its name in the lists, its file, and the classes of its objects."""

    name: str
    path: str
    classes: frozenset[str]


class SplitFormat(ABC):
    """Annotated images of a folder.

    Args:
        root: Folder of the dataset.
        lists: Files that list the images, relative to ``root``. Each format has its own default.

    Raises:
        FileNotFoundError: A list or the image folder does not exist.
        ValueError: A file is malformed.
    """

    image_folder = 'images'
    lists_have_annotations = False  # overwriting such a list would lose them
    replaced: tuple[str, ...] = ()  # files that may exist, because texts() keeps a copy

    def __init__(self, root: str, lists: Sequence[str] = ()) -> None:
        self.root = root
        self.lists = list(lists) or self.default_lists()
        self.problems: Problems = []
        for name in self.lists:
            if not os.path.isfile(self.path(name)):
                raise FileNotFoundError(
                    f'{self.path(name)} does not exist. Name the files to split relative to '
                    f'{root}, such as annotations/all.json.'
                )

    def default_lists(self) -> list[str]:
        """Return the lists to read if none are named."""
        return []

    @abstractmethod
    def classes_by_name(self) -> dict[str, frozenset[str]]:
        """Return the classes in each annotated image, by its name."""

    @abstractmethod
    def texts(self, parts: Parts) -> dict[Path, str]:
        """Return the texts of the lists, for the names in each of them."""

    def images(self) -> list[AnnotatedImage]:
        """Return the annotated images that exist, sorted by name; the others are problems."""
        images = []
        for name, classes in sorted(self.classes_by_name().items()):
            path = self.tree.find(name)
            if path is None:
                self.problems.append(('missing images', name))
            else:
                images.append(AnnotatedImage(name, path, classes))
        return images

    @cached_property
    def tree(self) -> ImageFolder:
        """Return the image folder, which is scanned once."""
        return ImageTree(os.path.join(self.root, self.image_folder))

    def path(self, name: str) -> str:
        """Return the path of a file of the dataset."""
        return os.path.join(self.root, name)

    def _classes(self, file: AnnotationFile) -> dict[str, frozenset[str]]:
        self.problems += file.problems
        return {
            row.name: frozenset(
                item.class_name for item in file.objects.get(image_id(row.name), [])
            )
            for row in file.images
        }


class CocoFormat(SplitFormat):
    """COCO JSON files, also exports of CVAT and Datumaro; several are joined."""

    lists_have_annotations = True

    def default_lists(self) -> list[str]:
        """Return the files of all subsets of an export of CVAT or Datumaro."""
        found = [
            os.path.relpath(path, self.root).replace(os.sep, '/')
            for path in annotation_files(self.path('annotations'))
        ]
        if not found:
            raise ValueError(
                f'{self.path("annotations")} has no instances_*.json or labels_*.json. Name the '
                'COCO files to split, such as annotations/all.json.'
            )
        return found

    def _files(self) -> list[tuple[str, str]]:
        """Return the path of each file, and the subfolder that its names are relative to."""
        files = []
        for name in self.lists:
            task, _, subset = PurePosixPath(name).stem.partition('_')
            images = self.path(self.image_folder)
            folder = subset_folder(images, subset) if subset and task in TASKS else ''
            files.append((self.path(name), folder))
        return files

    def classes_by_name(self) -> dict[str, frozenset[str]]:
        """Read the files."""
        return self._classes(
            merge_files([read_coco(path, folder) for path, folder in self._files()])
        )

    def texts(self, parts: Parts) -> dict[Path, str]:
        """Return a COCO file for each part."""
        content = join_files([(read_coco_json(path), folder) for path, folder in self._files()])
        return {
            Path(self.root, 'annotations', f'{split}.json'): coco_text(
                content, set(names).__contains__
            )
            for split, names in parts.items()
        }


class CsvFormat(SplitFormat):
    """CSV files with a row for each object; several must have the same columns."""

    lists_have_annotations = True

    def default_lists(self) -> list[str]:
        """Return the usual name."""
        return ['all.csv']

    def classes_by_name(self) -> dict[str, frozenset[str]]:
        """Read the files."""
        files = [read_object_csv(self.path(name)) for name in self.lists]
        return self._classes(merge_files(files))

    def texts(self, parts: Parts) -> dict[Path, str]:
        """Return the rows of each part, with all columns."""
        rows_of: dict[str, list[list[str]]] = {}
        header: list[str] = []
        for name in self.lists:
            first, *rows = (row for _, row in read_csv(self.path(name)))
            if header and header != first:
                raise ValueError(
                    f'{self.path(name)} has different columns from {self.path(self.lists[0])}. '
                    'Give all files the same header.'
                )
            header = first
            column = [title.strip() for title in header].index('image')
            for row in rows:
                rows_of.setdefault(inner_path(row[column].strip()), []).append(row)
        texts = {}
        for split, names in parts.items():
            text = io.StringIO()
            writer = csv.writer(text, lineterminator='\n')
            writer.writerow(header)
            writer.writerows(row for name in names for row in rows_of[name])
            texts[Path(self.root, f'{split}.csv')] = text.getvalue()
        return texts


class VocFormat(SplitFormat):
    """Folders of Pascal VOC: the images that have an XML file."""

    image_folder = 'JPEGImages'

    def classes_by_name(self) -> dict[str, frozenset[str]]:
        """Read the XML file of each image."""
        if self.lists:
            rows = [row.name for name in self.lists for row in read_name_list(self.path(name))]
            names = [inner_path(name) for name in rows]
        else:
            paths = [os.path.relpath(path, self.tree.folder) for path in self.tree]
            names = [path.replace(os.sep, '/') for path in paths]
        found: dict[str, frozenset[str]] = {}
        for name in names:
            img_id = image_id(name)
            try:
                objects = read_voc_objects(self.path(f'Annotations/{img_id}.xml'))
            except FileNotFoundError:
                self.problems.append(('images without an XML file, left out', name))
            except ValueError as error:
                self.problems.append(('unreadable annotations, left out', str(error)))
            else:
                found[img_id] = frozenset(item.class_name for item in objects)
        return found

    def texts(self, parts: Parts) -> dict[Path, str]:
        """Return a list of names for each part."""
        return {
            Path(self.root, 'ImageSets/Main', f'{split}.txt'): _lines(names)
            for split, names in parts.items()
        }


class YoloFormat(SplitFormat):
    """YOLO: the images of all entries of ``data.yaml``."""

    replaced = ('data.yaml',)

    def __init__(self, root: str, lists: Sequence[str] = ()) -> None:
        if lists:
            raise ValueError(
                'YOLO takes its images from data.yaml. Remove the other lists from the command.'
            )
        super().__init__(root)
        path = self.path('data.yaml')
        splits = tuple(read_data_yaml(path).entries)
        if not splits:
            raise ValueError(f'{path} does not list any images. Add the line train: images')
        self.sets = [
            YoloXray(root, split, lazy_init=True, pipeline=[], test_mode=True) for split in splits
        ]
        self.image_folder = self.sets[0].prefix

    @cached_property
    def tree(self) -> ImageFolder:
        """Return the image folder, which the first dataset has scanned."""
        return self.sets[0].image_folder

    def classes_by_name(self) -> dict[str, frozenset[str]]:
        """Read the text files."""
        found: dict[str, frozenset[str]] = {}
        for dataset in self.sets:
            dataset.check_list_file()
            for row in dataset.read_list():
                try:
                    objects = dataset.read_fractions(image_id(row.name))
                except ValueError as error:
                    self.problems.append(('unreadable annotations, left out', str(error)))
                else:
                    found[row.name] = frozenset(item.class_name for item in objects)
            self.problems += dataset.list_problems()
        return found

    def texts(self, parts: Parts) -> dict[Path, str]:
        """Return a list of paths for each part, and ``data.yaml`` with these lists.

        The first ``data.yaml`` is kept as ``data.old.yaml``.

        Raises:
            ValueError: The entries of ``data.yaml`` cannot be replaced.
        """
        prefix = PurePosixPath(self.image_folder)
        texts = {
            Path(self.root, f'{split}.txt'): _lines(f'./{prefix / name}' for name in names)
            for split, names in parts.items()
        }
        path = Path(self.root, 'data.yaml')
        old = path.read_text(encoding='utf-8-sig')
        backup = path.with_name('data.old.yaml')
        if not backup.exists():
            texts[backup] = old
        texts[path] = with_entries(old, {split: f'{split}.txt' for split in parts}, str(path))
        return texts


def _lines(names: Iterable[str]) -> str:
    return ''.join(f'{name}\n' for name in names)


FORMATS: dict[str, type[SplitFormat]] = {
    'coco': CocoFormat,
    'csv': CsvFormat,
    'voc': VocFormat,
    'yolo': YoloFormat,
}
