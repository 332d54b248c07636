"""Which level of the pyramid the images of a training set are taught to trust."""

from collections import Counter
from collections.abc import Iterable

from mmengine.dataset import Compose

from mmsxm.datasets import XrayDataset
from mmsxm.datasets.transforms import IntuitiveMetaLevel

__all__ = ['count_levels', 'taught_levels']

LEVELS = {'P3': 0, 'P4': 1, 'P5': 2, 'none': -1}


def count_levels(levels: Iterable[int]) -> dict[str, int]:
    """How often each level occurs, by its name; ``none`` is that of images without a label."""
    counts = Counter(levels)
    return {name: counts[level] for name, level in LEVELS.items()}


def taught_levels(dataset: XrayDataset) -> list[int] | None:
    """The level of every image, by neural labels (MF-N) or boxes (MF-I); None without either."""
    infos = (dataset.get_data_info(index) for index in range(len(dataset)))
    if dataset.meta_labels is not None:
        return [info['gt_meta_level'] for info in infos]
    transforms = dataset.pipeline.transforms
    for number, transform in enumerate(transforms, start=1):
        if isinstance(transform, IntuitiveMetaLevel):
            part = Compose(transforms[:number])
            return [int(part(info)['gt_meta_level']) for info in infos]
    return None
