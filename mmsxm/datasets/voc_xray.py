"""Folders in the manner of Pascal VOC: http://host.robots.ox.ac.uk/pascal/VOC/."""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

from mmsxm.datasets.annotations import AnnotatedObject, ListedImage
from mmsxm.datasets.image_folder import ImageTree, inner_path
from mmsxm.datasets.opixray import read_name_list
from mmsxm.datasets.voc import read_voc_objects
from mmsxm.datasets.xray_dataset import XrayDataset
from mmsxm.imaging.images import image_id
from mmsxm.registry import DATASETS

__all__ = ['VocXray']


@DATASETS.register_module()
class VocXray(XrayDataset):
    """Images annotated in folders as Pascal VOC's; ``metainfo`` names the classes.

    ``ImageSets/Main/<split>.txt`` lists the images of ``JPEGImages``, which may lie in folders
    there, and ``Annotations/<name>.xml`` holds their boxes, which give the labels too. An XML
    without objects makes a negative. An image without an XML is left out: nothing says that
    anyone looked at it.

    Args:
        data_root: The folder of all these.
        split: The list's name, such as ``train``, ``trainval`` or ``test``.
        **kwargs: Further arguments of :class:`XrayDataset`.
    """

    images_in = ImageTree

    def __init__(self, data_root: str, split: str = 'train', **kwargs: Any) -> None:
        self._last_read: tuple[str, list[AnnotatedObject]] = '', []  # img_id and its objects
        super().__init__(
            ann_file=f'ImageSets/Main/{split}.txt',
            data_root=data_root,
            data_prefix={'img_path': 'JPEGImages'},
            **kwargs,
        )

    def read_list(self) -> Iterator[ListedImage]:
        """Read the names, each once, and from the XML files which images are negatives."""
        seen = set()
        for row in read_name_list(self.ann_file):
            try:
                name = inner_path(row.name)
            except ValueError as error:
                raise ValueError(f'{self.ann_file}:{row.line}: {error}') from None
            img_id = image_id(name)
            if img_id not in seen:
                seen.add(img_id)
                yield ListedImage(name, row.line, [] if self._is_empty(img_id) else None)

    def _is_empty(self, img_id: str) -> bool:
        """Whether an XML says that an image has no objects."""
        try:
            return not self.read_objects(img_id)
        except (OSError, ValueError):  # a listed name may be longer than any file's
            return False

    def annotation_path(self, img_id: str) -> str:
        """The image's XML file."""
        return os.path.join(self.data_root, 'Annotations', f'{img_id}.xml')

    def read_objects(self, img_id: str) -> list[AnnotatedObject]:
        """Read an XML file; the last one is kept, since the list is read from it too."""
        if self._last_read[0] != img_id:
            self._last_read = img_id, read_voc_objects(self.annotation_path(img_id))
        return self._last_read[1]

    def list_problems(self) -> Iterator[tuple[str, str]]:
        """Images that are listed twice."""
        counts = Counter(image_id(row.name) for row in read_name_list(self.ann_file))
        for img_id, count in counts.items():
            if count > 1:
                yield 'images listed twice, taken once', img_id
