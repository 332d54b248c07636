"""Where an item may be: boxes around the connected parts of an attention map."""

from typing import NamedTuple

import cv2
import numpy as np

__all__ = ['Region', 'find_regions']


class Region(NamedTuple):
    """A box, xyxy in cells of the map, and the map's highest value in it."""

    bbox: tuple[int, int, int, int]
    score: float


def find_regions(
    attention_map: np.ndarray, floor: float = 0.1, smallest: float = 0.003
) -> list[Region]:
    """Find the connected parts of a map above half of its maximum, the strongest first.

    A map that nothing rises from has no regions. They are candidates: the network was taught where
    items are, not which, and the scores of the classes say whether there is an alarm at all.

    Args:
        attention_map: ``(h, w)`` in [0, 1].
        floor: What the maximum must reach.
        smallest: Share of the map that a part must cover.
    """
    highest = float(attention_map.max())
    if highest < floor:
        return []
    mask = (attention_map >= highest / 2).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    regions = []
    for label, (x, y, width, height, area) in enumerate(stats.tolist()):
        if label and area >= smallest * attention_map.size:  # 0 is the background
            inside = labels[y : y + height, x : x + width] == label
            peak = attention_map[y : y + height, x : x + width][inside].max()
            regions.append(Region((x, y, x + width, y + height), float(peak)))
    return sorted(regions, key=lambda region: -region.score)
