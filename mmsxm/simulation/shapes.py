"""Objects built from parts: their pose in space and their shadow on an image.

An object is a list of parts. Each part is drawn in the plane of the object, in centimeters, and is
symmetric about a plane at its own height. The rays are perpendicular to the image. If a slab of
thickness t is tilted in depth by `tilt`, about an axis in its plane, the path of a ray in it is

    t / cos(tilt) * (mask of the slab, averaged over t sin(tilt) of the screen across the axis)

The mask is compressed by cos(tilt) in that direction and moved by height * sin(tilt). A knife on
its edge is therefore a dark line. Other solids are stacks of slabs, their level sets.
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

_MAX_TILT = np.radians(88)  # the path through a slab grows as 1 / cos(tilt)
# Objects whose thickness spreads over fewer pixels are drawn directly on the screen, which is
# sharper and faster.
_FLAT_PIXELS = 0.5
# Solids other than slabs have one level set per _LEVEL_PIXELS of spread, at most _MAX_LEVELS.
_LEVEL_PIXELS, _MAX_LEVELS = 4.0, 4
_DUST = 0.01  # cm; antialiasing leaves thinner pixels next to an object


class Pose(NamedTuple):
    """Pose of an object: position in cm, rotation in the image plane, tilt in depth.

    Angles are in radians. A tilt above 88 degrees is limited to 88.

    Attributes:
        x: Horizontal position in cm.
        y: Vertical position in cm.
        angle: Rotation in the image plane.
        tilt: Rotation in depth.
        tilt_axis: Direction of the tilt axis in the plane of the object.
        flip: Whether to flip the object about its x axis first.
    """

    x: float = 0.0
    y: float = 0.0
    angle: float = 0.0
    tilt: float = 0.0
    tilt_axis: float = 0.0
    flip: bool = False

    def matrix(self) -> npt.NDArray[np.float64]:
        """Return the linear map from the object plane to the image plane, ``(2, 2)``."""
        squeeze = np.diag([1.0, np.cos(_limited(self.tilt))])
        return rotation(self.angle + self.tilt_axis) @ squeeze @ self.upright()

    def upright(self) -> npt.NDArray[np.float64]:
        """Return the map that flips the object plane and aligns its tilt axis with x, (2, 2)."""
        return rotation(-self.tilt_axis) @ np.diag([1.0, -1.0 if self.flip else 1.0])

    def rise(self) -> npt.NDArray[np.float64]:
        """Return the shift on the image, in cm, of a point 1 cm above the object plane, (2,)."""
        away = np.sin(_limited(self.tilt)) * (1.0 if self.flip else -1.0)
        return rotation(self.angle + self.tilt_axis)[:, 1] * away


@dataclass
class Patch:
    """Shadow of an object on an image.

    Attributes:
        x: Column of the first pixel.
        y: Row of the first pixel.
        attenuation: Attenuation at two energies, ``(2, h, w)``.
        thickness: Thickness in cm, ``(h, w)``.
    """

    x: int
    y: int
    attenuation: Floats
    thickness: Floats

    def box(self) -> tuple[int, int, int, int]:
        """Return the tight box of the thickness map, xyxy in 0-based continuous pixels.

        Pixels thinner than 0.1 mm, or than a tenth of the thickest pixel if that is less, are
        ignored because they are due to antialiasing.
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
        """Add the patch to the attenuation of an image, ``(2, h, w)``, cropped at its border."""
        _add(attenuation, self.attenuation, self.x, self.y)


def extent(parts: Sequence[Part], pose: Pose) -> Box:
    """Return a box in cm that contains the full thickness of all parts in a pose."""
    rise = pose.rise()
    counts = [sum(len(outline) for outline in part.outlines) for part in parts]
    points = np.concatenate([outline for part in parts for outline in part.outlines])  # (n, 2)
    points = points @ pose.matrix().T  # (n, 2)
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
    """Draw the attenuation at two energies (keV) and the thickness of an object on a patch."""
    thickest = max(part.thickest for part in parts)
    if thickest * np.hypot(*pose.rise()) * pixels_per_cm < _FLAT_PIXELS:
        return _draw_flat(parts, pose, pixels_per_cm, energies)
    # Tilt about the x axis of the image first, so that everything spreads along y. Rotate later.
    upright = pose._replace(x=0.0, y=0.0, angle=-pose.tilt_axis)
    return _rotated(_draw_deep(parts, upright, pixels_per_cm, energies), pose, pixels_per_cm)


