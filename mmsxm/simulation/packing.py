"""Content of an image and its positions: pieces of luggage, their clutter, the items.

The clutter does not depend on the items, and the classes of the items do not depend on the clutter.
An image without its items therefore contains no information about them. Only the position of an
item may depend on the clutter (`Crowding.overlap`).
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from mmsxm.simulation.clutter import CLUTTER, make_bag, make_clothes, make_tray
from mmsxm.simulation.physics import Floats
from mmsxm.simulation.shapes import Part, Patch, Pose, extent
from mmsxm.simulation.sites import LUGGAGE, Crowding, Site

PosedParts = tuple[list[Part], Pose]

# range of the longer and of the shorter side in cm
_SIDES = {
    'bag': ((48, 78), (36, 60)),
    'tray': ((56, 64), (36, 42)),
    'loose': ((25, 60), (18, 45)),
}
# Area in cm2 of luggage that contains as many objects as in `Crowding`. The number of objects is
# proportional to the area.
_USUAL_AREA = 60 * 40
_PLACES = 8  # candidate positions of an item


class Luggage(NamedTuple):
    """Bag, tray or loose heap: its center and size in cm, and its rotation (lean) in radians."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    lean: float

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Convert a point in cm, relative to the center and along the sides, to the image."""
        c, s = np.cos(self.lean), np.sin(self.lean)
        return self.x + c * x - s * y, self.y + s * x + c * y


def lay_out(
    rng: np.random.Generator, site: Site, crowding: Crowding, view: tuple[float, float]
) -> list[Luggage]:
    """Place pieces of luggage side by side in a view of (width, height) cm."""
    groups = (1.0,) if crowding.single else site.groups
    kinds, weights = (('bag',), (1.0,)) if crowding.single else (LUGGAGE, site.luggage)
    count = 1 + int(rng.choice(len(groups), p=groups))
    beyond = rng.uniform(0, site.passing) * view[0] if count > 1 else 0.0
    shares = rng.uniform(0.7, 1.3, count)
    edges = np.concatenate([[0], np.cumsum(shares / shares.sum())]) * (view[0] + 2 * beyond)
    pieces = []
    for left, right in pairwise(edges - beyond):
        kind = str(rng.choice(kinds, p=np.divide(weights, sum(weights))))
        # few bags are strongly rotated, and no trays
        askew = rng.random() < 0.25 and kind != 'tray'
        lean = rng.uniform(-0.6, 0.6) if askew else rng.normal(0, 0.08)
        width, height = _size(rng, kind, lean, (right - left, view[1]))
        wide, high = _room(width, height, lean)
        x = (left + right) / 2 + rng.uniform(-0.5, 0.5) * max(right - left - wide, 0)
        y = view[1] / 2 + rng.uniform(-0.5, 0.5) * max(view[1] - high, 0)
        pieces.append(Luggage(kind, x, y, width, height, lean))
    return pieces


def _size(
    rng: np.random.Generator, kind: str, lean: float, room: tuple[float, float]
) -> tuple[float, float]:
    """Draw the width and height of a piece of luggage that fits into the available room."""
    long, short = _SIDES[kind]
    sides = rng.uniform(*long), rng.uniform(*short)
    # usually along the longer side of the room, otherwise along the belt or across it
    if room[0] < room[1] if rng.random() < 0.9 else rng.random() < 0.5:
        sides = sides[::-1]
    if kind == 'tray':  # trays are not scaled, but cropped at the border of the image
        return sides
    width, height = (min(side, limit) for side, limit in zip(sides, room, strict=True))
    wide, high = _room(width, height, lean)
    fit = min(room[0] / wide, room[1] / high, 1.0) * rng.uniform(0.92, 1.0)
    return width * fit, height * fit


def _room(width: float, height: float, lean: float) -> tuple[float, float]:
    """Return the sides of the upright box around a rotated one."""
    c, s = abs(np.cos(lean)), abs(np.sin(lean))
    return c * width + s * height, s * width + c * height


def pack(
    rng: np.random.Generator, pieces: Sequence[Luggage], site: Site, crowding: Crowding
) -> Iterator[PosedParts]:
    """Yield the clutter: each piece of luggage and its content."""
    kinds = list(CLUTTER.values())
    weights = np.array([kind.weight * site.favours.get(name, 1) for name, kind in CLUTTER.items()])
    weights /= weights.sum()
    for piece in pieces:
        pose_of_piece = Pose(piece.x, piece.y, piece.lean)
        if piece.kind == 'bag':
            yield make_bag(rng, piece.width, piece.height), pose_of_piece
        elif piece.kind == 'tray':
            yield make_tray(rng, piece.width, piece.height), pose_of_piece
        share = piece.width * piece.height / _USUAL_AREA
        for _ in range(_number(rng, crowding.garments, share)):
            size = rng.uniform(0.35, 0.9, 2) * (piece.width, piece.height)
            parts = make_clothes(rng, *size)
            # folded clothes lie flat
            yield parts, _lay(rng, parts, piece, Pose(angle=piece.lean + rng.normal(0, 0.2)))
        for _ in range(_number(rng, crowding.things, share * site.things)):
            parts = kinds[int(rng.choice(len(kinds), p=weights))].make(rng)
            pose = _tilted(rng, _direction(rng, parts, piece))
            yield parts, _lay(rng, parts, piece, pose)


def choose_items(
    rng: np.random.Generator, site: Site, crowding: Crowding, view: tuple[float, float]
) -> Iterator[tuple[int, list[Part], Pose]]:
    """Yield label, parts and rotation of each item of an image, without a position."""
    span = float(np.sqrt(view[0] * view[1]))
    # Open handles extend beyond the length, but an item must fit into the image at any angle.
    longest = min(crowding.reach[1] * span, 0.75 * min(view))
    shortest = min(crowding.reach[0] * span, longest)
    kinds = list(site.items.values())
    weights = np.array([1.0 if crowding.single else kind.weight for kind in kinds])
    counts = np.array(site.item_counts[:2] if crowding.single else site.item_counts)
    label = -1
    for i in range(1 + int(rng.choice(len(counts), p=counts / counts.sum()))):
        if i == 0 or crowding.single or rng.random() >= site.repeat:
            label = int(rng.choice(len(kinds), p=weights / weights.sum()))
        median, deviation = kinds[label].length
        length = median * np.exp(rng.normal(0, deviation))
        parts = kinds[label].make(float(np.clip(length, shortest, longest)), rng)
        yield label, parts, _tilted(rng, rng.uniform(0, 2 * np.pi))


def place(
    rng: np.random.Generator,
    patch: Patch,
    pieces: Sequence[Luggage],
    attenuation: Floats,
    pixels_per_cm: float,
    overlap: float,
) -> Patch:
    """Move a patch into one of the pieces of luggage, by whole pixels.

    It chooses among several positions in luggage by the attenuation that is already there.

    Args:
        rng: Random generator of the items.
        patch: Patch of an item.
        pieces: Luggage of the image.
        attenuation: Attenuation of the image so far, ``(2, h, w)``.
        pixels_per_cm: Scale of the image.
        overlap: Overlap as in `Crowding`.
    """
    height, width = attenuation.shape[1:]
    x0, y0, x1, y1 = patch.box()
    w, h = x1 - x0, y1 - y0
    inside = patch.thickness[y0 - patch.y : y1 - patch.y, x0 - patch.x : x1 - patch.x] > 0  # (h, w)
    room = np.array([piece.width * piece.height for piece in pieces])  # (pieces,)
    places = []
    for piece in rng.choice(len(pieces), _PLACES, p=room / room.sum()):
        center = _spot(rng, pieces[piece], w / pixels_per_cm, h / pixels_per_cm)
        corner = np.array(center) * pixels_per_cm - (w / 2, h / 2)
        x, y = np.clip(corner, 0, np.maximum((width - w, height - h), 0)).astype(int).tolist()
        # Luggage may extend beyond the image. Items that would be outside are moved into it.
        moved = float(np.abs(corner - (x, y)).max()) > 1
        under = attenuation[0, y : y + h, x : x + w]
        weight = float(under[inside[: under.shape[0], : under.shape[1]]].mean())
        places.append((moved, weight, x, y))
    # A moved position is used only if all positions are moved.
    places = sorted(place for place in places if place[0] == min(places)[0])
    rank = np.clip(overlap + rng.uniform(-0.5, 0.5), 0, 1)
    _, _, x, y = places[round(rank * (len(places) - 1))]
    return Patch(patch.x + x - x0, patch.y + y - y0, patch.attenuation, patch.thickness)


def _number(rng: np.random.Generator, limits: tuple[int, int], share: float) -> int:
    return round(share * int(rng.integers(limits[0], limits[1] + 1)))


def _tilted(rng: np.random.Generator, angle: float) -> Pose:
    """Draw a tilt. Most objects lie nearly flat, some stand on edge."""
    tilt = rng.uniform(0.9, 1.5) if rng.random() < 0.1 else min(abs(rng.normal(0, 0.35)), 1.0)
    return Pose(
        angle=angle, tilt=tilt, tilt_axis=rng.uniform(0, np.pi), flip=bool(rng.random() < 0.5)
    )


def _direction(rng: np.random.Generator, parts: list[Part], piece: Luggage) -> float:
    """Draw the rotation of an object. Only large objects are aligned with the luggage."""
    x0, y0, x1, y1 = extent(parts, Pose())
    if np.hypot(x1 - x0, y1 - y0) < 0.7 * min(piece.width, piece.height):
        return rng.uniform(0, 2 * np.pi)
    across = (x1 - x0 > y1 - y0) != (piece.width > piece.height)
    return piece.lean + across * np.pi / 2 + rng.integers(2) * np.pi + rng.normal(0, 0.1)


def _lay(rng: np.random.Generator, parts: list[Part], piece: Luggage, pose: Pose) -> Pose:
    """Move an object to a random position within luggage, or to its center if it is too large."""
    x0, y0, x1, y1 = extent(parts, pose)
    x, y = _spot(rng, piece, x1 - x0, y1 - y0)
    return pose._replace(x=x - (x0 + x1) / 2, y=y - (y0 + y1) / 2)


def _spot(
    rng: np.random.Generator, piece: Luggage, width: float, height: float
) -> tuple[float, float]:
    """Draw the center of an object of a given size within luggage."""
    free_x, free_y = max(piece.width - width, 0), max(piece.height - height, 0)
    return piece.point(rng.uniform(-0.5, 0.5) * free_x, rng.uniform(-0.5, 0.5) * free_y)
