"""Flat parts of a material, and their thickness and attenuation maps in an image.

A thing is a list of parts, drawn in its own plane in centimetres. Turning that plane in depth makes
a slab of thickness t narrower by cos(tilt) and the way through it longer, t / cos(tilt).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from .physics import MATERIALS, Floats

Outline = npt.NDArray[np.float64]  # (n, 2), x and y in cm

_SUBPIXEL_BITS = 4
# What is left at a blade's edge, and at the rim of a round body: nothing at all would tear thin
# ones into dots.
_EDGE = 0.3


class Part(NamedTuple):
    """One body of one material.

    Its outlines are united, then the holes cut out. The thickness in cm is that of a slab; with
    `rounded` the slab thins out towards its outline like a cylinder, with `wedge` it falls from
    full at the first point towards nothing at the second, like a blade. `relief` (rows, columns) is
    a coarse map of factors stretched over the part.
    """

    material: str
    thickness: float
    outlines: Sequence[Outline]
    holes: Sequence[Outline] = ()
    rounded: bool = False
    wedge: Outline | None = None
    relief: Floats | None = None


class Pose(NamedTuple):
    """How a thing lies: its place in cm, its turn in the image plane, its tilt in depth.

    Angles are in radians; `tilt_axis` is the axis' direction in the thing's plane; `flip` mirrors
    the thing first.
    """

    x: float = 0.0
    y: float = 0.0
    angle: float = 0.0
    tilt: float = 0.0
    tilt_axis: float = 0.0
    flip: bool = False

    def matrix(self) -> npt.NDArray[np.float64]:
        """The linear part, thing's plane to image plane, (2, 2)."""
        along = _rotation(self.tilt_axis)
        squeeze = along @ np.diag([1.0, np.cos(self.tilt)]) @ along.T
        mirror = np.diag([1.0, -1.0 if self.flip else 1.0])
        return _rotation(self.angle) @ squeeze @ mirror


@dataclass
class Patch:
    """What a thing covers of an image: first pixel, attenuation (2, h, w), thickness (h, w)."""

    x: int
    y: int
    attenuation: Floats
    thickness: Floats

    def box(self) -> tuple[int, int, int, int]:
        """The tight box of the thickness map, xyxy in 0-based continuous pixels of the image."""
        rows = np.flatnonzero(self.thickness.any(1))
        columns = np.flatnonzero(self.thickness.any(0))
        return (
            self.x + int(columns[0]),
            self.y + int(rows[0]),
            self.x + int(columns[-1]) + 1,
            self.y + int(rows[-1]) + 1,
        )

    def add_to(self, attenuation: Floats) -> None:
        """Adds the patch to an image's attenuation (2, h, w), cut at its border."""
        _, height, width = attenuation.shape
        h, w = self.thickness.shape
        top, left = max(self.y, 0), max(self.x, 0)
        bottom, right = min(self.y + h, height), min(self.x + w, width)
        if top < bottom and left < right:
            attenuation[:, top:bottom, left:right] += self.attenuation[
                :, top - self.y : bottom - self.y, left - self.x : right - self.x
            ]


def _rotation(angle: float) -> npt.NDArray[np.float64]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]])


def extent(parts: Sequence[Part], pose: Pose) -> tuple[float, float, float, float]:
    """The box of all outlines in a pose, xyxy in cm."""
    points = np.concatenate([o for part in parts for o in part.outlines]) @ pose.matrix().T
    (x0, y0), (x1, y1) = points.min(0), points.max(0)
    return pose.x + x0, pose.y + y0, pose.x + x1, pose.y + y1


