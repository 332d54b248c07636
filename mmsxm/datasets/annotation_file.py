"""Data sets whose list and objects stand in one file."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from mmsxm.datasets.annotations import AnnotatedObject, ListedImage
from mmsxm.datasets.image_folder import ImageTree
from mmsxm.datasets.xray_dataset import XrayDataset

__all__ = ['AnnotationFile', 'AnnotationFileDataset']

ALIKE = 'images left out, another one differs in the suffix alone'


class AnnotationFile(NamedTuple):
    """What such a file says.

    ``objects`` are those of each image, by ``img_id``; ``problems`` are kinds, each with a place;
    ``classes`` are those that the file declares, if it does.
    """

    images: list[ListedImage]
    objects: dict[str, list[AnnotatedObject]]
    problems: list[tuple[str, str]]
    classes: tuple[str, ...] = ()


class AnnotationFileDataset(XrayDataset):
    """A data set of one file for all images, which may lie in folders within their folder.

    ``img_id`` is then the path from there, without the suffix. A subclass reads the file.
    """

    images_in = ImageTree

    @abstractmethod
    def read_file(self) -> AnnotationFile:
        """Read ``self.ann_file``; ValueError with its name where it is malformed."""

    @cached_property
    def content(self) -> AnnotationFile:
        """What the file says; FileNotFoundError without it."""
        self.check_list_file()
        return self.read_file()

    def load_data_list(self) -> list[dict]:
        """Match images and annotations."""
        data_list = super().load_data_list()
        del self.content  # every worker would get a copy
        return data_list

    def read_list(self) -> Sequence[ListedImage]:
        """The images that the file names."""
        return self.content.images

    def annotation_path(self, img_id: str) -> str:
        """The one file."""
        return self.ann_file

    def annotation_place(self, img_id: str) -> str:
        """The file and the image's name in it."""
        return f'{self.ann_file}, {img_id}'

    def read_objects(self, img_id: str) -> list[AnnotatedObject]:
        """The image's objects."""
        return self.content.objects.get(img_id, [])

    def list_problems(self) -> Sequence[tuple[str, str]]:
        """What was found while reading the file."""
        return self.content.problems
