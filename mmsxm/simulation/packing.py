"""What lies in an image and where: groups of luggage, their clutter, the items.

The clutter takes nothing from the items, and the items' classes take nothing from the clutter, so
that a picture without its items says nothing about them. Only where an item lies may follow the
clutter (`Crowding.overlap`).
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from mmsxm.simulation.clutter import CLUTTER, make_bag, make_clothes, make_tray
from mmsxm.simulation.physics import Floats
from mmsxm.simulation.shapes import Part, Patch, Pose, extent
from mmsxm.simulation.sites import LUGGAGE, Crowding, Site

Thing = tuple[list[Part], Pose]

# Least and most cm of the longer and of the shorter side.
_SIDES = {
    'bag': ((48, 78), (36, 60)),
    'tray': ((56, 64), (36, 42)),
    'loose': ((25, 60), (18, 45)),
}
# cm2 of a bag that holds as many things as `Crowding` says; others by their area.
_USUAL_AREA = 60 * 40
# Places that are looked at for an item before one is chosen.
_PLACES = 8


class Luggage(NamedTuple):
    """A bag, a tray or a loose heap: its middle and its size in cm, its lean in radians."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    lean: float

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A point in cm of the image, from one seen from the middle along the luggage's sides."""
        c, s = np.cos(self.lean), np.sin(self.lean)
        return self.x + c * x - s * y, self.y + s * x + c * y


def lay_out(
    rng: np.random.Generator, site: Site, crowding: Crowding, view: tuple[float, float]
) -> list[Luggage]:
    """Pieces of luggage side by side in a view of (width, height) cm."""
    groups = (1.0,) if crowding.single else site.groups
    kinds, weights = (('bag',), (1.0,)) if crowding.single else (LUGGAGE, site.luggage)
    count = 1 + int(rng.choice(len(groups), p=groups))
    beyond = rng.uniform(0, site.passing) * view[0] if count > 1 else 0.0
    shares = rng.uniform(0.7, 1.3, count)
    edges = np.concatenate([[0], np.cumsum(shares / shares.sum())]) * (view[0] + 2 * beyond)
    pieces = []
    for left, right in pairwise(edges - beyond):
        kind = str(rng.choice(kinds, p=np.divide(weights, sum(weights))))
        # Few stand far askew, and trays don't.
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
    """Width and height of a piece of luggage that fits into the room."""
    long, short = _SIDES[kind]
    sides = rng.uniform(*long), rng.uniform(*short)
    # Along the belt or across it, but large ones as there is room.
    if room[0] < room[1] if rng.random() < 0.9 else rng.random() < 0.5:
        sides = sides[::-1]
    if kind == 'tray':  # all of a size, and cut where the image ends
        return sides
    width, height = (min(side, most) for side, most in zip(sides, room, strict=True))
    wide, high = _room(width, height, lean)
    fit = min(room[0] / wide, room[1] / high, 1.0) * rng.uniform(0.92, 1.0)
    return width * fit, height * fit


def _room(width: float, height: float, lean: float) -> tuple[float, float]:
    """The sides of the upright box around a leaning one."""
    c, s = abs(np.cos(lean)), abs(np.sin(lean))
    return c * width + s * height, s * width + c * height


def pack(
    rng: np.random.Generator, pieces: Sequence[Luggage], site: Site, crowding: Crowding
) -> Iterator[Thing]:
    """The clutter: each piece of luggage and what is in it."""
    kinds = list(CLUTTER.values())
    weights = np.array([kind.weight * site.favours.get(name, 1) for name, kind in CLUTTER.items()])
    weights /= weights.sum()
    for piece in pieces:
        itself = Pose(piece.x, piece.y, piece.lean)
        if piece.kind == 'bag':
            yield make_bag(rng, piece.width, piece.height), itself
        elif piece.kind == 'tray':
            yield make_tray(rng, piece.width, piece.height), itself
        share = piece.width * piece.height / _USUAL_AREA
        for _ in range(_number(rng, crowding.garments, share)):
            size = rng.uniform(0.35, 0.9, 2) * (piece.width, piece.height)
            parts = make_clothes(rng, *size)
            # Folded clothes lie flat.
            yield parts, _lay(rng, parts, piece, Pose(angle=piece.lean + rng.normal(0, 0.2)))
        for _ in range(_number(rng, crowding.things, share * site.things)):
            parts = kinds[int(rng.choice(len(kinds), p=weights))].make(rng)
            pose = _turned(rng, _direction(rng, parts, piece))
            yield parts, _lay(rng, parts, piece, pose)