def draw(parts: Sequence[Part], pose: Pose, pixels_per_cm: float) -> Patch:
    """The attenuation and thickness of a thing on its own small canvas."""
    matrix = pose.matrix() * pixels_per_cm
    x0, y0, x1, y1 = (v * pixels_per_cm for v in extent(parts, pose))
    left, top = int(np.floor(x0)) - 1, int(np.floor(y0)) - 1
    width, height = int(np.ceil(x1)) + 2 - left, int(np.ceil(y1)) + 2 - top
    shift = np.array([pose.x * pixels_per_cm - left, pose.y * pixels_per_cm - top])
    lengthening = 1 / np.cos(pose.tilt)
    attenuation = np.zeros((2, height, width), np.float32)
    thickness = np.zeros((height, width), np.float32)
    for part in parts:
        outlines = [o @ matrix.T + shift for o in part.outlines]
        holes = [o @ matrix.T + shift for o in part.holes]
        points = np.concatenate(outlines)
        # Each part on its own, smaller canvas: most are small beside their thing.
        px, py = np.maximum(np.floor(points.min(0)).astype(int) - 1, 0)
        qx, qy = np.minimum(np.ceil(points.max(0)).astype(int) + 2, (width, height))
        mask = np.zeros((qy - py, qx - px), np.uint8)
        for outline in outlines:
            cv2.fillPoly(mask, [_fixed(outline - (px, py))], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
        for hole in holes:
            cv2.fillPoly(mask, [_fixed(hole - (px, py))], 0, cv2.LINE_AA, _SUBPIXEL_BITS)
        depth = mask.astype(np.float32)
        depth *= np.float32(part.thickness * lengthening / 255)
        if part.rounded:
            depth *= _round_profile(mask)
        if part.wedge is not None:
            depth *= _wedge_profile(part.wedge @ matrix.T + shift - (px, py), mask.shape)
        if part.relief is not None:
            depth *= cv2.resize(
                part.relief, (qx - px, qy - py), interpolation=cv2.INTER_CUBIC
            ).clip(0)
        here = np.s_[py:qy, px:qx]
        low, high = MATERIALS[part.material].mu
        thickness[here] += depth
        attenuation[0][here] += np.float32(low) * depth
        attenuation[1][here] += np.float32(high) * depth
    return Patch(left, top, attenuation, thickness)


def _fixed(outline: Outline) -> npt.NDArray[np.int32]:
    # Pixel i covers [i, i + 1), OpenCV's centres lie at whole numbers.
    return np.rint((outline - 0.5) * (1 << _SUBPIXEL_BITS)).astype(np.int32)


def _round_profile(mask: npt.NDArray[np.uint8]) -> Floats:
    inside = cv2.distanceTransform((mask > 127).astype(np.uint8), cv2.DIST_L2, 3)
    from_axis = 1 - inside / max(float(inside.max()), 1.0)
    return np.maximum(np.sqrt(1 - from_axis**2), np.float32(_EDGE))


def _wedge_profile(line: Outline, shape: tuple[int, int]) -> Floats:
    way = line[1] - line[0]
    way /= way @ way
    x = (np.arange(shape[1]) + 0.5 - line[0, 0]) * way[0]
    y = (np.arange(shape[0]) + 0.5 - line[0, 1]) * way[1]
    return (1 - np.add.outer(y, x)).clip(_EDGE, 1).astype(np.float32)


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
    return points @ _rotation(angle).T + (x, y)


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


def bar(line: Sequence[tuple[float, float]] | Outline, width: float | Sequence[float]) -> Outline:
    """The outline of a strip along a line; several widths are spread evenly along it."""
    p = np.asarray(line, np.float64)
    way = np.gradient(p, axis=0)
    normal = np.stack([-way[:, 1], way[:, 0]], 1) / np.maximum(np.hypot(*way.T), 1e-9)[:, None]
    widths = np.atleast_1d(np.asarray(width, np.float64))
    half = np.interp(np.linspace(0, 1, len(p)), np.linspace(0, 1, len(widths)), widths)[:, None] / 2
    return np.concatenate([p + normal * half, (p - normal * half)[::-1]])


def turn(outline: Outline, angle: float, x: float = 0.0, y: float = 0.0) -> Outline:
    """An outline turned about (x, y)."""
    return (outline - (x, y)) @ _rotation(angle).T + (x, y)
