"""Show what the network sees: images after the transforms, with what is to be learnt from them."""

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import BaseDataElement

from mmsxm.registry import DATASETS
from mmsxm.visualization.overlays import caption, draw_boxes, overlay_map, relative_map

LEVELS = {-1: 'none', 0: 'P3', 1: 'P4', 2: 'P5'}
SHOWN_SIDE = 336  # small inputs are enlarged to it, so that captions can be read


def to_rgb(inputs: np.ndarray) -> np.ndarray:
    """Turn a packed BGR image ``(3, H, W)`` into RGB ``(H, W, 3)``."""
    return np.ascontiguousarray(inputs.transpose(1, 2, 0)[..., ::-1])


def picture(image: np.ndarray, sample: BaseDataElement, classes: tuple[str, ...]) -> np.ndarray:
    """Draw boxes, the target or predicted map, and words about one sample on its RGB image."""
    scale = max(1, round(SHOWN_SIDE / max(image.shape[:2])))
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    if 'attention_map' in sample:
        image = overlay_map(image, relative_map(sample.attention_map.numpy()))
    elif 'gt_heatmap' in sample:
        image = overlay_map(image, sample.gt_heatmap[0].numpy())
    if 'gt_bboxes' in sample:
        image = draw_boxes(image, np.asarray(sample.gt_bboxes) * scale)
    lines = ['has: ' + (', '.join(classes[i] for i in sample.gt_label.tolist()) or 'nothing')]
    if 'pred_score' in sample:
        scores = sorted(zip(sample.pred_score.tolist(), classes, strict=True), reverse=True)
        lines.append('says: ' + ', '.join(f'{name} {score:.2f}' for score, name in scores[:3]))
    if 'level_weights' in sample:
        weights = sample.level_weights.tolist()
        lines.append('levels: ' + ' '.join(f'{weight:.2f}' for weight in weights))
    if 'gt_meta_level' in sample:
        lines.append(f'level to trust: {LEVELS[int(sample.gt_meta_level)]}')
    return caption(image, *lines)


def browse(cfg: Config, phase: str, number: int, epoch: int = 0) -> list[np.ndarray]:
    """Draw images of a phase's data set, evenly spread over its length.

    Args:
        cfg: The config; ``{phase}_dataloader.dataset`` is read.
        phase: ``'train'``, ``'val'`` or ``'test'``.
        number: Of pictures at most.
        epoch: Whose random crops and flips to show.
    """
    init_default_scope(cfg.get('default_scope', 'mmpretrain'))
    dataset = DATASETS.build(cfg[f'{phase}_dataloader'].dataset)
    dataset.set_epoch(cfg.get('randomness', {}).get('seed') or 0, epoch)
    pictures = []
    for index in np.linspace(0, len(dataset) - 1, min(number, len(dataset))).astype(int).tolist():
        data = dataset[index]
        image = to_rgb(data['inputs'].numpy())
        pictures.append(picture(image, data['data_samples'], dataset.metainfo['classes']))
    return pictures