def choose_items(
    rng: np.random.Generator, site: Site, crowding: Crowding, view: tuple[float, float]
) -> Iterator[tuple[int, list[Part], Pose]]:
    """The labels of an image's items, the items, and how they are turned, wherever they may lie."""
    span = float(np.sqrt(view[0] * view[1]))
    # Open handles reach further than the length: turned any way, an item stays within the image.
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
        yield label, parts, _turned(rng, rng.uniform(0, 2 * np.pi))


def place(
    rng: np.random.Generator,
    patch: Patch,
    pieces: Sequence[Luggage],
    attenuation: Floats,
    pixels_per_cm: float,
    overlap: float,
) -> Patch:
    """A patch moved into one of the pieces of luggage, by whole pixels.

    Of some places in luggage it takes one by how much lies there already.

    Args:
        attenuation: What lies in the image so far, (2, h, w).
        overlap: As in `Crowding`.
    """
    height, width = attenuation.shape[1:]
    x0, y0, x1, y1 = patch.box()
    w, h = x1 - x0, y1 - y0
    inside = patch.thickness[y0 - patch.y : y1 - patch.y, x0 - patch.x : x1 - patch.x] > 0
    room = np.array([piece.width * piece.height for piece in pieces])
    places = []
    for piece in rng.choice(len(pieces), _PLACES, p=room / room.sum()):
        middle = _spot(rng, pieces[piece], w / pixels_per_cm, h / pixels_per_cm)
        wanted = np.array(middle) * pixels_per_cm - (w / 2, h / 2)
        x, y = np.clip(wanted, 0, np.maximum((width - w, height - h), 0)).astype(int).tolist()
        # Luggage may reach out of the image: what would lie there is moved into it.
        moved = float(np.abs(wanted - (x, y)).max()) > 1
        under = attenuation[0, y : y + h, x : x + w]
        weight = float(under[inside[: under.shape[0], : under.shape[1]]].mean())
        places.append((moved, weight, x, y))
    # Only where all are moved one of them will do.
    places = sorted(place for place in places if place[0] == min(places)[0])
    rank = np.clip(overlap + rng.uniform(-0.5, 0.5), 0, 1)
    _, _, x, y = places[round(rank * (len(places) - 1))]
    return Patch(patch.x + x - x0, patch.y + y - y0, patch.attenuation, patch.thickness)


def _number(rng: np.random.Generator, limits: tuple[int, int], share: float) -> int:
    return round(share * int(rng.integers(limits[0], limits[1] + 1)))


def _turned(rng: np.random.Generator, angle: float) -> Pose:
    """Most things lie nearly flat, some stand on edge."""
    tilt = rng.uniform(0.9, 1.5) if rng.random() < 0.1 else min(abs(rng.normal(0, 0.35)), 1.0)
    return Pose(
        angle=angle, tilt=tilt, tilt_axis=rng.uniform(0, np.pi), flip=bool(rng.random() < 0.5)
    )


def _direction(rng: np.random.Generator, parts: list[Part], piece: Luggage) -> float:
    """How a thing is turned: large ones along the luggage, small ones anyhow."""
    x0, y0, x1, y1 = extent(parts, Pose())
    if np.hypot(x1 - x0, y1 - y0) < 0.7 * min(piece.width, piece.height):
        return rng.uniform(0, 2 * np.pi)
    across = (x1 - x0 > y1 - y0) != (piece.width > piece.height)
    return piece.lean + across * np.pi / 2 + rng.integers(2) * np.pi + rng.normal(0, 0.1)


def _lay(rng: np.random.Generator, parts: list[Part], piece: Luggage, pose: Pose) -> Pose:
    """The pose moved to where it keeps a thing within luggage, or in its middle if it is larger."""
    x0, y0, x1, y1 = extent(parts, pose)
    x, y = _spot(rng, piece, x1 - x0, y1 - y0)
    return pose._replace(x=x - (x0 + x1) / 2, y=y - (y0 + y1) / 2)


def _spot(
    rng: np.random.Generator, piece: Luggage, width: float, height: float
) -> tuple[float, float]:
    """Where in luggage the middle of a thing of a size may lie."""
    free_x, free_y = max(piece.width - width, 0), max(piece.height - height, 0)
    return piece.point(rng.uniform(-0.5, 0.5) * free_x, rng.uniform(-0.5, 0.5) * free_y)
