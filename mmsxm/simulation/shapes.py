"""Things made of parts: how they lie in space, and their shadows on an image.

A thing is a list of parts, each drawn in the thing's own plane in centimetres and symmetric about a
plane at its own height. The rays run straight down on the image. Of a slab of thickness t that is
turned in depth by `tilt`, about an axis in its plane, a ray passes

    t / cos(tilt) * (the slab's mask, averaged over t sin(tilt) of the screen across the axis)

where the mask is squeezed by cos(tilt) in that direction and moved by height * sin(tilt). So a
knife that stands on its edge is a dark line. Other solids are stacks of slabs, their level sets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from mmsxm.simulation.outlines import Outline, bar, box, curve, ellipse, inset, rotation, turn
from mmsxm.simulation.parts import Map, Part, depths_of
from mmsxm.simulation.physics import USUAL_ENERGIES, Energies, Floats, linear_attenuation

__all__ = [
    'Floats',
    'Outline',
    'Part',
    'Patch',
    'Pose',
    'bar',
    'box',
    'curve',
    'draw',
    'ellipse',
    'extent',
    'inset',
    'turn',
]

Box = tuple[float, float, float, float]  # xyxy

_MAX_TILT = np.radians(88)  # the way through a slab grows as 1 / cos(tilt)
# Parts whose thickness spreads over fewer pixels are drawn straight on the screen: sharper, faster.
_FLAT_PIXELS = 0.5
# A solid that isn't a slab has a level set for so many pixels of spread, but no more than so many.
_LEVEL_PIXELS, _MAX_LEVELS = 4.0, 4
_DUST = 0.01  # cm; thinner is what antialiasing leaves beside a thing


class Pose(NamedTuple):
    """How a thing lies: its place in cm, its turn in the image plane, its tilt in depth.

    Angles are in radians; a tilt beyond 88 degrees is taken as 88. `tilt_axis` is the axis'
    direction in the thing's plane; `flip` first turns the thing over, about its own x axis.
    """

    x: float = 0.0
    y: float = 0.0
    angle: float = 0.0
    tilt: float = 0.0
    tilt_axis: float = 0.0
    flip: bool = False

    def matrix(self) -> npt.NDArray[np.float64]:
        """The linear part, thing's plane to image plane, (2, 2)."""
        squeeze = np.diag([1.0, np.cos(_limited(self.tilt))])
        return rotation(self.angle + self.tilt_axis) @ squeeze @ self.upright()

    def upright(self) -> npt.NDArray[np.float64]:
        """The thing's plane, flipped and then turned so that the tilt's axis is x, (2, 2)."""
        return rotation(-self.tilt_axis) @ np.diag([1.0, -1.0 if self.flip else 1.0])

    def rise(self) -> npt.NDArray[np.float64]:
        """How far a point 1 cm above the thing's plane moves on the image, x and y in cm, (2,)."""
        away = np.sin(_limited(self.tilt)) * (1.0 if self.flip else -1.0)
        return rotation(self.angle + self.tilt_axis)[:, 1] * away


@dataclass
class Patch:
    """What a thing covers of an image: first pixel, attenuation (2, h, w), thickness (h, w)."""

    x: int
    y: int
    attenuation: Floats
    thickness: Floats

    def box(self) -> tuple[int, int, int, int]:
        """The tight box of the thickness map, xyxy in 0-based continuous pixels of the image.

        Pixels with less than 0.1 mm (or a tenth of the thickest one's, if that is less) don't
        count: antialiasing leaves them.
        """
        solid = self.thickness > min(_DUST, float(self.thickness.max()) / 10)
        rows, columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
        return (
            self.x + int(columns[0]),
            self.y + int(rows[0]),
            self.x + int(columns[-1]) + 1,
            self.y + int(rows[-1]) + 1,
        )

    def add_to(self, attenuation: Floats) -> None:
        """Adds the patch to an image's attenuation (2, h, w), cut at its border."""
        _add(attenuation, self.attenuation, self.x, self.y)


def extent(parts: Sequence[Part], pose: Pose) -> Box:
    """A box in cm that holds all parts in a pose, in their full thickness."""
    rise = pose.rise()
    counts = [sum(len(outline) for outline in part.outlines) for part in parts]
    points = np.concatenate([outline for part in parts for outline in part.outlines])
    points = points @ pose.matrix().T
    points += np.outer(np.repeat([part.lift for part in parts], counts), rise)
    reach = np.outer(np.repeat([part.thickest / 2 for part in parts], counts), np.abs(rise))
    (x0, y0), (x1, y1) = (points - reach).min(0), (points + reach).max(0)
    return pose.x + x0, pose.y + y0, pose.x + x1, pose.y + y1


