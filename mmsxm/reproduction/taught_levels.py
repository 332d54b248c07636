"""The pyramid levels that the labels of a training set select."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np
from mmengine.dataset import Compose

from mmsxm.conventions import LEVELS
from mmsxm.datasets import XrayDataset
from mmsxm.datasets.annotations import Box, clip_box
from mmsxm.datasets.transforms import IntuitiveMetaLevel, intuitive_level
from mmsxm.io.safe_parsing import read_records

__all__ = ['count_levels', 'levels_of_boxes', 'taught_levels']


def count_levels(levels: Iterable[int]) -> dict[str, int]:
    """Count each level by its name; ``none`` counts images without a label."""
    counts = Counter(levels)
    named = {name: counts[level] for level, name in enumerate(LEVELS)}
    return named | {'none': counts[-1]}


def taught_levels(dataset: XrayDataset) -> list[int] | None:
    """Return the level of every image, from neural labels (MF-N) or boxes (MF-I), or None."""
    infos = (dataset.get_data_info(index) for index in range(len(dataset)))
    if dataset.meta_labels is not None:
        return [info['gt_meta_level'] for info in infos]
    transforms = dataset.pipeline.transforms
    for number, transform in enumerate(transforms, start=1):
        if isinstance(transform, IntuitiveMetaLevel):
            part = Compose(transforms[:number])
            return [int(part(info)['gt_meta_level']) for info in infos]
    return None


def levels_of_boxes(path: str | os.PathLike[str]) -> list[int]:
    """The levels of MF-I of images of which nothing but a csv of their boxes is there.

    Args:
        path: With a line for each box, and the columns ``xml``, the image's annotation file, its
            ``height`` and ``width``, and ``xmin``, ``ymin``, ``xmax`` and ``ymax``, 1-based.

    Raises:
        FileNotFoundError: Without the file.
        ValueError: It is malformed.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f'there is no csv of boxes {os.fspath(path)!r}')
    boxes: dict[str, list[Box]] = defaultdict(list)
    sizes: dict[str, tuple[int, int]] = {}
    _, rows = read_records(path)
    for line, row in rows:
        try:
            x1, y1, x2, y2 = (float(row[key]) - 1 for key in ('xmin', 'ymin', 'xmax', 'ymax'))
            name, size = row['xml'], (int(row['height']), int(row['width']))
            box = clip_box((x1, y1, x2, y2), size)
        except (KeyError, ValueError, OverflowError) as error:
            raise ValueError(f'{path}:{line} is no box of an image: {error!r}') from error
        if sizes.setdefault(name, size) != size:
            raise ValueError(f'{path}:{line} gives {name!r} another size than a line before')
        boxes[name] += [box] if box else []
    if not boxes:
        raise ValueError(f'{path} holds no box')
    return [
        intuitive_level(np.array(there).reshape(-1, 4), sizes[name])
        for name, there in boxes.items()
    ]
