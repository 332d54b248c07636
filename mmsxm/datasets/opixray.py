"""OPIXray (Wei et al., ACM MM 2020): https://github.com/OPIXray-author/OPIXray."""

import os
from collections.abc import Iterator
from typing import Any

from mmsxm.conventions import OCCLUSION_LEVELS
from mmsxm.datasets.annotations import AnnotatedObject, ListedImage
from mmsxm.datasets.xray_dataset import XrayDataset
from mmsxm.imaging.images import image_id
from mmsxm.registry import DATASETS

__all__ = ['OPIXray', 'read_box_lines', 'read_name_list']


def read_name_list(path: str) -> Iterator[ListedImage]:
    """Read a list with one image name per line.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not a text file. The message names the file.
    """
    for line, text in _text_lines(path):
        yield ListedImage(text, line, None)


def read_box_lines(path: str) -> list[AnnotatedObject]:
    """Read a text file of lines ``image_name class x1 y1 x2 y2``.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: A line has another form. The message names the file and the line.
    """
    objects = []
    for line, text in _text_lines(path):
        try:
            _, class_name, *corners = text.split()
            x1, y1, x2, y2 = map(float, corners)
        except ValueError:
            raise ValueError(
                f"{path}:{line}: {text!r} does not have the form 'image_name class x1 y1 x2 y2'. "
                'Fix the line.'
            ) from None
        objects.append(AnnotatedObject(class_name, (x1, y1, x2, y2), f'{path}:{line}'))
    return objects


def _text_lines(path: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file that are not blank, each with its number."""
    try:
        with open(path, encoding='utf-8-sig') as file:
            for line, text in enumerate(file, start=1):
                if text.strip():
                    yield line, text.strip()
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is not a UTF-8 text file: {error}. Save it as UTF-8.') from error


@DATASETS.register_module()
class OPIXray(XrayDataset):
    """OPIXray in the layout of its release.

    ``<split>/<split>_knife.txt`` lists the images in ``<split>/<split>_image``, and
    ``<split>/<split>_annotation/<name>.txt`` contains their boxes, from which the labels follow.
    The lists of the occlusion levels are ``test/test_knife-1.txt`` to ``-3.txt``. Images in these
    lists have an ``occlusion_level`` in their data info.

    Args:
        data_root: Folder of the release.
        split: ``train`` or ``test``.
        occlusion_level: 1, 2 or 3 to load only the part of the test split where the knife is
            occluded to this degree.
        **kwargs: Further arguments of :class:`XrayDataset`.
    """

    METAINFO = {
        'classes': (
            'Folding_Knife',
            'Straight_Knife',
            'Scissor',
            'Utility_Knife',
            'Multi-tool_Knife',
        )
    }

    def __init__(
        self,
        data_root: str,
        split: str = 'train',
        occlusion_level: int | None = None,
        **kwargs: Any,
    ) -> None:
        if split not in ('train', 'test'):
            raise ValueError(f"OPIXray has no split {split!r}: set split to 'train' or 'test'.")
        if occlusion_level not in (None, *OCCLUSION_LEVELS):
            raise ValueError(f'occlusion_level must be None, 1, 2 or 3, not {occlusion_level!r}.')
        if occlusion_level is not None and split != 'test':
            raise ValueError(
                f"Only split='test' has occlusion levels, but split is {split!r}. Set "
                "split='test' or remove occlusion_level."
            )
        level = '' if occlusion_level is None else f'-{occlusion_level}'
        self.split = split
        super().__init__(
            ann_file=f'{split}/{split}_knife{level}.txt',
            data_root=data_root,
            data_prefix={'img_path': f'{split}/{split}_image'},
            **kwargs,
        )

    def read_list(self) -> Iterator[ListedImage]:
        """Read the image names of the split or of one occlusion level."""
        return read_name_list(self.ann_file)

    def load_data_list(self) -> list[dict]:
        """Match the images with their annotations and add the occlusion levels."""
        data_list = super().load_data_list()
        levels: dict[str, int] = {}
        for level in OCCLUSION_LEVELS:
            path = os.path.join(self.data_root, self.split, f'{self.split}_knife-{level}.txt')
            if os.path.isfile(path):  # the training split has none
                levels |= {image_id(row.name): level for row in read_name_list(path)}
        for data_info in data_list:
            if data_info['img_id'] in levels:
                data_info['occlusion_level'] = levels[data_info['img_id']]
        return data_list

    def annotation_path(self, img_id: str) -> str:
        """Return the path of the text file of an image."""
        return os.path.join(self.data_root, self.split, f'{self.split}_annotation', f'{img_id}.txt')

    def read_objects(self, img_id: str) -> list[AnnotatedObject]:
        """Read the text file of boxes of an image."""
        return read_box_lines(self.annotation_path(img_id))