def draw(
    parts: Sequence[Part],
    pose: Pose,
    pixels_per_cm: float,
    energies: Energies = USUAL_ENERGIES,
) -> Patch:
    """A thing's attenuation at two energies (keV) and thickness, on a small canvas of its own."""
    thickest = max(part.thickest for part in parts)
    if thickest * np.hypot(*pose.rise()) * pixels_per_cm < _FLAT_PIXELS:
        return _draw_flat(parts, pose, pixels_per_cm, energies)
    # Tilted about the image's x axis first, for all spreading is then along y; turned afterwards.
    ahead = pose._replace(x=0.0, y=0.0, angle=-pose.tilt_axis)
    return _turned(_draw_deep(parts, ahead, pixels_per_cm, energies), pose, pixels_per_cm)


def _draw_flat(
    parts: Sequence[Part], pose: Pose, pixels_per_cm: float, energies: Energies
) -> Patch:
    canvas = _Canvas(extent(parts, pose), pixels_per_cm, energies)
    matrix, centre, rise = pose.matrix(), np.array([pose.x, pose.y]), pose.rise()
    places = [(matrix, centre + rise * part.lift) for part in parts]
    for part, depth in zip(parts, depths_of(parts, places, pixels_per_cm), strict=True):
        canvas.add(part, depth)
    return canvas.patch(1 / np.cos(_limited(pose.tilt)))


def _draw_deep(
    parts: Sequence[Part], pose: Pose, pixels_per_cm: float, energies: Energies
) -> Patch:
    canvas = _Canvas(extent(parts, pose), pixels_per_cm, energies)
    squeeze = float(np.cos(_limited(pose.tilt)))
    rise = float(pose.rise()[1]) * pixels_per_cm
    # A profile belongs to the plane that isn't squeezed yet.
    flattened, upright, centre = pose.matrix(), pose.upright(), np.zeros(2)
    places = [(flattened if part.is_slab else upright, centre) for part in parts]
    for part, depth in zip(parts, depths_of(parts, places, pixels_per_cm), strict=True):
        half = part.thickest / 2 * abs(rise)
        lift = part.lift * rise
        way = (
            _slab(depth, lift, half)
            if part.is_slab
            else _solid(depth, lift, half, part.thickest, squeeze)
        )
        canvas.add(part, way)
    return canvas.patch(1 / squeeze)


class _Canvas:
    """Where the parts of a thing add up, each material on its own."""

    def __init__(self, bounds: Box, pixels_per_cm: float, energies: Energies) -> None:
        x0, y0, x1, y1 = (value * pixels_per_cm for value in bounds)
        self.x, self.y = int(np.floor(x0)) - 1, int(np.floor(y0)) - 1
        self.size = int(np.ceil(y1)) + 1 - self.y, int(np.ceil(x1)) + 1 - self.x
        self.energies = energies
        self.materials: dict[str, Floats] = {}

    def add(self, part: Part, way: Map) -> None:
        if part.material not in self.materials:
            self.materials[part.material] = np.zeros((1, *self.size), np.float32)
        sign = 1 if part.thickness >= 0 else -1
        ways = way.values[None]
        _add(self.materials[part.material], ways, way.x - self.x, way.y - self.y, sign)

    def patch(self, lengthening: float) -> Patch:
        thickness = np.concatenate(list(self.materials.values()))  # (materials, h, w)
        np.maximum(thickness, 0, out=thickness)  # hollows that touch a surface, by rounding
        factors = [(*linear_attenuation(m, self.energies), 1.0) for m in self.materials]
        weights = np.array(factors, np.float32).T * np.float32(lengthening)
        maps = (weights @ thickness.reshape(len(factors), -1)).reshape(3, *self.size)
        return Patch(self.x, self.y, maps[:2], maps[2])


def _slab(depth: Map, lift: float, half: float) -> Map:
    """A slab moved along y by `lift` pixels and spread over `half` more to both sides."""
    rows = _reach(lift, half)
    return Map(
        _moved(depth.values, _shares(rows - lift, 0.0, half)), depth.x, depth.y + int(rows[0])
    )


