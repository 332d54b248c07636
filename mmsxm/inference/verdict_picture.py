"""Pictures of verdicts: attention, regions and captions drawn on the image."""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from mmsxm.inference.verdict import regions_to_draw
from mmsxm.visualization.overlays import caption, draw_boxes, overlay_map

__all__ = ['draw_verdict']

SIDES = (336, 1024)  # limits of the longer side in pixels: legible captions, small files


def draw_verdict(
    image: np.ndarray,
    record: Mapping[str, Any],
    attention_map: np.ndarray | None,
    window: Sequence[int],
) -> np.ndarray:
    """Draw attention, regions and captions on an image; return RGB.

    Regions with a class are drawn only if the class is an alarm, with class and score. Level
    weights are written unless all are equal.

    Args:
        image: RGB ``(H, W, 3)`` uint8.
        record: ``labels``, ``scores``, ``regions`` in image pixels, and ``level_weights``.
        attention_map: ``(h, w)``, drawn as it is; None for networks without maps.
        window: The part of the image that the map spans, xyxy.
    """
    height, width = image.shape[:2]
    longer = max(height, width)
    scale = min(max(longer, SIDES[0]), SIDES[1]) / longer
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    image = cv2.resize(
        image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )  # (h, w, 3)
    if attention_map is not None:
        left, top = (min(round(window[i] * scale), size[i] - 1) for i in (0, 1))
        right, bottom = (max(round(window[i + 2] * scale), (left, top)[i] + 1) for i in (0, 1))
        part = image[top:bottom, left:right]
        image[top:bottom, left:right] = overlay_map(part, attention_map)
    regions = regions_to_draw(record['regions'], record['labels'])
    boxes = np.array([region['bbox'] for region in regions], dtype=np.float32)  # (n, 4)
    names = [
        f'{region["label"]} {region["score"]:.2f}' if 'label' in region else ''
        for region in regions
    ]
    image = draw_boxes(image, boxes * scale, names)
    scores = sorted(record['scores'].items(), key=lambda pair: -pair[1])
    lines = [
        'alarm: ' + ', '.join(record['labels']) if record['labels'] else 'no alarm',
        ', '.join(f'{name} {score:.2f}' for name, score in scores[:3]),
    ]
    if len(set(record['level_weights'])) > 1:  # averaged levels have equal weights
        lines.append('levels: ' + ' '.join(f'{weight:.2f}' for weight in record['level_weights']))
    return caption(image, *lines)
