"""The pyramid levels that the labels of a training set select."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np
from mmengine.dataset import Compose

from mmsxm.conventions import LEVELS
from mmsxm.datasets import XrayDataset
from mmsxm.datasets.annotations import Box, clip_box
from mmsxm.datasets.transforms import (
    IntuitiveMetaLevel,
    ItemCrop,
    ThreatImageProjection,
    intuitive_level,
)
from mmsxm.io.safe_parsing import read_records

__all__ = ['count_levels', 'levels_of_boxes', 'taught_levels']


def count_levels(levels: Iterable[int]) -> dict[str, int]:
    """Count each level by its name; ``none`` counts images without a label."""
    counts = Counter(levels)
    named = {name: counts[level] for level, name in enumerate(LEVELS)}
    return named | {'none': counts[-1]}


def taught_levels(dataset: XrayDataset) -> list[int] | None:
    """Return the level of every image, from neural labels (MF-N) or boxes (MF-I), else None.

    The result is also None if an image has another level in each epoch, because the pipeline crops
    around a random box, or projects random items, before it computes the level.
    """
    infos = (dataset.get_data_info(index) for index in range(len(dataset)))
    if dataset.meta_labels is not None:
        return [info['gt_meta_level'] for info in infos]
    transforms = dataset.pipeline.transforms
    for number, transform in enumerate(transforms, start=1):
        if isinstance(transform, ItemCrop | ThreatImageProjection):
            return None
        if isinstance(transform, IntuitiveMetaLevel):
            pipeline = Compose(transforms[:number])
            return [int(pipeline(info)['gt_meta_level']) for info in infos]
    return None


def levels_of_boxes(path: str | os.PathLike[str]) -> list[int]:
    """Return the MF-I levels of images from a CSV file of their boxes. The images are not needed.

    Args:
        path: Csv file with a line for each box. Its columns are ``xml``, the annotation file of the
            image, its ``height`` and ``width``, and ``xmin``, ``ymin``, ``xmax`` and ``ymax``,
            1-based.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is malformed.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f'There is no CSV file of boxes at {os.fspath(path)!r}. Name another file.'
        )
    boxes: dict[str, list[Box]] = defaultdict(list)
    sizes: dict[str, tuple[int, int]] = {}
    _, rows = read_records(path)
    for line, row in rows:
        try:
            x1, y1, x2, y2 = (float(row[key]) - 1 for key in ('xmin', 'ymin', 'xmax', 'ymax'))
            name, size = row['xml'], (int(row['height']), int(row['width']))
            box = clip_box((x1, y1, x2, y2), size)
        except (KeyError, ValueError, OverflowError) as error:
            raise ValueError(f'{path}:{line} is not a box of an image: {error!r}') from error
        if sizes.setdefault(name, size) != size:
            raise ValueError(
                f'{path}:{line}: the size of {name!r} differs from that in an earlier line. '
                'Correct its height and width.'
            )
        boxes[name] += [box] if box else []
    if not boxes:
        raise ValueError(f'{path} contains no boxes. Name a file with a line for each box.')
    return [
        intuitive_level(np.array(image_boxes).reshape(-1, 4), sizes[name])
        for name, image_boxes in boxes.items()
    ]
