"""Share of each pixel that an outline covers, exact up to rounding.

This is the signed-area sum of font rasterizers. An outline is split wherever it crosses a pixel
border. Each piece adds its rise to all pixels on its right, and to its own pixel the share that
lies on its right. Ordinary polygon fills also draw the line of the outline, which widens everything
by more than half a pixel on each side. This is too much if a part is three pixels wide and its mass
must be correct.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmsxm.simulation.outlines import Outline
from mmsxm.simulation.physics import Floats


class Shape(NamedTuple):
    """Outlines in pixels, where pixel i covers [i, i + 1), on a canvas of (h, w).

    They may extend beyond the canvas. Areas where outlines overlap count once. Holes are empty.
    """

    outlines: Sequence[Outline]
    holes: Sequence[Outline]
    size: tuple[int, int]


def coverage(shapes: Sequence[Shape]) -> list[Floats]:
    """Return the share of each pixel that a shape covers, in [0, 1], one ``(h, w)`` per shape."""
    outlines = [outline for shape in shapes for outline in (*shape.outlines, *shape.holes)]
    in_shape = [len(shape.outlines) + len(shape.holes) for shape in shapes]
    is_hole = [
        i >= len(shape.outlines)
        for shape, n in zip(shapes, in_shape, strict=True)
        for i in range(n)
    ]
    # S shapes, O outlines with E edges in total. An edge leads from point a to point b.
    lengths = np.array([len(outline) for outline in outlines])  # (O,)
    last = np.cumsum(lengths) - 1  # (O,)
    a = np.concatenate(outlines)  # (E, 2)
    following = np.arange(1, len(a) + 1)  # (E,)
    following[last] = last - lengths + 1
    b = a[following]  # (E, 2)
    vector = b - a  # (E, 2)
    doubled_areas = np.add.reduceat(  # (O,)
        a[:, 1] * b[:, 0] - a[:, 0] * b[:, 1], last - lengths + 1
    )
    edge_rise = vector[:, 1] * np.repeat(np.sign(doubled_areas), lengths)  # (E,)

    # Positions along the outlines: edge number + share of the edge, at the start of each edge and
    # where it crosses an integer x or y. They split the edges into P pieces.
    low = np.ceil(np.minimum(a, b)).ravel()  # (2 E,)
    counts = np.maximum(np.ceil(np.maximum(a, b)).ravel() - low, 0).astype(np.int64)  # (2 E,)
    crossed = np.repeat(np.arange(2 * len(a)), counts)  # (crossings,)
    border = np.arange(len(crossed)) + np.repeat(low - (np.cumsum(counts) - counts), counts)
    share = (border - a.ravel()[crossed]) / vector.ravel()[crossed]  # (crossings,)
    starts = np.concatenate([np.arange(len(a)), crossed // 2 + share])  # (P,)
    starts.sort()
    ends = np.append(starts[1:], len(a))  # (P,)
    edge = np.minimum(starts.astype(np.int64), len(a) - 1)  # (P,)

    # All canvases are stored one after another in one row of pixels.
    height, width = np.array([shape.size for shape in shapes]).T  # (S,) each
    first = np.cumsum(height * width) - height * width  # (S,)
    canvas = np.repeat(np.repeat(np.arange(len(shapes)), in_shape), lengths)[edge]  # (P,)
    x, y = (a[edge] + vector[edge] * ((starts + ends) / 2 - edge)[:, None]).T  # (P,) each
    rise = edge_rise[edge] * (ends - starts) * ((y >= 0) & (y < height[canvas]))  # (P,)
    x = np.clip(x, 0, width[canvas])
    column = x.astype(np.int64)
    row = np.clip(y.astype(np.int64), 0, height[canvas] - 1)
    pixel = first[canvas] + row * width[canvas] + column  # (P,)
    right = rise * (x - column)  # (P,)
    # Nothing changes between two pieces, so sum only at the pieces, then repeat.
    pixel = np.concatenate([pixel, pixel + 1])  # (2 P,)
    order = np.argsort(pixel)
    pixel = pixel[order]
    step = np.concatenate([rise - right, right])[order]  # (2 P,)
    if any(is_hole):
        hole = np.tile(np.repeat(is_hole, lengths)[edge], 2)[order]  # (2 P,)
        inside = np.cumsum(np.where(hole, 0, step)).clip(0, 1)
        inside -= np.cumsum(np.where(hole, step, 0)).clip(0, 1)
    else:
        inside = np.cumsum(step)  # (2 P,)
    total = int((height * width).sum())
    repeats = np.diff(np.minimum(pixel, total), prepend=0, append=total)  # (2 P + 1,)
    values = np.concatenate([[0], inside.clip(0, 1)]).astype(np.float32)  # (2 P + 1,)
    flat = np.repeat(values, repeats)  # (total,)
    # (h, w) each
    return [
        flat[start : start + shape.size[0] * shape.size[1]].reshape(shape.size)
        for start, shape in zip(first, shapes, strict=True)
    ]
