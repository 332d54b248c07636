"""Parts of objects: bodies of one material, and their thickness across their own plane."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from mmsxm.simulation.coverage import Shape, coverage
from mmsxm.simulation.outlines import Outline
from mmsxm.simulation.physics import Floats

_EDGE = 0.3  # share of the thickness at the edge of a blade and at the rim of a round body


class Part(NamedTuple):
    """Body of one material.

    Attributes:
        material: Key of MATERIALS.
        thickness: Thickness of a slab in cm. A negative thickness is a hollow within other parts of
            the same material.
        outlines: Outlines, whose union is the area of the part.
        holes: Outlines that are cut out of that area.
        rounded: Whether the slab becomes thinner toward its outline, like a cushion.
        wedge: Two points. The thickness decreases from full at the first point toward zero at the
            second, as in a blade.
        relief: Coarse map of factors, ``(rows, columns)``, stretched over the box of the outlines.
        lift: Height in cm of the middle plane of the part above that of the object.
        axis: Two points. The part is a cylinder around the line through them, whose diameter is the
            thickness.
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
        """Whether the thickness is the same everywhere."""
        return not self.rounded and self.wedge is None and self.relief is None and self.axis is None

    @property
    def thickest(self) -> float:
        """Upper bound of the thickness in cm, also for hollows."""
        factor = 1.0 if self.relief is None else max(1.0, float(self.relief.max()))
        return abs(self.thickness) * factor


def mapped(parts: Iterable[Part], move: Callable[[Outline], Outline]) -> list[Part]:
    """Move all points of parts within the plane."""
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
    """Map of values ``(h, w)`` and the position of its first pixel."""

    values: Floats
    x: int
    y: int


def depths_of(
    parts: Sequence[Part],
    places: Sequence[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]],
    pixels_per_cm: float,
) -> list[Map]:
    """Map the thickness of parts, or of the empty space of hollows, across their plane in cm.

    Args:
        parts: Parts of an object.
        places: Matrix ``(2, 2)`` and shift in cm from the plane of the object to that of the map,
            for each part.
        pixels_per_cm: Scale of the maps.
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
    """Return the thickness of a part or hollow in cm within its mask, ``(h, w)`` or a scalar."""
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
    # Distance from the center of a pixel to the border, which is half a pixel before the center of
    # the first empty pixel.
    inside = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5) - 0.5  # (h, w)
    radius = float(inside.max()) + 0.25
    if radius <= 1:
        return np.full_like(mask, np.pi / 4)  # mean of a circle
    from_axis = 1 - np.clip(inside / radius, 0, 1)
    return np.maximum(np.sqrt(1 - from_axis**2), np.float32(_EDGE))  # (h, w)


def _wedge_profile(
    line: Outline,
    shape: tuple[int, ...],
    matrix: npt.NDArray[np.float64],
    shift: npt.NDArray[np.float64],
) -> Floats:
    vector = line[1] - line[0]
    along = _coordinate(line[0], vector / (vector @ vector), shape, matrix, shift)
    return np.clip(1 - along, _EDGE, 1)  # (h, w)


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
    return np.sqrt(np.maximum(1 - from_axis**2, 0))  # (h, w)


def _coordinate(
    origin: npt.NDArray[np.float64],
    slope: npt.NDArray[np.float64],
    shape: tuple[int, ...],
    matrix: npt.NDArray[np.float64],
    shift: npt.NDArray[np.float64],
) -> Floats:
    """Return (point - origin) @ slope for the point in the object plane at each pixel."""
    slope = np.linalg.solve(matrix.T, slope)
    origin = matrix @ origin + shift
    x = (np.arange(shape[1]) + 0.5 - origin[0]) * slope[0]  # (w,)
    y = (np.arange(shape[0]) + 0.5 - origin[1]) * slope[1]  # (h,)
    return np.add.outer(y, x).astype(np.float32)  # (h, w)


def _relief_profile(
    part: Part,
    shape: tuple[int, ...],
    matrix: npt.NDArray[np.float64],
    shift: npt.NDArray[np.float64],
) -> Floats:
    # Make a smooth map of finer cells first, because cubic interpolation is slow on whole images.
    relief = cv2.resize(  # (6 rows, 6 columns)
        np.asarray(part.relief, np.float32), None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC
    )
    points = np.concatenate(part.outlines)
    cell = matrix * ((points.max(0) - points.min(0)) / relief.shape[::-1])
    # from the centers of cells to the centers of pixels
    start = matrix @ points.min(0) + shift + cell @ (0.5, 0.5) - 0.5
    stretched = cv2.warpAffine(  # (h, w)
        relief,
        np.column_stack([cell, start]),
        shape[::-1],
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.maximum(stretched, np.float32(0))
