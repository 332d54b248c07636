"""Outlines of flat shapes: polygons in the plane, in cm or in pixels."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Outline = npt.NDArray[np.float64]  # (n, 2), x and y


def rotation(angle: float) -> npt.NDArray[np.float64]:
    """The matrix that turns by an angle in radians, (2, 2)."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]])


def box(x0: float, y0: float, x1: float, y1: float, radius: float = 0.0) -> Outline:
    """A rectangle, its corners rounded."""
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    if radius <= 0:
        return corners
    inset = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * radius
    turns = np.linspace(0, np.pi / 2, 5)
    return np.concatenate(
        [
            centre + radius * np.stack([np.cos(start + turns), np.sin(start + turns)], 1)
            for centre, start in zip(corners + inset, np.pi + np.arange(4) * np.pi / 2, strict=True)
        ]
    )


def ellipse(
    x: float, y: float, rx: float, ry: float | None = None, angle: float = 0.0, sides: int = 24
) -> Outline:
    """An ellipse, by default a circle, as a polygon."""
    turns = np.arange(sides) * 2 * np.pi / sides
    points = np.stack([rx * np.cos(turns), (rx if ry is None else ry) * np.sin(turns)], 1)
    return points @ rotation(angle).T + (x, y)


def curve(
    points: Sequence[tuple[float, float]] | Outline, closed: bool = False, steps: int = 6
) -> Outline:
    """A smooth line through points (Catmull-Rom)."""
    p = np.asarray(points, np.float64)
    p = np.concatenate([p[-1:], p, p[:2]] if closed else [p[:1], p, p[-1:]])
    a, b, c, d = (p[i : len(p) - 3 + i, None] for i in range(4))
    t = (np.arange(steps) / steps)[None, :, None]
    smooth = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - 3 * c + d - a) * t**3
    )
    line = smooth.reshape(-1, 2)
    return line if closed else np.concatenate([line, p[-1:]])


def bar(
    line: Sequence[tuple[float, float]] | Outline,
    width: float | Sequence[float] | npt.NDArray[np.float64],
) -> Outline:
    """The outline of a strip along a line; several widths are spread evenly along it."""
    p = np.asarray(line, np.float64)
    way = np.gradient(p, axis=0)
    normal = np.stack([-way[:, 1], way[:, 0]], 1) / np.maximum(np.hypot(*way.T), 1e-9)[:, None]
    widths = np.atleast_1d(np.asarray(width, np.float64))
    half = np.interp(np.linspace(0, 1, len(p)), np.linspace(0, 1, len(widths)), widths)[:, None] / 2
    return np.concatenate([p + normal * half, (p - normal * half)[::-1]])


def turn(outline: Outline, angle: float, x: float = 0.0, y: float = 0.0) -> Outline:
    """An outline turned about (x, y)."""
    return (outline - (x, y)) @ rotation(angle).T + (x, y)


def inset(outline: Outline, distance: float) -> Outline:
    """An outline without its rim of a width, for shapes without narrow places."""
    p = outline if _area(outline) > 0 else outline[::-1]
    ahead = np.roll(p, -1, 0) - p
    ahead = ahead / np.maximum(np.hypot(*ahead.T), 1e-9)[:, None]
    normal = np.stack([-ahead[:, 1], ahead[:, 0]], 1)  # inwards, of the edge after each point
    both = normal + np.roll(normal, 1, 0)
    # The mean normal, longer at a corner; sharp tips would fly off.
    return p + both * (2 * distance / np.maximum((both**2).sum(1), 0.5))[:, None]


def _area(outline: Outline) -> float:
    x, y = outline.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)
