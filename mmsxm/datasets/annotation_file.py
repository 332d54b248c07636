"""Datasets that keep their list and all objects in one file."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from mmsxm.datasets.annotations import AnnotatedObject, ListedImage
from mmsxm.datasets.image_folder import ImageTree
from mmsxm.datasets.xray_dataset import XrayDataset

__all__ = ['AnnotationFile', 'AnnotationFileDataset']

ALIKE = 'skipped images: another image differs only in its suffix'


class AnnotationFile(NamedTuple):
    """Contents of an annotation file.

    ``objects`` maps each ``img_id`` to the objects of that image. ``problems`` lists pairs of
    kind and place. ``classes`` are the classes that the file declares, if any.
    """

    images: list[ListedImage]
    objects: dict[str, list[AnnotatedObject]]
    problems: list[tuple[str, str]]
    classes: tuple[str, ...] = ()


class AnnotationFileDataset(XrayDataset):
    """Dataset with one annotation file for all images.

    The images may be in subfolders of the image folder. In that case, ``img_id`` is the path
    relative to the image folder, without the suffix. A subclass implements :meth:`read_file`.
    """

    images_in = ImageTree

    @abstractmethod
    def read_file(self) -> AnnotationFile:
        """Read ``self.ann_file``. Raise a ValueError that names the file if it is malformed."""

    @cached_property
    def content(self) -> AnnotationFile:
        """Return the contents of the file. Raise FileNotFoundError if it does not exist."""
        self.check_list_file()
        return self.read_file()

    def load_data_list(self) -> list[dict]:
        """Match the images with their annotations."""
        data_list = super().load_data_list()
        del self.content  # otherwise every worker would copy it
        return data_list

    def read_list(self) -> Sequence[ListedImage]:
        """Return the images that the file lists."""
        return self.content.images

    def annotation_path(self, img_id: str) -> str:
        """Return the path of the single annotation file."""
        return self.ann_file

    def annotation_place(self, img_id: str) -> str:
        """Return the file and the name of the image in it."""
        return f'{self.ann_file}, {img_id}'

    def read_objects(self, img_id: str) -> list[AnnotatedObject]:
        """Return the objects of an image."""
        return self.content.objects.get(img_id, [])

    def list_problems(self) -> Sequence[tuple[str, str]]:
        """Return the problems found while reading the file."""
        return self.content.problems