def _solid(depth: Map, lift: float, half: float, thickest: float, squeeze: float) -> Map:
    """A solid squeezed, moved and spread along y like a slab: as a stack of slabs."""
    rows = _reach(lift, half)
    levels = min(1 + int(2 * half / _LEVEL_PIXELS), _MAX_LEVELS)
    step = thickest / levels
    total = np.zeros(1, np.float32)
    for level in range(levels):
        layer = depth.values if levels == 1 else np.clip(depth.values - level * step, 0, step)
        squeezed, y = _squeezed(layer, depth.y, squeeze)
        shares = _shares(rows - lift, level / levels * half, (level + 1) / levels * half)
        total = total + _moved(squeezed, shares)
    return Map(total, depth.x, y + int(rows[0]))


def _reach(centre: float, half: float) -> npt.NDArray[np.float64]:
    """The whole numbers within half a range of its centre, and one beyond each end."""
    return np.arange(np.floor(centre - half), np.ceil(centre + half) + 1)


def _shares(rows: npt.NDArray[np.float64], near: float, far: float) -> Floats:
    """What falls on each row of a pixel that is spread evenly from `near` to `far`, on both sides.

    Moved by a share of a row, a pixel falls on two: a hat function. This is its integral.
    """
    far = max(far, near + 1e-6)
    x = np.clip(rows[:, None, None] - [[near, far], [-far, -near]], -1, 1)
    integral = 0.5 + x - x * np.abs(x) / 2
    return ((integral[..., 0] - integral[..., 1]).sum(1) / (2 * (far - near))).astype(np.float32)


def _moved(rows: Floats, shares: Floats) -> Floats:
    """The sum of rows of pixels that are moved by 0, 1, 2... and weighted with shares."""
    last = len(shares) - 1
    padded = cv2.copyMakeBorder(rows, 0, last, 0, 0, cv2.BORDER_CONSTANT)
    kernel = np.ascontiguousarray(shares[::-1, None])
    moved = cv2.filter2D(padded, -1, kernel, anchor=(0, last), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(moved, np.float32)


def _squeezed(rows: Floats, first: int, factor: float) -> tuple[Floats, int]:
    """Rows of pixels from row `first` on, squeezed: means, and the new first row."""
    new_first = int(np.floor(first * factor))
    borders = np.arange(new_first, np.ceil((first + len(rows)) * factor) + 1) / factor - first
    borders = np.clip(borders, 0, len(rows))
    before = np.minimum(borders.astype(int), len(rows) - 1)
    sums = np.zeros((len(rows) + 1, rows.shape[1]), np.float32)
    np.cumsum(rows, 0, out=sums[1:])
    share = (borders - before)[:, None].astype(np.float32)
    return np.diff(sums[before] + rows[before] * share, axis=0) * np.float32(factor), new_first


def _turned(patch: Patch, pose: Pose, pixels_per_cm: float) -> Patch:
    """A patch that was drawn ahead, now at the place and angle of its pose."""
    turn_by = rotation(pose.angle + pose.tilt_axis)
    height, width = patch.thickness.shape
    corners = box(patch.x, patch.y, patch.x + width, patch.y + height) @ turn_by.T
    place = np.array([pose.x, pose.y]) * pixels_per_cm
    x, y = np.floor(corners.min(0) + place).astype(int).tolist()
    x1, y1 = np.ceil(corners.max(0) + place).astype(int).tolist()
    # From the centres of pixels to those of pixels.
    start = turn_by @ (patch.x + 0.5, patch.y + 0.5) + place - (x + 0.5, y + 0.5)
    matrix = np.column_stack([turn_by, start])
    maps = np.empty((3, y1 - y, x1 - x), np.float32)
    for source, target in zip((*patch.attenuation, patch.thickness), maps, strict=True):
        cv2.warpAffine(source, matrix, (x1 - x, y1 - y), dst=target)
    return Patch(x, y, maps[:2], maps[2])


def _add(target: Floats, maps: Floats, x: int, y: int, sign: int = 1) -> None:
    """Adds maps (c, h, w) to a target (c, height, width) from a pixel on, cut at its border."""
    (h, w), (height, width) = maps.shape[1:], target.shape[1:]
    top, left, bottom, right = max(y, 0), max(x, 0), min(y + h, height), min(x + w, width)
    if top < bottom and left < right:
        there = target[:, top:bottom, left:right]
        combine = np.add if sign > 0 else np.subtract
        combine(there, maps[:, top - y : bottom - y, left - x : right - x], out=there)


def _limited(tilt: float) -> float:
    return float(np.clip(tilt, -_MAX_TILT, _MAX_TILT))
