"""How much of each pixel an outline covers, exact to rounding.

The signed-area sum of font rasterisers: an outline is cut wherever it crosses the border of a
pixel; each piece adds its rise to every pixel on its right, and to its own as much as lies on its
right there. Common polygon fills draw the outline's own line too and widen everything by more than
half a pixel on each side: too much where a part is three pixels wide and its mass should be right.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmsxm.simulation.outlines import Outline
from mmsxm.simulation.physics import Floats


class Shape(NamedTuple):
    """Outlines in pixels, of which pixel i covers [i, i + 1), on a canvas of (h, w).

    They may reach beyond the canvas. Ground on which outlines overlap counts once, and where holes
    are nothing is left.
    """

    outlines: Sequence[Outline]
    holes: Sequence[Outline]
    size: tuple[int, int]


def coverage(shapes: Sequence[Shape]) -> list[Floats]:
    """The share of each pixel that a shape covers, one map (h, w) a shape, in [0, 1]."""
    outlines = [outline for shape in shapes for outline in (*shape.outlines, *shape.holes)]
    in_shape = [len(shape.outlines) + len(shape.holes) for shape in shapes]
    is_hole = [
        i >= len(shape.outlines)
        for shape, n in zip(shapes, in_shape, strict=True)
        for i in range(n)
    ]
    lengths = np.array([len(outline) for outline in outlines])
    last = np.cumsum(lengths) - 1
    a = np.concatenate(outlines)
    following = np.arange(1, len(a) + 1)
    following[last] = last - lengths + 1
    b = a[following]
    way = b - a
    doubled_areas = np.add.reduceat(a[:, 1] * b[:, 0] - a[:, 0] * b[:, 1], last - lengths + 1)
    way_up = way[:, 1] * np.repeat(np.sign(doubled_areas), lengths)

    # Places along the outlines: edge number + share of the edge, at its start and where it crosses
    # a whole x or a whole y.
    low = np.ceil(np.minimum(a, b)).ravel()
    counts = np.maximum(np.ceil(np.maximum(a, b)).ravel() - low, 0).astype(np.int64)
    which = np.repeat(np.arange(2 * len(a)), counts)
    border = np.arange(len(which)) + np.repeat(low - (np.cumsum(counts) - counts), counts)
    share = (border - a.ravel()[which]) / way.ravel()[which]
    starts = np.concatenate([np.arange(len(a)), which // 2 + share])
    starts.sort()
    ends = np.append(starts[1:], len(a))
    edge = np.minimum(starts.astype(np.int64), len(a) - 1)

    # All canvases lie one after the other in one row of pixels.
    height, width = np.array([shape.size for shape in shapes]).T
    first = np.cumsum(height * width) - height * width
    canvas = np.repeat(np.repeat(np.arange(len(shapes)), in_shape), lengths)[edge]
    x, y = (a[edge] + way[edge] * ((starts + ends) / 2 - edge)[:, None]).T
    rise = way_up[edge] * (ends - starts) * ((y >= 0) & (y < height[canvas]))
    x = np.clip(x, 0, width[canvas])
    column = x.astype(np.int64)
    row = np.clip(y.astype(np.int64), 0, height[canvas] - 1)
    pixel = first[canvas] + row * width[canvas] + column
    right = rise * (x - column)
    # Between two pieces nothing changes: sum up at the pieces alone, then repeat.
    pixel = np.concatenate([pixel, pixel + 1])
    order = np.argsort(pixel)
    pixel = pixel[order]
    step = np.concatenate([rise - right, right])[order]
    if any(is_hole):
        hole = np.tile(np.repeat(is_hole, lengths)[edge], 2)[order]
        inside = np.cumsum(np.where(hole, 0, step)).clip(0, 1)
        inside -= np.cumsum(np.where(hole, step, 0)).clip(0, 1)
    else:
        inside = np.cumsum(step)
    total = int((height * width).sum())
    repeats = np.diff(np.minimum(pixel, total), prepend=0, append=total)
    flat = np.repeat(np.concatenate([[0], inside.clip(0, 1)]).astype(np.float32), repeats)
    return [
        flat[start : start + shape.size[0] * shape.size[1]].reshape(shape.size)
        for start, shape in zip(first, shapes, strict=True)
    ]
