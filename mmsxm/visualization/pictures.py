"""Picture of one sample: its content, its targets, and the predictions of the network."""

import cv2
import matplotlib.pyplot as plt
import numpy as np
from mmengine.structures import BaseDataElement
from mmengine.visualization import Visualizer

from mmsxm.conventions import LEVELS
from mmsxm.datasets.transforms import draw_ellipses
from mmsxm.visualization.overlays import caption, draw_boxes, map_to_draw, overlay_map

SHOWN_SIDE = 336  # small inputs are enlarged to this size, so that captions are readable
MARK = 4  # pixels, half of the side of the square around a peak


def to_rgb(inputs: np.ndarray) -> np.ndarray:
    """Convert a packed BGR image ``(3, H, W)`` to RGB ``(H, W, 3)``."""
    return np.ascontiguousarray(inputs.transpose(1, 2, 0)[..., ::-1])  # (H, W, 3)


def picture(image: np.ndarray, sample: BaseDataElement, classes: tuple[str, ...]) -> np.ndarray:
    """Draw a sample on its RGB image: boxes, a map and text.

    The map is the predicted one if there is one, or else the ellipses of the boxes. If each class
    has a map, a small square marks the peak of each predicted class.
    """
    scale = max(1, round(SHOWN_SIDE / max(image.shape[:2])))
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    if 'attention_map' in sample:
        attention_map = map_to_draw(sample.attention_map.numpy(), sample.get('class_maps'))
        image = overlay_map(image, attention_map)
    if 'gt_bboxes' in sample:
        boxes = np.asarray(sample.gt_bboxes) * scale
        if 'attention_map' not in sample:
            size = image.shape[:2]
            image = overlay_map(image, draw_ellipses(boxes, size, size))
        image = draw_boxes(image, boxes)
    if 'class_maps' in sample and 'pred_label' in sample:
        labels = sample.pred_label.tolist()
        peaks = _peaks(sample.class_maps.numpy()[labels], image.shape[:2])
        image = draw_boxes(image, peaks, [classes[label] for label in labels])
    lines = ['label: ' + (', '.join(classes[i] for i in sample.gt_label.tolist()) or 'none')]
    if 'pred_score' in sample:
        scores = sorted(zip(sample.pred_score.tolist(), classes, strict=True), reverse=True)
        lines.append('pred: ' + ', '.join(f'{name} {score:.2f}' for score, name in scores[:3]))
    if 'level_weights' in sample:
        weights = sample.level_weights.tolist()
        lines.append('levels: ' + ' '.join(f'{weight:.2f}' for weight in weights))
    if 'gt_meta_level' in sample:
        level = int(sample.gt_meta_level)
        lines.append(f'target level: {"none" if level < 0 else LEVELS[level]}')
    return caption(image, *lines)


def _peaks(maps: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """Return squares around the highest cells of maps (n, h, w), in image pixels: (n, 4)."""
    size = maps.shape[1:]
    cells = maps.reshape(len(maps), size[0] * size[1]).argmax(axis=1)  # (n,)
    rows, columns = np.divmod(cells, size[1])
    y, x = (rows + 0.5) * image_size[0] / size[0], (columns + 0.5) * image_size[1] / size[1]
    return np.stack([x - MARK, y - MARK, x + MARK, y + MARK], axis=1)  # (n, 4)


def open_window() -> Visualizer:
    """Return a visualizer that shows pictures in a window by ``show(rgb, name, wait_time)``.

    Raises:
        ValueError: There is no display.
    """
    if plt.get_backend().lower() == 'agg':  # this backend would wait for a key forever
        raise ValueError(
            'There is no display to show pictures on. Write them to files with out_dir.'
        )
    return Visualizer()
