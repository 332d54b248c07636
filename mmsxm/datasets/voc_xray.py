"""Datasets in the layout of Pascal VOC: http://host.robots.ox.ac.uk/pascal/VOC/."""

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
    """Dataset in the folder layout of Pascal VOC; ``metainfo`` names the classes.

    ``ImageSets/Main/<split>.txt`` lists the images of ``JPEGImages`` and its subfolders.
    ``Annotations/<name>.xml`` contains their boxes, from which the labels follow. An XML without
    objects marks a negative. An image without an XML is skipped because it may never have been
    annotated.

    Args:
        data_root: Folder that contains these folders.
        split: Name of the list, such as ``train``, ``trainval`` or ``test``.
        **kwargs: Further arguments of :class:`XrayDataset`.
    """

    images_in = ImageTree

    def __init__(self, data_root: str, split: str = 'train', **kwargs: Any) -> None:
        # img_id and objects of the file that was read last
        self._last_read: tuple[str, list[AnnotatedObject]] = ('', [])
        super().__init__(
            ann_file=f'ImageSets/Main/{split}.txt',
            data_root=data_root,
            data_prefix={'img_path': 'JPEGImages'},
            **kwargs,
        )

    def read_list(self) -> Iterator[ListedImage]:
        """Read each name once, and find the negatives from the XML files."""
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
        """Return whether the image has an XML file without objects."""
        try:
            return not self.read_objects(img_id)
        except (OSError, ValueError):  # a listed name may be too long for a file name
            return False

    def annotation_path(self, img_id: str) -> str:
        """Return the path of the XML file of an image."""
        return os.path.join(self.data_root, 'Annotations', f'{img_id}.xml')

    def read_objects(self, img_id: str) -> list[AnnotatedObject]:
        """Read the XML file of an image.

        The last file is cached because reading the list needs it too.
        """
        if self._last_read[0] != img_id:
            self._last_read = img_id, read_voc_objects(self.annotation_path(img_id))
        return self._last_read[1]

    def list_problems(self) -> Iterator[tuple[str, str]]:
        """Yield the images that are listed more than once."""
        counts = Counter(image_id(row.name) for row in read_name_list(self.ann_file))
        for img_id, count in counts.items():
            if count > 1:
                yield 'images listed more than once (one entry is used)', img_id
