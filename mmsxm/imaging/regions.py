"""Candidate regions of items: boxes around the connected components of maps."""

from typing import NamedTuple

import cv2
import numpy as np

__all__ = ['Region', 'find_class_regions', 'find_regions']


class Region(NamedTuple):
    """Box, xyxy in cells of the map, with the highest value of the map in it.

    ``label`` is the index of the class whose map it is, None for a map of all classes.
    """

    bbox: tuple[int, int, int, int]
    score: float
    label: int | None = None


def find_regions(
    attention_map: np.ndarray, floor: float = 0.1, smallest: float = 0.003
) -> list[Region]:
    """Return the connected parts of a map at or above half of its maximum, the strongest first.

    Regions are only candidates. Only the class scores decide whether there is an alarm: one map for
    all classes shows where items are, not which items.

    Args:
        attention_map: ``(h, w)`` in [0, 1].
        floor: Lowest maximum for a map to have regions. A map of zeros never has any.
        smallest: Smallest area of a component, as a share of the map.
    """
    highest = float(attention_map.max())
    if highest < floor or highest <= 0:
        return []
    mask = (attention_map >= highest / 2).astype(np.uint8)  # (h, w)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    regions = []
    for label, (x, y, width, height, area) in enumerate(stats.tolist()):
        if label and area >= smallest * attention_map.size:  # 0 is the background
            inside = labels[y : y + height, x : x + width] == label
            peak = attention_map[y : y + height, x : x + width][inside].max()
            regions.append(Region((x, y, x + width, y + height), float(peak)))
    return sorted(regions, key=lambda region: -region.score)


def find_class_regions(
    class_maps: np.ndarray, floor: float = 0.1, smallest: float = 0.003
) -> list[Region]:
    """Return the regions of each class as in :func:`find_regions`, the strongest first.

    A map is compared with its own maximum, so that a faint class keeps its regions.

    Args:
        class_maps: ``(C, h, w)`` in [0, 1].
        floor: Lowest maximum for a map to have regions.
        smallest: Smallest area of a component, as a share of the map.
    """
    regions = [
        region._replace(label=label)
        for label, class_map in enumerate(class_maps)
        for region in find_regions(class_map, floor, smallest)
    ]
    return sorted(regions, key=lambda region: -region.score)
