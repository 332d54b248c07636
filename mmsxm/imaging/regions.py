"""Candidate regions of items: boxes around connected components of an attention map."""

from typing import NamedTuple

import cv2
import numpy as np

__all__ = ['Region', 'find_regions']


class Region(NamedTuple):
    """Box, xyxy in cells of the map, with the highest value of the map in it."""

    bbox: tuple[int, int, int, int]
    score: float


def find_regions(
    attention_map: np.ndarray, floor: float = 0.1, smallest: float = 0.003
) -> list[Region]:
    """Return the connected components of a map above half of its maximum, the strongest first.

    A flat map has no regions. Regions are only candidates: the network learned where items are, not
    which items. Only the class scores decide whether there is an alarm.

    Args:
        attention_map: ``(h, w)`` in [0, 1].
        floor: Lowest maximum for a map to have regions. An empty map never has any.
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
