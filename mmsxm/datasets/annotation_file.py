"""Datasets that keep their list and all objects in one file."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from mmsxm.datasets.annotations import AnnotatedObject, ListedImage
from mmsxm.datasets.image_folder import ImageTree
from mmsxm.datasets.xray_dataset import XrayDataset
from mmsxm.imaging.images import image_id

__all__ = ['AnnotationFile', 'AnnotationFileDataset', 'merge_files']

ALIKE = 'skipped images: another image differs only in its suffix'


class AnnotationFile(NamedTuple):
    """Contents of an annotation file.

    ``objects`` maps each ``img_id`` to the objects of that image. ``problems`` lists pairs of
    kind and place, and so does ``notes`` for what is not a problem. ``classes`` are the classes
    that the file declares, if any.
    """

    images: list[ListedImage]
    objects: dict[str, list[AnnotatedObject]]
    problems: list[tuple[str, str]]
    classes: tuple[str, ...] = ()
    notes: Sequence[tuple[str, str]] = ()


def merge_files(files: Sequence[AnnotationFile]) -> AnnotationFile:
    """Merge annotation files that may list the same images; their objects are joined.

    Lines of a file continue those of the file before it. An image that differs only in its suffix
    from one of an earlier file is a problem, and is left out with its objects.
    """
    images: dict[str, ListedImage] = {}
    objects: dict[str, list[AnnotatedObject]] = {}
    classes: dict[str, str] = {}
    problems: list[tuple[str, str]] = []
    end = 0  # line at which the files so far end
    for file in files:
        problems += file.problems
        alike = set()
        for row in file.images:
            img_id = image_id(row.name)
            known = images.setdefault(img_id, row._replace(line=end + row.line))
            if known.name != row.name:
                alike.add(img_id)
                problems.append((ALIKE, f'{row.name} at {row.place}'))
        end += max((row.line for row in file.images), default=0)
        for img_id, found in file.objects.items():
            if img_id not in alike:
                objects.setdefault(img_id, []).extend(found)
        for name in file.classes:
            classes.setdefault(name.lower(), name)
    rows = [
        row._replace(gt_label=None) if img_id in objects else row for img_id, row in images.items()
    ]
    notes = [note for file in files for note in file.notes]
    return AnnotationFile(rows, objects, problems, tuple(classes.values()), notes)


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
        """Return the place of the first object of an image, and the name of the image."""
        objects = self.read_objects(img_id)
        return f'{objects[0].place if objects else self.ann_file}, {img_id}'

    def read_objects(self, img_id: str) -> list[AnnotatedObject]:
        """Return the objects of an image."""
        return self.content.objects.get(img_id, [])

    def list_problems(self) -> Sequence[tuple[str, str]]:
        """Return the problems found while reading the file."""
        return self.content.problems

    def list_notes(self) -> Sequence[tuple[str, str]]:
        """Return the notes on the file."""
        return self.content.notes