def _draw_flat(
    parts: Sequence[Part], pose: Pose, pixels_per_cm: float, energies: Energies
) -> Patch:
    """Draw an object as a projection of its plane."""
    canvas = _Canvas(extent(parts, pose), pixels_per_cm, energies)
    matrix, center, rise = pose.matrix(), np.array([pose.x, pose.y]), pose.rise()
    places = [(matrix, center + rise * part.lift) for part in parts]
    for part, depth in zip(parts, depths_of(parts, places, pixels_per_cm), strict=True):
        canvas.add(part, depth)
    return canvas.patch(1 / np.cos(_limited(pose.tilt)))


def _draw_deep(
    parts: Sequence[Part], pose: Pose, pixels_per_cm: float, energies: Energies
) -> Patch:
    """Draw an object whose thickness spreads along y, because its tilt axis is x."""
    canvas = _Canvas(extent(parts, pose), pixels_per_cm, energies)
    squeeze = float(np.cos(_limited(pose.tilt)))
    rise = float(pose.rise()[1]) * pixels_per_cm
    # A profile is defined in the plane before it is compressed.
    flattened, upright, center = pose.matrix(), pose.upright(), np.zeros(2)
    places = [(flattened if part.is_slab else upright, center) for part in parts]
    for part, depth in zip(parts, depths_of(parts, places, pixels_per_cm), strict=True):
        half = part.thickest / 2 * abs(rise)
        lift = part.lift * rise
        path = (
            _slab(depth, lift, half)
            if part.is_slab
            else _solid(depth, lift, half, part.thickest, squeeze)
        )
        canvas.add(part, path)
    return canvas.patch(1 / squeeze)


class _Canvas:
    """Canvas on which the parts of an object are summed, separately for each material."""

    def __init__(self, bounds: Box, pixels_per_cm: float, energies: Energies) -> None:
        x0, y0, x1, y1 = (value * pixels_per_cm for value in bounds)
        self.x, self.y = int(np.floor(x0)) - 1, int(np.floor(y0)) - 1
        self.size = int(np.ceil(y1)) + 1 - self.y, int(np.ceil(x1)) + 1 - self.x
        self.energies = energies
        self.materials: dict[str, Floats] = {}

    def add(self, part: Part, path: Map) -> None:
        if part.material not in self.materials:
            self.materials[part.material] = np.zeros((1, *self.size), np.float32)  # (1, h, w)
        sign = 1 if part.thickness >= 0 else -1
        values = path.values[None]
        _add(self.materials[part.material], values, path.x - self.x, path.y - self.y, sign)

    def patch(self, lengthening: float) -> Patch:
        thickness = np.concatenate(list(self.materials.values()))  # (materials, h, w)
        np.maximum(thickness, 0, out=thickness)  # rounding errors of hollows that touch a surface
        factors = [(*linear_attenuation(m, self.energies), 1.0) for m in self.materials]
        weights = np.array(factors, np.float32).T * np.float32(lengthening)  # (3, materials)
        maps = (weights @ thickness.reshape(len(factors), -1)).reshape(3, *self.size)  # (3, h, w)
        return Patch(self.x, self.y, maps[:2], maps[2])


def _slab(depth: Map, lift: float, half: float) -> Map:
    """Move a slab along y by `lift` pixels and spread it by `half` pixels to both sides."""
    rows = _row_range(lift, half)
    return Map(
        _spread(depth.values, _row_shares(rows - lift, 0.0, half)), depth.x, depth.y + int(rows[0])
    )


def _solid(depth: Map, lift: float, half: float, thickest: float, squeeze: float) -> Map:
    """Compress, move and spread a solid along y, as a stack of slabs."""
    rows = _row_range(lift, half)
    levels = min(1 + int(2 * half / _LEVEL_PIXELS), _MAX_LEVELS)
    step = thickest / levels
    total = np.zeros(1, np.float32)
    for level in range(levels):
        layer = depth.values if levels == 1 else np.clip(depth.values - level * step, 0, step)
        squeezed, y = _squeezed(layer, depth.y, squeeze)
        shares = _row_shares(rows - lift, level / levels * half, (level + 1) / levels * half)
        total = total + _spread(squeezed, shares)
    return Map(total, depth.x, y + int(rows[0]))


