"""Attention, boxes and text drawn on X-ray images, as RGB arrays."""

import math
from collections.abc import Sequence
from typing import TypeVar

import cv2
import numpy as np

BOX_COLOR = (200, 0, 200)  # magenta stands out from the orange, green and blue of scanners
TEXT_HEIGHT = 18
FONT, FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.4
NAME_HEIGHT, NAME_SCALE = 16, 0.5  # of a name on a box; the height is in pixels


def overlay_map(image: np.ndarray, attention_map: np.ndarray, opacity: float = 0.6) -> np.ndarray:
    """Overlay a map in [0, 1] on an image, red where it is high and invisible where it is 0.

    The map is not stretched to its own range, as feature maps usually are; see
    :func:`relative_map`.

    Args:
        image: RGB ``(H, W, 3)`` uint8.
        attention_map: ``(h, w)``, covering the whole image.
        opacity: Opacity where the map is 1.
    """
    height, width = image.shape[:2]
    weight = cv2.resize(
        attention_map.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR
    )
    weight = opacity * weight.clip(0, 1)[..., None]  # (H, W, 1)
    return (image * (1 - weight) + np.array([255, 0, 0]) * weight).round().astype(np.uint8)


def relative_map(attention_map: np.ndarray) -> np.ndarray:
    """Divide a map by its maximum.

    The normalized refinement depends on a map only up to a factor, so Stage II may leave it faint
    everywhere. Only the ratios between its positions are meaningful.
    """
    return attention_map / max(float(attention_map.max()), 1e-12)


MapOrNone = TypeVar('MapOrNone', np.ndarray, np.ndarray | None)


def map_to_draw(attention_map: MapOrNone, class_maps: np.ndarray | None = None) -> MapOrNone:
    """Return the map to overlay on an image, in [0, 1].

    Class maps are probabilities: their maximum is drawn as it is, so that harmless bags stay clean.
    A map for all classes is drawn relative to its own maximum.

    Args:
        attention_map: ``(h, w)``; None for networks without maps.
        class_maps: ``(C, h, w)``, if the network has one map per class.
    """
    if attention_map is None or class_maps is not None:
        return attention_map
    return relative_map(attention_map)


def draw_boxes(image: np.ndarray, boxes: np.ndarray, names: Sequence[str] = ()) -> np.ndarray:
    """Draw boxes on a copy of an RGB image.

    Args:
        image: RGB ``(H, W, 3)`` uint8.
        boxes: ``(n, 4)``, xyxy in pixels.
        names: One name per box, '' for none; empty to draw no names.
    """
    image = np.ascontiguousarray(image).copy()
    boxes = np.asarray(boxes).reshape(-1, 4)  # (n, 4)
    for x1, y1, x2, y2 in boxes.round().astype(int).tolist():
        cv2.rectangle(image, (x1, y1), (x2, y2), BOX_COLOR, 1, cv2.LINE_AA)
    names = names or [''] * len(boxes)
    widths = [cv2.getTextSize(name, FONT, NAME_SCALE, 1)[0][0] for name in names]
    places = place_names(boxes, widths, NAME_HEIGHT, image.shape[:2])
    for name, width, (x, y) in zip(names, widths, places, strict=True):
        left, bottom = round(x), round(y)
        strip = image[max(bottom - NAME_HEIGHT, 0) : bottom, left : left + width]
        strip[...] = strip // 4 + 191  # items below a name stay visible, but do not hide it
        place = (left, bottom - NAME_HEIGHT // 4)  # of the baseline
        cv2.putText(image, name, place, FONT, NAME_SCALE, BOX_COLOR, 1, cv2.LINE_AA)
    return image


def place_names(
    boxes: np.ndarray, widths: Sequence[float], height: float, image_size: Sequence[float]
) -> list[tuple[float, float]]:
    """Return the lower left corner of each name: (x, y) on top of its box.

    A name that would leave the image, or cover an earlier one, moves inward or down.

    Args:
        boxes: ``(n, 4)``, xyxy.
        widths: Width of each name, 0 if there is none.
        height: Height of the names.
        image_size: (h, w) of the image.
    """
    places = []
    taken: set[tuple[int, int]] = set()  # cells of a grid whose pitch is the height of a name
    for (left, top), width in zip(boxes[:, :2].tolist(), widths, strict=True):
        x = max(min(left, image_size[1] - width), 0)
        y = max(min(top, image_size[0]), height)
        while (cells := _cells(x, y, min(width, image_size[1]), height)) & taken:
            if y + height > image_size[0]:
                break
            y += height
        if width:
            taken |= cells
        places.append((x, y))
    return places


def _cells(x: float, y: float, width: float, height: float) -> set[tuple[int, int]]:
    """Return the grid cells that a name touches."""
    rows = range(math.floor(y / height) - 1, math.ceil(y / height))
    columns = range(math.floor(x / height), math.ceil((x + width) / height))
    return {(row, column) for row in rows for column in columns}


def caption(image: np.ndarray, *lines: str) -> np.ndarray:
    """Write lines of text on a white strip below an image."""
    width = image.shape[1]
    strip = np.full((TEXT_HEIGHT * len(lines) + 4, width, 3), 255, dtype=np.uint8)
    for number, line in enumerate(lines, start=1):
        place = (2, TEXT_HEIGHT * number - 4)
        cv2.putText(strip, line, place, FONT, FONT_SCALE, (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate([image, strip])


def sheet(pictures: Sequence[np.ndarray], columns: int = 4, gap: int = 8) -> np.ndarray:
    """Arrange pictures of any size in rows on a white sheet."""
    height = max(picture.shape[0] for picture in pictures) + gap
    width = max(picture.shape[1] for picture in pictures) + gap
    rows = -(-len(pictures) // columns)
    result = np.full((rows * height, columns * width, 3), 255, dtype=np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // columns * height, index % columns * width
        result[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return result
