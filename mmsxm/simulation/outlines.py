"""Outlines of flat shapes: polygons in a plane, in cm or in pixels."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Outline = npt.NDArray[np.float64]  # (n, 2), x and y


def rotation(angle: float) -> npt.NDArray[np.float64]:
    """Return the rotation matrix for an angle in radians, ``(2, 2)``."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]])


def box(x0: float, y0: float, x1: float, y1: float, radius: float = 0.0) -> Outline:
    """Make a rectangle, with rounded corners if there is a radius."""
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    if radius <= 0:
        return corners
    inset = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * radius
    turns = np.linspace(0, np.pi / 2, 5)
    return np.concatenate(
        [
            center + radius * np.stack([np.cos(start + turns), np.sin(start + turns)], 1)
            for center, start in zip(corners + inset, np.pi + np.arange(4) * np.pi / 2, strict=True)
        ]
    )  # (20, 2)


def ellipse(
    x: float, y: float, rx: float, ry: float | None = None, angle: float = 0.0, sides: int = 24
) -> Outline:
    """Make an ellipse, by default a circle, as a polygon."""
    turns = np.arange(sides) * 2 * np.pi / sides
    points = np.stack([rx * np.cos(turns), (rx if ry is None else ry) * np.sin(turns)], 1)
    return points @ rotation(angle).T + (x, y)  # (sides, 2)


def curve(
    points: Sequence[tuple[float, float]] | Outline, closed: bool = False, steps: int = 6
) -> Outline:
    """Draw a smooth line through points (Catmull-Rom)."""
    p = np.asarray(points, np.float64)  # (n, 2)
    p = np.concatenate([p[-1:], p, p[:2]] if closed else [p[:1], p, p[-1:]])
    a, b, c, d = (p[i : len(p) - 3 + i, None] for i in range(4))  # (pieces, 1, 2) each
    t = (np.arange(steps) / steps)[None, :, None]  # (1, steps, 1)
    smooth = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - 3 * c + d - a) * t**3
    )
    line = smooth.reshape(-1, 2)  # (pieces * steps, 2)
    return line if closed else np.concatenate([line, p[-1:]])


def bar(
    line: Sequence[tuple[float, float]] | Outline,
    width: float | Sequence[float] | npt.NDArray[np.float64],
) -> Outline:
    """Make the outline of a strip along a line. Several widths are distributed evenly along it."""
    p = np.asarray(line, np.float64)  # (n, 2)
    step = np.gradient(p, axis=0)  # (n, 2)
    normal = np.stack([-step[:, 1], step[:, 0]], 1) / np.maximum(np.hypot(*step.T), 1e-9)[:, None]
    widths = np.atleast_1d(np.asarray(width, np.float64))
    half = np.interp(np.linspace(0, 1, len(p)), np.linspace(0, 1, len(widths)), widths)[:, None] / 2
    return np.concatenate([p + normal * half, (p - normal * half)[::-1]])  # (2 n, 2)


def turn(outline: Outline, angle: float, x: float = 0.0, y: float = 0.0) -> Outline:
    """Rotate an outline about (x, y)."""
    return (outline - (x, y)) @ rotation(angle).T + (x, y)


def inset(outline: Outline, distance: float) -> Outline:
    """Shrink an outline by a distance on all sides. The shape must not have narrow places."""
    p = outline if _area(outline) > 0 else outline[::-1]
    ahead = np.roll(p, -1, 0) - p
    ahead = ahead / np.maximum(np.hypot(*ahead.T), 1e-9)[:, None]
    normal = np.stack([-ahead[:, 1], ahead[:, 0]], 1)  # inward normal of the edge after each point
    both = normal + np.roll(normal, 1, 0)
    # The mean normal, longer at corners. The limit keeps sharp tips from moving far away.
    return p + both * (2 * distance / np.maximum((both**2).sum(1), 0.5))[:, None]


def _area(outline: Outline) -> float:
    x, y = outline.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)
