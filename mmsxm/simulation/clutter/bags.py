"""Soft bags, and the choice among all luggage.

Their walls are thin, so the white of a scanner shines through. Only lines are visible: piping,
seams, zippers, straps, the many creases of the cloth, and small metal.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mmsxm.simulation.clutter.cases import carton, flight_case, shell_case, trolley
from mmsxm.simulation.clutter.fittings import (
    d_ring,
    ladder_lock,
    loose_metal,
    piping,
    side_buckle,
    strap,
    zipper,
)
from mmsxm.simulation.clutter.kit import (
    closed,
    comb,
    cord,
    creases,
    dots,
    folds,
    moved,
    pick,
    rim,
    seams,
)
from mmsxm.simulation.shapes import Outline, Part, box, curve, ellipse, inset


def _sack(rng: np.random.Generator, w: float, h: float, square: float = 5.0) -> Outline:
    """Make a sagging rounded rectangle with half sides w and h."""
    t = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    reach = (np.abs(np.cos(t)) ** square + np.abs(np.sin(t)) ** square) ** (-1 / square)
    # Sum of waves; the short ones are the pleats of the cloth.
    sag = sum(
        np.cos(k * t + rng.uniform(0, 6.3)) * f for k, f in ((2, 1), (3, 1), (5, 0.8), (9, 0.4))
    )
    reach *= 0.95 - rng.uniform(0.01, 0.025) * sag
    return np.stack([np.cos(t) * w, np.sin(t) * h], 1) * reach[:, None]


def _cloth(rng: np.random.Generator, outline: Outline, heavy: float = 1.0) -> list[Part]:
    """Make two thin walls of cloth: wavy seams along the edge, tucks at it, creases everywhere."""
    w, h = outline.max(0)
    lining = pick(rng, (('cloth', 0.4), ('cloth', 0.2), ('pvc', 0.04), ('pvc', 0.02)))
    faint, strong = pick(rng, (('cloth', 'cloth'), ('cloth', 'pvc')))
    thin = 1.0 if strong == 'cloth' else 0.15
    edge = outline[rng.integers(len(outline), size=8)]
    tucks = [
        cord(curve([p, p * rng.uniform(0.75, 0.9, 2), p * rng.uniform(0.5, 0.8)], steps=4), 0.25)[0]
        for p in edge
    ]
    return [
        Part('cloth', 0.25 * heavy, [outline], relief=folds(rng, 9, 11, 0.6)),
        Part(lining[0], lining[1] * heavy, [outline * 0.985], relief=folds(rng, 7, 8, 0.4)),
        Part(strong, thin, seams(rng, outline, 5, 0.14)),
        Part(faint, 0.9, creases(rng, 2 * w, 2 * h, 30, 0.3) + tucks + seams(rng, outline, 3, 0.1)),
        Part(faint, 0.5, creases(rng, 1.8 * w, 1.8 * h, 10, 1.4)),
    ]


def _arch(x: float, half: float, y: float, rise: float) -> Outline:
    """Make the line of a handle above y."""
    return curve(
        [
            (x - half, y + 1.5),
            (x - half * 0.85, y - rise * 0.7),
            (x, y - rise),
            (x + half * 0.85, y - rise * 0.7),
            (x + half, y + 1.5),
        ]
    )


def duffel(rng: np.random.Generator, w: float, h: float) -> list[Part]:
    """Make a travel bag: two long straps as handles, end pockets, shoulder strap, long zipper."""
    body = _sack(rng, w, h, rng.uniform(3, 5))
    xs, rise = w * rng.uniform(0.25, 0.4), rng.uniform(2, 7)
    bands = [
        np.linspace((s * xs, -h * 0.98), (s * xs, h * 0.98), 10) + rng.normal(0, 0.4, (10, 2))
        for s in (-1, 1)
    ]
    zip_line = curve(
        [(-w * 0.85, rng.normal(0, 2)), (0, rng.normal(0, 2)), (w * 0.85, rng.normal(0, 2))]
    )
    ends = [
        curve([(s * w * 0.75, -h * 0.8), (s * w * 0.66, 0), (s * w * 0.75, h * 0.8)])
        for s in (-1, 1)
    ]
    shoulder = curve(rng.uniform(-0.8, 0.8, (5, 2)) * (w, h))
    return [
        *_cloth(rng, body),
        piping(rng, body),
        piping(rng, inset(body, rng.uniform(1, 3))),
        *(part for band in bands for part in strap(band, 2.8)),
        *strap(_arch(0, xs, -h, rise), 2.8),
        *zipper(rng, zip_line, 2),
        *(part for line in ends for part in zipper(rng, line, 1)),
        *(part for s in (-1, 1) for part in moved(d_ring(rng), (s * w * 0.93, -h * 0.5), 1.57)),
        *strap(shoulder, 2.5),
        *moved(ladder_lock(rng), shoulder[8], rng.uniform(0, 3)),
        *loose_metal(rng, w, h, int(rng.integers(3, 8))),
    ]


def backpack(rng: np.random.Generator, w: float, h: float) -> list[Part]:
    """Make a backpack: round top (left), arched pockets, padded straps, buckles, ribbed back."""
    body = _sack(rng, w, h, rng.uniform(2.6, 4))
    body[:, 1] *= 0.92 + 0.1 * np.tanh(body[:, 0] / w * 3 + 1)
    pockets = [
        curve([(0.8, -y), (x, -y * 0.95), (x - 0.12, 0), (x, y * 0.95), (0.8, y)]) * (w, h)
        for x, y in ((rng.uniform(-0.1, 0.3), 0.7), (rng.uniform(-0.5, -0.2), 0.85))
    ]
    straps = [
        curve([(-0.9, s * 0.25), (-0.4, s * rng.uniform(0.4, 0.7)), (0.1, s * 0.8), (0.6, s * 0.6)])
        * (w, h)
        for s in (-1, 1)
    ]
    tails = [
        line[-1] + curve([(0, 0), (w * 0.2, rng.normal(0, 3)), (w * 0.55, rng.normal(0, 6))])
        for line in straps
    ]
    haul = _arch(0, 3.5, 0, 4)[:, ::-1] - (w, 0)
    ribs = comb(np.linspace((-w * 0.6, 0), (w * 0.6, 0), 3), rng.uniform(2.5, 5), h * 0.9, h * 0.82)
    return [
        *_cloth(rng, body),
        piping(rng, body),
        Part('cloth', 0.8, [ribs]),
        *(part for line in pockets for part in zipper(rng, line, int(rng.integers(1, 3)))),
        *zipper(rng, closed(inset(body, 2))[15:50], 2),
        *(Part('cloth', 1.0, cord(line, 5.5)) for line in straps),
        *(part for line in straps for part in strap(line, 2.2)),
        *(part for line in tails for part in strap(line, 2.0)),
        *(part for line in straps for part in moved(ladder_lock(rng), line[-1], rng.uniform(0, 3))),
        *moved(side_buckle(rng), rng.uniform(-0.5, 0.5, 2) * (w, h), rng.uniform(0, 6)),
        Part('cloth', 1.5, cord(haul, 1.8)),
        *loose_metal(rng, w, h, int(rng.integers(3, 9))),
    ]


def handbag(rng: np.random.Generator, w: float, h: float) -> list[Part]:
    """Make a (faux) leather bag: frame or zipper, handle or chain on rings, studs, a snap."""
    body = _sack(rng, w, h, rng.uniform(3, 7))
    body[:, 0] *= 1 + 0.12 * body[:, 1] / h
    wall = pick(rng, (('leather', 0.25), ('pvc', 0.12), ('leather', 0.18)))
    handle = _arch(
        rng.normal(0, 0.1) * w, w * rng.uniform(0.35, 0.6), -h, h * rng.uniform(0.15, 0.4)
    )
    top = np.linspace((-w * 0.8, -h * 0.9), (w * 0.8, -h * 0.9), 10)
    feet = [(x * w, h * 0.93) for x in (-0.7, -0.25, 0.25, 0.7)]
    return [
        Part(*wall, [body], relief=folds(rng, 6, 8, 0.4)),
        *_cloth(rng, inset(body, 0.5), 0.7),
        piping(rng, body),
        Part('steel', 0.25, [comb(handle, 0.9, 0.8, 0.25)])
        if rng.random() < 0.35
        else Part('leather', 1.2, cord(handle, 1.2)),
        Part('steel', 0.15, cord(top, 0.6)) if rng.random() < 0.4 else zipper(rng, top, 1)[1],
        *(part for i in (2, -3) for part in moved(d_ring(rng), handle[i], rng.uniform(0, 3))),
        Part('steel', 0.12, [ellipse(0, -h * 0.5, 0.9)]),
        Part('steel', 0.3, dots(feet, 0.45)),
        *zipper(rng, np.linspace((-w * 0.5, 0), (w * 0.5, rng.normal(0, 1)), 8), 1),
        *loose_metal(rng, w, h, int(rng.integers(2, 7))),
    ]


def briefcase(rng: np.random.Generator, w: float, h: float) -> list[Part]:
    """Make a laptop bag: two lines of crisp piping, a padded grip, D-rings at its ends."""
    body = _sack(rng, w, h, 9)
    shift = rng.normal(0, 0.02, 2) * (w, h)
    core = pick(rng, (('pvc', 0.6), ('steel', 0.12), ('pvc', 0.9)))
    loops = [cord(closed(body) * s + shift * k, 0.3)[0] for k, s in enumerate((0.93, 0.9, 0.87))]
    grip = _arch(0, w * rng.uniform(0.2, 0.3), -h, rng.uniform(4, 7))
    flap = box(-w * 0.85, -h * 0.75, w * 0.85, -h * rng.uniform(0.1, 0.3), 2)
    bands = [np.linspace((x, -h * 0.95), (x, h * 0.9), 6) for x in grip[[2, -3], 0]]
    return [
        *_cloth(rng, body, 0.8),
        *(Part(*core, [loop]) for loop in loops),
        *strap(grip, 2.4),
        Part('pvc', 0.5, cord(grip[7:-7], 2.6)),
        *(part for band in bands for part in strap(band, 2.4)),
        Part('cloth', 0.5, [flap]),
        rim('cloth', 1.0, flap, 0.4),
        *zipper(rng, closed(inset(body, 1.5))[30:58], 2),
        *(part for s in (-1, 1) for part in moved(d_ring(rng), (s * w * 1.0, -h * 0.4), 1.57)),
        *loose_metal(rng, w, h, int(rng.integers(2, 6))),
    ]


def plastic_bag(rng: np.random.Generator, w: float, h: float) -> list[Part]:
    """Make a bag of thin, crumpled film with two handles. It is barely visible."""
    body = _sack(rng, w, h, 3.0)
    handles = [_arch(x * w, w * 0.12, -h * 0.85, h * 0.25) for x in (-0.5, 0.5)]
    film = pick(rng, (('plastic', 0.06), ('pvc', 0.03), ('paper', 0.12)))
    return [
        Part(*film, [body], relief=folds(rng, 10, 12, 0.7)),
        *(Part(film[0], 2 * film[1], cord(line, 2.0)) for line in handles),
        Part('plastic', 0.25, creases(rng, 2 * w, 2 * h, 30, 0.25)),
        Part('plastic', 0.12, creases(rng, 1.8 * w, 1.8 * h, 10, 1.5)),
        Part('plastic', 0.3, cord(closed(body), 0.15)),
        *loose_metal(rng, w, h, int(rng.integers(0, 2))),
    ]


class BagKind(NamedTuple):
    """Function that makes luggage from half its width and height in cm, and its share."""

    make: Callable[[np.random.Generator, float, float], list[Part]]
    weight: float


BAGS = {
    'trolley': BagKind(trolley, 0.24),
    'shell case': BagKind(shell_case, 0.2),
    'duffel': BagKind(duffel, 0.14),
    'backpack': BagKind(backpack, 0.18),
    'handbag': BagKind(handbag, 0.07),
    'briefcase': BagKind(briefcase, 0.08),
    'plastic bag': BagKind(plastic_bag, 0.05),
    'flight case': BagKind(flight_case, 0.02),
    'carton': BagKind(carton, 0.02),
}
_LYING = ('trolley', 'shell case', 'backpack')  # drawn with their long side along x


def make_bag(rng: np.random.Generator, width: float, height: float) -> list[Part]:
    """Make empty luggage of about width x height cm."""
    weights = np.array([kind.weight for kind in BAGS.values()])
    name = list(BAGS)[int(rng.choice(len(BAGS), p=weights / weights.sum()))]
    a, b = width / 2, height / 2
    if name not in _LYING:
        return BAGS[name].make(rng, a, b)
    parts = BAGS[name].make(rng, max(a, b), min(a, b))
    angle = (0.0 if a >= b else np.pi / 2) + pick(rng, (0.0, np.pi))
    return moved(parts, angle=angle)
