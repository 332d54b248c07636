"""Gallery of bags in columns: items, attention of the network, and the weights of its levels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import NamedTuple

import cv2
import numpy as np

from mmsxm.visualization.overlays import draw_boxes, overlay_map, relative_map
from mmsxm.visualization.plot_style import COLORS, draw_panels

__all__ = ['Exhibit', 'draw_gallery']

SHOWN_SIDE = 400  # size that an image is enlarged to, in pixels


class Exhibit(NamedTuple):
    """Bag to show in the gallery.

    It has text lines, an RGB image (H, W, 3), boxes (n, 4) in its pixels, maps (h, w) and level
    weights.
    """

    lines: Sequence[str]
    image: np.ndarray
    boxes: np.ndarray
    maps: Mapping[str, np.ndarray]
    level_weights: Mapping[str, float]


def draw_gallery(exhibits: Sequence[Exhibit], out: Path) -> None:
    """Draw a column for each bag: the image with its boxes, each map, and a bar for each level.

    Each map is drawn relative to its own maximum.

    Args:
        exhibits: Bags with the same maps and levels.
        out: PNG file to write.
    """
    labels = ['image and boxes', *exhibits[0].maps, 'level weights']
    with draw_panels(out, len(labels), len(exhibits), 1.7, 1.65, dpi=100) as (_, axes):
        for column, exhibit in zip(axes.T, exhibits, strict=True):
            scale = max(1, round(SHOWN_SIDE / max(exhibit.image.shape[:2])))
            image = cv2.resize(
                exhibit.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC
            )
            shown = [image, *(overlay_map(image, relative_map(m)) for m in exhibit.maps.values())]
            for axis, picture in zip(column[:-1], shown, strict=True):
                axis.imshow(draw_boxes(picture, exhibit.boxes * scale))
                axis.set(xticks=[], yticks=[])
                axis.spines[:].set_visible(True)
                axis.grid(visible=False)
            column[0].set_title('\n'.join(fill(line, 30) for line in exhibit.lines), fontsize=7)
            levels, weights = zip(*exhibit.level_weights.items(), strict=True)
            bars = column[-1].bar(levels, weights, 0.6, color=COLORS[0])
            column[-1].bar_label(bars, fmt='%.2f', padding=1, fontsize=7)
            column[-1].set(ylim=(0, 1.15), yticks=[0, 0.5, 1], yticklabels=[])
            column[-1].grid(visible=False, axis='x')
        for axis, label in zip(axes[:, 0], labels, strict=True):
            axis.set_ylabel(label, fontsize=8)
        axes[-1, 0].set_yticklabels(['0', '0.5', '1'])