def _row_range(center: float, half: float) -> npt.NDArray[np.float64]:
    """Return the integers from ``center - half`` to ``center + half``, rounded outward."""
    return np.arange(np.floor(center - half), np.ceil(center + half) + 1)


def _row_shares(rows: npt.NDArray[np.float64], near: float, far: float) -> Floats:
    """Return the share on each row of a pixel spread evenly from `near` to `far`, on both sides.

    A pixel that is moved by a fraction of a row falls on two rows, a hat function. The result is
    its integral.
    """
    far = max(far, near + 1e-6)
    x = np.clip(rows[:, None, None] - [[near, far], [-far, -near]], -1, 1)  # (rows, 2, 2)
    integral = 0.5 + x - x * np.abs(x) / 2
    # (rows,)
    return ((integral[..., 0] - integral[..., 1]).sum(1) / (2 * (far - near))).astype(np.float32)


def _spread(rows: Floats, shares: Floats) -> Floats:
    """Sum copies of the rows that are moved by 0, 1, 2... and weighted by the shares.

    ``(h, w)`` and ``(n,)`` -> ``(h + n - 1, w)``.
    """
    last = len(shares) - 1
    padded = cv2.copyMakeBorder(rows, 0, last, 0, 0, cv2.BORDER_CONSTANT)
    kernel = np.ascontiguousarray(shares[::-1, None])
    moved = cv2.filter2D(padded, -1, kernel, anchor=(0, last), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(moved, np.float32)


def _squeezed(rows: Floats, first: int, factor: float) -> tuple[Floats, int]:
    """Compress rows of pixels that start at row `first`. Return means and the new first row."""
    new_first = int(np.floor(first * factor))
    borders = np.arange(new_first, np.ceil((first + len(rows)) * factor) + 1) / factor - first
    borders = np.clip(borders, 0, len(rows))
    before = np.minimum(borders.astype(int), len(rows) - 1)
    sums = np.zeros((len(rows) + 1, rows.shape[1]), np.float32)  # (h + 1, w)
    np.cumsum(rows, 0, out=sums[1:])
    share = (borders - before)[:, None].astype(np.float32)
    return np.diff(sums[before] + rows[before] * share, axis=0) * np.float32(factor), new_first


def _rotated(patch: Patch, pose: Pose, pixels_per_cm: float) -> Patch:
    """Move a patch to the position and angle of a pose."""
    turn_by = rotation(pose.angle + pose.tilt_axis)  # (2, 2)
    height, width = patch.thickness.shape
    corners = box(patch.x, patch.y, patch.x + width, patch.y + height) @ turn_by.T  # (4, 2)
    place = np.array([pose.x, pose.y]) * pixels_per_cm
    x, y = np.floor(corners.min(0) + place).astype(int).tolist()
    x1, y1 = np.ceil(corners.max(0) + place).astype(int).tolist()
    # from centers of pixels to centers of pixels
    start = turn_by @ (patch.x + 0.5, patch.y + 0.5) + place - (x + 0.5, y + 0.5)
    matrix = np.column_stack([turn_by, start])  # (2, 3)
    maps = np.empty((3, y1 - y, x1 - x), np.float32)  # (3, h, w)
    for source, target in zip((*patch.attenuation, patch.thickness), maps, strict=True):
        cv2.warpAffine(source, matrix, (x1 - x, y1 - y), dst=target)
    return Patch(x, y, maps[:2], maps[2])


def _add(target: Floats, maps: Floats, x: int, y: int, sign: int = 1) -> None:
    """Add maps ``(c, h, w)`` to a target ``(c, height, width)`` at (x, y), and crop them."""
    (h, w), (height, width) = maps.shape[1:], target.shape[1:]
    top, left, bottom, right = max(y, 0), max(x, 0), min(y + h, height), min(x + w, width)
    if top < bottom and left < right:
        covered = target[:, top:bottom, left:right]
        combine = np.add if sign > 0 else np.subtract
        combine(covered, maps[:, top - y : bottom - y, left - x : right - x], out=covered)


def _limited(tilt: float) -> float:
    return float(np.clip(tilt, -_MAX_TILT, _MAX_TILT))
