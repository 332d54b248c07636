"""Datasets in the format of YOLO: images, a text file for each, and ``data.yaml``."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from mmsxm.datasets.annotation_file import ALIKE
from mmsxm.datasets.annotations import AnnotatedObject, ListedImage
from mmsxm.datasets.class_names import check_declared
from mmsxm.datasets.image_folder import ImageTree, inner_path
from mmsxm.datasets.opixray import read_name_list
from mmsxm.datasets.xray_dataset import XrayDataset
from mmsxm.datasets.yolo import label_path, read_data_yaml, read_yolo_objects, to_pixels
from mmsxm.imaging.images import ImageError, image_id, list_images, read_size
from mmsxm.registry import DATASETS

__all__ = ['YoloXray']

Problems = list[tuple[str, str]]


@DATASETS.register_module()
class YoloXray(XrayDataset):
    """Dataset in the format of YOLO.

    ``data.yaml`` names the classes, and for each split a folder of images, a list of images, or
    several of them. Labels follow from the objects. An image whose text file is empty or missing is
    a negative. By default, the classes are those of ``data.yaml``; ``metainfo`` can select some.

    The image folder is ``images``, or ``data_root`` if there is no such folder, as in exports of
    Roboflow (``train/images``). Names are relative to it.

    Args:
        data_root: Folder that contains ``data.yaml``.
        split: ``train``, ``val`` or ``test``.
        data_prefix: ``img_path`` is the folder of the images.
        lazy_init: Read only ``data.yaml``.
        **kwargs: Further arguments of :class:`XrayDataset`.

    Raises:
        ValueError: ``data.yaml`` has no such split, or no class that ``metainfo`` names.
    """

    images_in = ImageTree

    def __init__(
        self,
        data_root: str,
        split: str = 'train',
        data_prefix: dict[str, str] | None = None,
        lazy_init: bool = False,
        **kwargs: Any,
    ) -> None:
        root = os.path.expanduser(data_root)
        self.split = split
        self.data_yaml = os.path.join(root, 'data.yaml')
        self.data = read_data_yaml(self.data_yaml)
        entries = self.data.entries.get(split)
        if entries is None:
            raise ValueError(
                f'{self.data_yaml} has no {split}. Add {split}: with a folder of images or a .txt '
                'list, or create the lists with mmsxm split (docs/own_data.md).'
            )
        self._entries = entries
        if data_prefix is None:
            has_images = os.path.isdir(os.path.join(root, 'images'))
            data_prefix = {'img_path': 'images' if has_images else ''}
        self._problems: Problems = []
        self._notes: Problems = []
        # img_id and objects of the file that was read last, with boxes in fractions of the image
        self._last_read: tuple[str, list[AnnotatedObject]] = ('', [])
        super().__init__(
            ann_file=', '.join(entries),
            data_root=data_root,
            data_prefix=data_prefix,
            lazy_init=True,
            **kwargs,
        )
        # of names that are relative to data_root
        self.prefix = os.path.relpath(self.img_prefix, self.data_root).replace(os.sep, '/')
        declared = tuple(self.data.names.values())
        check_declared(self.data_yaml, declared, self.CLASSES or ())
        if self.CLASSES is None:
            self._metainfo['classes'] = declared
        if not lazy_init:
            self.full_init()

    @property
    def list_name(self) -> str:
        """Return the name of the list of the split."""
        return f'{self.split}.txt'

    def check_list_file(self) -> None:
        """Check that the folders and lists of the split exist.

        Raises:
            FileNotFoundError: One does not.
        """
        for entry in self._entries:
            if not os.path.exists(path := os.path.join(self.data_root, entry)):
                raise FileNotFoundError(
                    f'{path!r}, the {self.split} of {self.data_yaml}, does not exist. Correct the '
                    'entry, or set data_root to the folder of the dataset.'
                )

    def read_list(self) -> Iterator[ListedImage]:
        """Yield the images of the split, and find the negatives from the text files.

        Raises:
            ValueError: A path leaves the image folder, or no image has a text file.
        """
        self._problems, self._notes = [], []
        if self.data.ignored_path:
            kind = 'path in data.yaml is ignored, because data_root takes its place'
            self._notes.append((kind, self.data.ignored_path))
        names: dict[str, str] = {}
        labeled, unlabeled = False, ''
        for line, name, place in self.listed_names():
            img_id = image_id(name)
            if img_id in names:
                same = names[img_id] == name
                kind = 'images listed more than once (one entry is used)' if same else ALIKE
                self._problems.append((kind, f'{name} at {place}'))
                continue
            names[img_id] = name
            path = self.annotation_path(img_id)
            if os.path.isfile(path):
                labeled = True
            elif self.image_folder.find(name):
                unlabeled = path
                self._notes.append(('images without a text file, read as harmless bags', path))
            yield ListedImage(name, line, [] if self._is_empty(img_id) else None, place)
        if unlabeled and not labeled:
            raise ValueError(
                f'None of the {len(names):,} images of {self.ann_file} has a text file, such as '
                f'{unlabeled}, so all of them would be harmless bags. Put the text files there. An '
                'empty one marks a harmless bag.'
            )

    def listed_names(self) -> Iterator[tuple[int, str, str]]:
        """Yield each image of the split: a number, its name in the image folder, and its place.

        The number is the line, or counts the images if there are several lists or folders.
        """
        number, root = 0, PurePosixPath(self.data.folder)
        for entry in self._entries:
            path = os.path.join(self.data_root, entry)
            if os.path.isdir(path):
                listed = [
                    (os.path.relpath(image, self.data_root).replace(os.sep, '/'), 0)
                    for image in list_images(path)
                ]
            else:
                beside = PurePosixPath(entry).parent
                listed = [
                    (str((beside if row.name.startswith('./') else root) / row.name), row.line)
                    for row in read_name_list(path)
                ]
            for name, line in listed:
                number = line if line and self._entries == [entry] else number + 1
                place = f'{path}:{line}' if line else path
                yield number, self._inside(name, place), place

    def _inside(self, path: str, place: str) -> str:
        """Return a path relative to the image folder, from one relative to ``data_root``."""
        try:
            inside = PurePosixPath(inner_path(path))
        except ValueError as error:
            raise ValueError(f'{place}: {error}') from None
        if not inside.is_relative_to(self.prefix):
            raise ValueError(
                f'{place}: {path!r} is not in the image folder {self.prefix!r}. Move it there, or '
                "set data_prefix=dict(img_path='')."
            )
        return str(inside.relative_to(self.prefix))

    def _is_empty(self, img_id: str) -> bool:
        try:
            return not self.read_fractions(img_id)
        except (OSError, ValueError):
            return False

    def annotation_path(self, img_id: str) -> str:
        """Return the path of the text file of an image."""
        image = self.image_folder.find(img_id) or os.path.join(self.img_prefix, img_id)
        inside = os.path.relpath(image, self.data_root).replace(os.sep, '/')
        return os.path.join(self.data_root, label_path(inside))

    def read_fractions(self, img_id: str) -> list[AnnotatedObject]:
        """Read the text file of an image. The last one is cached, because the list needs it too."""
        if self._last_read[0] != img_id:
            path = self.annotation_path(img_id)
            objects = read_yolo_objects(path, self.data.names) if os.path.isfile(path) else []
            self._last_read = img_id, objects
        return self._last_read[1]

    def read_objects(self, img_id: str) -> list[AnnotatedObject]:
        """Read the text file of an image, and its size to convert the boxes to pixels.

        Raises:
            ImageError: The size is unreadable.
            ValueError: The text file is malformed. The message names it.
        """
        objects = self.read_fractions(img_id)
        image = self.image_folder.find(img_id)
        if not objects or image is None:
            return objects
        try:
            size = read_size(image)
        except OSError as error:
            raise ImageError(str(error)) from error
        return [item._replace(bbox=to_pixels(item.bbox, size)) for item in objects]

    def list_problems(self) -> Problems:
        """Return the images that are listed twice; call it after :meth:`read_list`."""
        return self._problems

    def list_notes(self) -> Problems:
        """Return the images without a text file; call it after :meth:`read_list`."""
        return self._notes

    def list_digest(self) -> str:
        """Return the SHA-256 of the names of the images."""
        names = '\n'.join(name for _, name, _ in self.listed_names())
        return hashlib.sha256(names.encode('utf-8', 'surrogateescape')).hexdigest()

    def list_without(self, lines: set[int]) -> str:
        """Return a list of the images without those at the given lines."""
        kept = (
            PurePosixPath(self.prefix, name)
            for number, name, _ in self.listed_names()
            if number not in lines
        )
        return ''.join(f'./{path}\n' for path in kept)
