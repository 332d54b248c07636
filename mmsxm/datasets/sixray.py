"""SIXray (Miao et al., CVPR 2019): https://github.com/MeioJane/SIXray."""

import os
from collections.abc import Iterator
from typing import Any

from mmsxm.datasets.annotations import AnnotatedObject, ListedImage
from mmsxm.datasets.voc import read_voc_objects
from mmsxm.datasets.xray_dataset import XrayDataset
from mmsxm.io.safe_parsing import read_records
from mmsxm.registry import DATASETS

__all__ = ['SIXray', 'read_label_csv']

NAME_COLUMN = 'name'
POSITIVE = {'1': True, '-1': False, '0': False}


def read_label_csv(path: str, classes: tuple[str, ...]) -> Iterator[ListedImage]:
    """Read a CSV file with a column ``name`` and one column per class, in any order.

    A label is 1 for positive, and -1 or 0 for negative.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: A column or a value is missing, or a value is not a label. The message names the
            file and the line.
    """
    columns, rows = read_records(path)
    missing = [column for column in (NAME_COLUMN, *classes) if column not in columns]
    if missing:
        raise ValueError(
            f'{path}:1: the header {",".join(columns)!r} has no column {", ".join(missing)}. '
            f'Write it as name,{",".join(classes)}.'
        )
    for line, row in rows:
        try:
            gt_label = [i for i, name in enumerate(classes) if POSITIVE[row[name].strip()]]
        except KeyError as error:
            raise ValueError(
                f'{path}:{line}: {error} is not a label. Write 1 for positive, and -1 or 0 for '
                'negative.'
            ) from None
        yield ListedImage(row[NAME_COLUMN].strip(), line, gt_label)


@DATASETS.register_module()
class SIXray(XrayDataset):
    """SIXray in the layout of its release.

    ``ImageSet/<image_set>/<split>.csv`` contains the labels, ``JPEGImage`` the images, and
    ``Annotation/<name>.xml`` the boxes of positive images. The labels of the CSV file count, and
    objects only add boxes, whose classes never change a label. Hammers have boxes but no label, and
    are skipped as an unknown class.

    Args:
        data_root: Folder of the release.
        split: ``train`` or ``test``.
        image_set: Folder under ``ImageSet``: ``10``, ``100``, ``1000`` or your own.
        ann_file: Another list in the same form, instead of that of ``image_set`` and ``split``: an
            absolute path, or one relative to ``data_root``.
        **kwargs: Further arguments of :class:`XrayDataset`.
    """

    METAINFO = {'classes': ('Gun', 'Knife', 'Pliers', 'Scissors', 'Wrench')}

    def __init__(
        self,
        data_root: str,
        split: str = 'train',
        image_set: str | int = '10',
        ann_file: str | None = None,
        **kwargs: Any,
    ) -> None:
        if split not in ('train', 'test'):
            raise ValueError(f"SIXray has no split {split!r}: set split to 'train' or 'test'.")
        super().__init__(
            ann_file=ann_file or f'ImageSet/{image_set}/{split}.csv',
            data_root=data_root,
            data_prefix={'img_path': 'JPEGImage'},
            **kwargs,
        )

    def read_list(self) -> Iterator[ListedImage]:
        """Read the CSV file of the split."""
        return read_label_csv(self.ann_file, tuple(self.CLASSES))

    def annotation_path(self, img_id: str) -> str:
        """Return the path of the XML file of an image."""
        return os.path.join(self.data_root, 'Annotation', f'{img_id}.xml')

    def read_objects(self, img_id: str) -> list[AnnotatedObject]:
        """Read the XML file of an image."""
        return read_voc_objects(self.annotation_path(img_id))
