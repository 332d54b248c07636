"""COCO exports of CVAT and Datumaro, with the labels of whole images.

Layout: https://docs.cvat.ai/docs/dataset_management/formats/format-coco/ and
https://open-edge-platform.github.io/datumaro/stable/docs/data-formats/formats/coco.html:

- ``annotations/instances_<subset>.json`` has boxes, polygons and masks;
- ``annotations/labels_<subset>.json`` has the labels of whole images (tags in CVAT), as annotations
  that consist of ``image_id`` and ``category_id``. It is an extension of Datumaro;
- ``images/<subset>`` has the images. Names in the files are relative to it.

Both files list all images of the subset. An image that has only a tag has no annotation in the
first one, so reading it alone would make the image a negative. CVAT's format "COCO 1.0" writes the
first file only and drops the tags (https://github.com/cvat-ai/cvat/issues/6368).
"""

import glob
import hashlib
import os
from typing import Any

from mmsxm.datasets.annotation_file import AnnotationFile, merge_files
from mmsxm.datasets.coco_joining import join_files
from mmsxm.datasets.coco_xray import CocoXray, read_coco, read_coco_json
from mmsxm.io.files import sha256
from mmsxm.registry import DATASETS

__all__ = ['TASKS', 'DatumaroXray', 'annotation_files', 'subset_folder']

TASKS = ('instances', 'labels')


def subset_folder(images: str, subset: str) -> str:
    """Return the subfolder of the images of a subset; empty if all subsets share a folder."""
    return subset if os.path.isdir(os.path.join(images, subset)) else ''


def annotation_files(folder: str) -> list[str]:
    """Return the annotation files of all subsets, sorted."""
    return sorted(
        path for task in TASKS for path in glob.glob(f'{glob.escape(folder)}/{task}_*.json')
    )


@DATASETS.register_module()
class DatumaroXray(CocoXray):
    """Dataset in the layout of the COCO exports of CVAT and Datumaro.

    An image-level label becomes an unboxed label, unless its class has a box. See :class:`CocoXray`
    for the rest.

    Args:
        data_root: Folder that contains ``annotations`` and ``images``.
        split: Name of the subset, such as ``train``.
        **kwargs: Further arguments of :class:`XrayDataset`.
    """

    def __init__(self, data_root: str, split: str = 'train', **kwargs: Any) -> None:
        self.split = split
        root = os.path.expanduser(data_root)
        names = [f'annotations/{task}_{split}.json' for task in TASKS]
        self._names = [name for name in names if os.path.isfile(os.path.join(root, name))]
        super().__init__(
            ann_file=(self._names or names)[0],
            data_root=data_root,
            data_prefix={'img_path': 'images'},
            **kwargs,
        )

    @property
    def list_name(self) -> str:
        """Return the name of the fixed list, which is a single COCO file."""
        return f'{self.split}.json'

    def check_list_file(self) -> None:
        """Check that one of the annotation files exists.

        Raises:
            FileNotFoundError: None does. The message names those of other subsets.
        """
        if not self._names:
            folder = os.path.dirname(self.ann_file)
            found = sorted(os.path.basename(path) for path in annotation_files(folder))
            others = f'There are {", ".join(found)}. ' if found else ''
            raise FileNotFoundError(
                f'The list {self.ann_file!r} does not exist. {others}Export the subset '
                f'{self.split!r}, or create three lists with mmsxm split (docs/own_data.md).'
            )

    def read_file(self) -> AnnotationFile:
        """Read boxes and image-level labels."""
        folder = subset_folder(self.img_prefix, self.split)
        return merge_files([read_coco(path, folder) for path in self._paths()])

    def list_notes(self) -> list[tuple[str, str]]:
        """Return the image-level labels, and the files of the subset that are not read."""
        folder = glob.escape(os.path.dirname(self.ann_file))
        found = sorted(glob.glob(f'{folder}/*_{glob.escape(self.split)}.json'))
        unread = [path for path in found if path not in self._paths()]
        kind = 'annotation files that are not read'
        return [*super().list_notes(), *((kind, path) for path in unread)]

    def list_digest(self) -> str:
        """Return the SHA-256 of the digests of the files."""
        return hashlib.sha256(''.join(map(sha256, self._paths())).encode()).hexdigest()

    def read_content(self) -> dict[str, list]:
        """Return the content of all files, joined into one."""
        folder = subset_folder(self.img_prefix, self.split)
        return join_files([(read_coco_json(path), folder) for path in self._paths()])

    def _paths(self) -> list[str]:
        return [os.path.join(self.data_root, *name.split('/')) for name in self._names]
