"""Parts of things: bodies of one material, and how thick each is across its own plane."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from mmsxm.simulation.coverage import Shape, coverage
from mmsxm.simulation.outlines import Outline
from mmsxm.simulation.physics import Floats

# What is left at a blade's edge, and at the rim of a round body.
_EDGE = 0.3


class Part(NamedTuple):
    """One body of one material.

    Its outlines are united, then the holes cut out. The thickness in cm is that of a slab; with
    `rounded` the slab thins out towards its outline like a cushion, with `wedge` it falls from full
    at the first point towards nothing at the second, like a blade, and with `axis` it is a cylinder
    of that diameter about the line through two points. `relief` (rows, columns) is a coarse map of
    factors stretched over the box of its outlines. `lift` is the height in cm of its middle plane
    over the thing's own. A negative thickness is a hollow within other parts of the same material.
    """

    material: str
    thickness: float
    outlines: Sequence[Outline]
    holes: Sequence[Outline] = ()
    rounded: bool = False
    wedge: Outline | None = None
    relief: Floats | None = None
    lift: float = 0.0
    axis: Outline | None = None

    @property
    def is_slab(self) -> bool:
        """It is equally thick everywhere."""
        return not self.rounded and self.wedge is None and self.relief is None and self.axis is None

    @property
    def thickest(self) -> float:
        """No place of the part is thicker, in cm, hollow or not."""
        most = 1.0 if self.relief is None else max(1.0, float(self.relief.max()))
        return abs(self.thickness) * most


def mapped(parts: Iterable[Part], move: Callable[[Outline], Outline]) -> list[Part]:
    """Parts with all their points moved within the plane."""
    return [
        part._replace(
            outlines=[move(outline) for outline in part.outlines],
            holes=[move(hole) for hole in part.holes],
            wedge=None if part.wedge is None else move(part.wedge),
            axis=None if part.axis is None else move(part.axis),
        )
        for part in parts
    ]


class Map(NamedTuple):
    """Values (h, w) and the place of the first pixel."""

    values: Floats
    x: int
    y: int


def depths_of(
    parts: Sequence[Part],
    places: Sequence[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]],
    pixels_per_cm: float,
) -> list[Map]:
    """How thick the parts are across their plane, and how thick the empty space of hollows, in cm.

    Args:
        places: For each part, from the thing's plane to the map's: a matrix and a shift in cm.
    """
    shapes, corners = [], []
    for part, (matrix, shift) in zip(parts, places, strict=True):
        outlines = [(o @ matrix.T + shift) * pixels_per_cm for o in part.outlines]
        points = np.concatenate(outlines)
        corner = np.floor(points.min(0)) - 1
        width, height = (np.ceil(points.max(0)) + 1 - corner).astype(int).tolist()
        holes = [(o @ matrix.T + shift) * pixels_per_cm - corner for o in part.holes]
        shapes.append(Shape([outline - corner for outline in outlines], holes, (height, width)))
        corners.append(corner)
    depths = []
    for part, place, corner, mask in zip(parts, places, corners, coverage(shapes), strict=True):
        matrix, shift = place
        profile = _profile(part, mask, matrix * pixels_per_cm, shift * pixels_per_cm - corner)
        depths.append(Map(mask * profile, int(corner[0]), int(corner[1])))
    return depths


def _profile(
    part: Part,
    mask: Floats,
    matrix: npt.NDArray[np.float64],
    shift: npt.NDArray[np.float64],
) -> Floats:
    """A part's thickness or hollowness in cm wherever its mask is, (h, w) or a scalar."""
    profile = np.asarray(abs(part.thickness), np.float32)
    if part.rounded:
        profile = profile * _round_profile(mask)
    if part.wedge is not None:
        profile = profile * _wedge_profile(part.wedge, mask.shape, matrix, shift)
    if part.axis is not None:
        profile = profile * _cylinder_profile(part, mask.shape, matrix, shift)
    if part.relief is not None:
        profile = profile * _relief_profile(part, mask.shape, matrix, shift)
    return profile


def _round_profile(mask: Floats) -> Floats:
    # From the centre of a pixel to the border, half a pixel before the first empty one's centre.
    inside = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5) - 0.5
    radius = float(inside.max()) + 0.25
    if radius <= 1:
        return np.full_like(mask, np.pi / 4)  # a circle's mean
    from_axis = 1 - np.clip(inside / radius, 0, 1)
    return np.maximum(np.sqrt(1 - from_axis**2), np.float32(_EDGE))


def _wedge_profile(
    line: Outline,
    shape: tuple[int, ...],
    matrix: npt.NDArray[np.float64],
    shift: npt.NDArray[np.float64],
) -> Floats:
    way = line[1] - line[0]
    along = _coordinate(line[0], way / (way @ way), shape, matrix, shift)
    return np.clip(1 - along, _EDGE, 1)


def _cylinder_profile(
    part: Part,
    shape: tuple[int, ...],
    matrix: npt.NDArray[np.float64],
    shift: npt.NDArray[np.float64],
) -> Floats:
    start, end = np.asarray(part.axis)
    x, y = end - start
    normal = np.array([-y, x]) / (np.hypot(x, y) * abs(part.thickness) / 2)
    from_axis = _coordinate(start, normal, shape, matrix, shift)
    return np.sqrt(np.maximum(1 - from_axis**2, 0))


def _coordinate(
    origin: npt.NDArray[np.float64],
    slope: npt.NDArray[np.float64],
    shape: tuple[int, ...],
    matrix: npt.NDArray[np.float64],
    shift: npt.NDArray[np.float64],
) -> Floats:
    """At each pixel, (point - origin) @ slope of the point in the thing's plane, (h, w)."""
    slope = np.linalg.solve(matrix.T, slope)
    origin = matrix @ origin + shift
    x = (np.arange(shape[1]) + 0.5 - origin[0]) * slope[0]
    y = (np.arange(shape[0]) + 0.5 - origin[1]) * slope[1]
    return np.add.outer(y, x).astype(np.float32)


def _relief_profile(
    part: Part,
    shape: tuple[int, ...],
    matrix: npt.NDArray[np.float64],
    shift: npt.NDArray[np.float64],
) -> Floats:
    # A smooth map on finer cells, for cubic interpolation is slow on whole images.
    relief = cv2.resize(
        np.asarray(part.relief, np.float32), None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC
    )
    points = np.concatenate(part.outlines)
    cell = matrix * ((points.max(0) - points.min(0)) / relief.shape[::-1])
    # From the centres of cells to those of pixels.
    start = matrix @ points.min(0) + shift + cell @ (0.5, 0.5) - 0.5
    stretched = cv2.warpAffine(
        relief,
        np.column_stack([cell, start]),
        shape[::-1],
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.maximum(stretched, np.float32(0))
