"""Pictures of the images after the transforms, with their targets: what the network sees."""

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmsxm.datasets.wrapped_datasets import xray_datasets
from mmsxm.registry import DATASETS
from mmsxm.visualization.pictures import picture, to_rgb


def browse(cfg: Config, phase: str, number: int, epoch: int = 0) -> list[np.ndarray]:
    """Draw images of the dataset of a phase, spread evenly over its length.

    Args:
        cfg: The config. ``{phase}_dataloader.dataset`` is read.
        phase: ``'train'``, ``'val'`` or ``'test'``.
        number: Maximum number of pictures.
        epoch: Epoch whose random crops and flips are shown.
    """
    init_default_scope(cfg.get('default_scope', 'mmpretrain'))
    dataset = DATASETS.build(cfg[f'{phase}_dataloader'].dataset)
    for inner in xray_datasets(dataset):
        inner.set_epoch(cfg.get('randomness', {}).get('seed') or 0, epoch)
    pictures = []
    for index in np.linspace(0, len(dataset) - 1, min(number, len(dataset))).astype(int).tolist():
        data = dataset[index]
        image = to_rgb(data['inputs'].numpy())
        pictures.append(picture(image, data['data_samples'], dataset.metainfo['classes']))
    return pictures
