"""Rigid cases: trolleys, shells, flight cases, cartons.

All have their long side along x. The fan beam of a scanner shows the lid slightly shifted and
larger than the back, so each edge is visible twice.
"""

import numpy as np

from mmsxm.simulation.clutter.fittings import rivets, side_buckle, strap, zipper
from mmsxm.simulation.clutter.kit import (
    closed,
    comb,
    cord,
    creases,
    folds,
    moved,
    pick,
    rim,
    seams,
    shifted,
)
from mmsxm.simulation.shapes import Outline, Part, box, curve, ellipse, inset


def _pair(rng: np.random.Generator, a: float, b: float, radius: float) -> tuple[Outline, Outline]:
    """Make the back and the lid of a case with half sides a and b, as seen by the rays."""
    shrink, room = rng.uniform(0.9, 0.98, 2), 0.06 * min(a, b)
    back, lid = box(-a, -b, a, b, radius), box(-a, -b, a, b, radius) * shrink
    shift = rng.uniform(-1, 1, 2) * ((1 - shrink) * (a, b) + room)
    return (back * (1 - 0.5 * room / b), lid + shift) if rng.random() < 0.5 else (lid + shift, back)


def rails(rng: np.random.Generator, a: float, b: float) -> list[Part]:
    """Make the two telescopic tubes of a full-length handle, with stops, rivets and grip."""
    apart, width = b * rng.uniform(0.28, 0.5), rng.uniform(1.4, 2.4)
    outer, inner = pick(
        rng,
        (
            (('aluminium', 0.45), ('aluminium', 0.4)),
            (('aluminium', 0.6), ('aluminium', 0.3)),
            (('aluminium', 0.4), ('steel', 0.05)),
            (('steel', 0.1), ('steel', 0.06)),
            (('steel', 0.07), ('steel', 0.05)),
        ),
    )
    ends = rng.uniform(0.8, 0.96) * a
    middles = rng.normal(0, 0.05, 2) * b + (-apart, apart)
    tubes = [box(-a * 0.94, y - width / 2, ends, y + width / 2) for y in middles]
    edges = [
        box(-a * 0.94, y + s * width * 0.43 - 0.1, ends, y + s * width * 0.43 + 0.1)
        for y in middles
        for s in (-1, 1)
    ]
    slides = [
        box(-a * 0.97, y - width * 0.36, a * rng.uniform(0.1, 0.5), y + width * 0.36)
        for y in middles
    ]
    stops = [
        box(x * a - 0.7, y - width / 2, x * a + 0.7, y + width / 2)
        for y in middles
        for x in (-0.6, 0.55)
    ]
    bolts = [(x * a, y) for y in middles for x in (-0.9, rng.uniform(-0.7, 0.7), 0.78)]
    grip = box(-a - rng.uniform(0.5, 3), -apart - 1.5, -a + 1.5, apart + 1.5, 1.2)
    return [
        *(Part(*outer, [tube]) for tube in tubes),
        *(Part(outer[0], outer[1] * 1.2, edges[i : i + 2]) for i in (0, 2)),
        *(Part(*inner, [slide]) for slide in slides),
        Part('plastic', 0.8, stops[:2]),
        Part('plastic', 0.8, stops[2:]),
        Part('plastic', 0.7, [grip]),
        rim('plastic', 1.2, grip, 0.35),
        *rivets(np.array([*bolts, *((grip[:, 0].mean(), s * apart) for s in (-1, 1))])),
    ]


def _wheels(rng: np.random.Generator, a: float, b: float) -> list[Part]:
    """Make two wheels in housings at the corners of one end."""
    r, x, y = rng.uniform(2.0, 2.9), a * 0.96, b * rng.uniform(0.78, 0.92)
    wheels = [ellipse(x, s * y, r, r * rng.uniform(0.75, 1), sides=22) for s in (-1, 1)]
    housings = [box(x - 2 * r, s * y - 1.5 * r, x + 0.7 * r, s * y + 1.5 * r, r) for s in (-1, 1)]
    axles = [box(x - 0.22, s * y - r * 0.8, x + 0.22, s * y + r * 0.8) for s in (-1, 1)]
    rubber = pick(rng, (('pvc', 1.3), ('plastic', 3.0), ('pvc', 2.0)))
    return [
        Part('plastic', 0.4, housings),
        *(rim('plastic', 0.7, housing, 0.3) for housing in housings),
        Part(*rubber, wheels),
        *(rim(*rubber, wheel, 0.5) for wheel in wheels),
        Part('steel', 0.45, axles),
        *rivets(np.array([(x - 1.7 * r, s * y + t * r) for s in (-1, 1) for t in (-1, 1)]), 0.25),
    ]


def _spinners(rng: np.random.Generator, a: float, b: float) -> list[Part]:
    """Make four protruding twin wheels at one end, each with its fork and axle."""
    r, parts = rng.uniform(1.6, 2.4), []
    rubber = pick(rng, (('plastic', 2.2), ('pvc', 0.8), ('plastic', 3.0)))
    for y in b * np.array([-0.88, -0.62, 0.62, 0.88]) + rng.normal(0, 0.3, 4):
        turned = rng.uniform(0.5, 1)
        wheel = ellipse(r * 1.5, 0, r * turned, r, sides=20)
        parts += moved(
            [
                Part(*rubber, [wheel]),
                rim(*rubber, wheel, 0.35),
                Part('steel', 0.5, [box(r * 1.5 - 0.22, -r * 0.75, r * 1.5 + 0.22, r * 0.75)]),
                Part('steel', 0.4, [box(-1.2, -0.25, r, 0.25)]),
                Part('plastic', 1.2, [box(-0.6, -r * 0.7, r * 0.9, r * 0.7, 0.4)]),
                Part('steel', 0.12, [box(-1.4, -1.0, -1.0, 1.0)]),
            ],
            (a, y),
        )
    return parts


def _side_handle(rng: np.random.Generator, a: float, b: float) -> list[Part]:
    """Make a handle with its screws, in the middle of a long side."""
    x, half, side = rng.uniform(-0.2, 0.2) * a, rng.uniform(5, 8), pick(rng, (-1, 1))
    line = curve(
        [
            (x - half, side * b),
            (x - half * 0.7, side * (b + 1.8)),
            (x + half * 0.7, side * (b + 1.8)),
            (x + half, side * b),
        ]
    )
    return [
        Part('plastic', 0.8, cord(line, rng.uniform(1.0, 2.0))),
        Part('pvc', 0.5, cord(line, 0.5)),
        *rivets(np.array([(x - half, side * (b - 0.6)), (x + half, side * (b - 0.6))]), 0.35),
    ]


def _studs(rng: np.random.Generator, outline: Outline, count: int) -> list[Part]:
    """Scatter screws along an edge and over the whole case."""
    edge = outline[rng.integers(len(outline), size=count)] * rng.uniform(0.9, 0.99, (count, 1))
    inner = rng.uniform(-0.85, 0.85, (count // 2, 2)) * outline.max(0)
    return rivets(np.concatenate([edge, inner]), rng.uniform(0.18, 0.3))


def trolley(rng: np.random.Generator, a: float, b: float) -> list[Part]:
    """Make a soft case over a spring wire frame: pockets, zippers, rails, wheels, inner straps."""
    back, lid = _pair(rng, a, b, rng.uniform(2, 5))
    wire, thickness, width = pick(
        rng, (('steel', 0.14, 0.25), ('steel', 0.2, 0.2), ('pvc', 0.7, 0.4), ('pvc', 0.5, 0.4))
    )
    loops = [cord(closed(o), width)[0] for o in (back, lid, inset(lid, rng.uniform(0.6, 2)))]
    pocket = box(-a * rng.uniform(0.3, 0.85), -b * 0.8, a * 0.85, b * rng.uniform(-0.2, 0.7), 2.5)
    belts = [np.linspace((s * a * 0.5, -b), (s * a * 0.3, b), 8) for s in (-1, 1)]
    lining = pick(rng, (('cloth', 0.5), ('pvc', 0.06), ('plastic', 0.1)))
    return [
        Part('cloth', 0.35, [back], relief=folds(rng, 6, 9, 0.5)),
        Part(*lining, [lid], relief=folds(rng, 8, 7, 0.35)),
        Part(wire, thickness, loops),
        Part('plastic', 0.12, [back], [inset(lid, 0.5)]),
        *rails(rng, a, b),
        *(_wheels if rng.random() < 0.6 else _spinners)(rng, a, b),
        *_side_handle(rng, a, b),
        *zipper(rng, closed(inset(lid, 1.6))[: int(len(lid) * 0.75)], 2),
        *zipper(rng, pocket[: len(pocket) // 2], 1)[1:],
        *(part for belt in belts if rng.random() < 0.5 for part in strap(belt, 2.5)),
        *moved(side_buckle(rng), rng.uniform(-0.3, 0.3, 2) * (a, b), np.pi / 2),
        Part(
            'cloth',
            1.0,
            [
                *creases(rng, 2 * a, 2 * b, 24, 0.35),
                *seams(rng, lid, 3, 0.1),
                *cord(closed(pocket), 0.5),
            ],
        ),
        *_studs(rng, back, 12),
    ]


def shell_case(rng: np.random.Generator, a: float, b: float) -> list[Part]:
    """Make a hard shell: ribs, a metal frame or zipper between halves, spinners, lock, rails."""
    back, lid = _pair(rng, a, b, rng.uniform(3, 7))
    shell = pick(rng, (('plastic', 0.16), ('pvc', 0.06), ('plastic', 0.22), ('pvc', 0.09)))
    ribs = [
        box(-a * 0.9, y - 0.2, a * 0.9, y + 0.2)
        for y in np.linspace(-b * 0.8, b * 0.8, int(rng.integers(5, 10)))
    ]
    framed = rng.random() < 0.4
    seam = inset(lid, 0.8)
    if framed:
        middle = [
            Part('aluminium', 0.7, cord(closed(seam), 0.4)),
            Part('aluminium', 0.4, cord(closed(inset(seam, 1.3)), 0.25)),
        ]
        latches = [box(x * a - 1.6, -b - 0.4, x * a + 1.6, -b + 1.4) for x in (-0.5, 0.5)]
        middle += [
            Part('steel', 0.12, latches),
            Part('steel', 0.3, [inset(latch, 0.5) for latch in latches]),
        ]
    else:
        middle = zipper(rng, closed(seam), 2)
    lock = shifted(box(-2.0, b - 1.6, 2.0, b + 0.2, 0.3), rng.uniform(-0.4, 0.4) * a, 0)
    straps = [np.linspace((-a * 0.75, s * b * 0.85), (a * 0.75, -s * b * 0.85), 8) for s in (-1, 1)]
    hinges = [box(x * a - 1.5, b - 0.5, x * a + 1.5, b - 0.1) for x in (-0.6, 0.0, 0.6)]
    return [
        Part(*shell, [back]),
        Part(*shell, [lid]),
        rim(shell[0], 2.5 * shell[1], back, 0.6),
        rim(shell[0], 2.5 * shell[1], lid, 0.4),
        Part(shell[0], 0.7 * shell[1], ribs if rng.random() < 0.7 else [inset(lid, 4)]),
        *middle,
        *rails(rng, a, b),
        *_spinners(rng, a, b),
        *_side_handle(rng, a, b),
        Part('plastic', 0.8, [lock]),
        Part('steel', 0.2, [inset(lock, 0.6)]),
        Part('steel', 0.12, hinges),
        Part('cloth', 0.5, [inset(back, 1.5)], relief=folds(rng, 7, 9, 0.5)),
        *(part for line in straps if rng.random() < 0.5 for part in strap(line, 2.0)),
        Part('cloth', 1.0, creases(rng, 2 * a, 2 * b, 20, 0.3)),
        *_studs(rng, back, 14),
    ]


def flight_case(rng: np.random.Generator, a: float, b: float) -> list[Part]:
    """Make a tool or instrument case: boards with metal edges, corners and latches, and foam."""
    back, lid = _pair(rng, a, b, 0.6)
    size = rng.uniform(2.5, 4.5)
    corner = np.array([(0, 0), (-size, 0), (-size * 0.4, -size * 0.4), (0, -size)])
    corners = [shifted(corner, a + 0.3, b + 0.3) * (x, y) for x in (-1, 1) for y in (-1, 1)]
    latches = [box(x * a - 1.5, -b - 0.5, x * a + 1.5, -b + 2, 0.3) for x in (-0.55, 0.55)]
    foam = comb(np.linspace((-a * 0.9, 0), (a * 0.9, 0), 3), rng.uniform(1.5, 3), 1.8 * b, 1.75 * b)
    return [
        Part(*pick(rng, (('paper', 0.5), ('plastic', 0.4), ('aluminium', 0.06))), [back]),
        rim('paper', 0.8, back, 0.6),
        Part('aluminium', 0.35, cord(closed(back), 0.8)),
        Part('aluminium', 0.35, cord(closed(lid), 0.6)),
        *(Part('steel', 0.12, [corner]) for corner in corners),
        Part('steel', 0.1, latches),
        Part('steel', 0.3, [inset(latch, 0.8) for latch in latches]),
        Part('steel', 0.15, [box(-a * 0.8, b - 0.3, a * 0.8, b + 0.1)]),
        Part('cloth', 0.5, [foam]),
        *_side_handle(rng, a, b),
        *_studs(rng, back, 18),
    ]


def carton(rng: np.random.Generator, a: float, b: float) -> list[Part]:
    """Make a box of corrugated board, taped and stapled."""
    back, lid = _pair(rng, a, b, 0.0)
    staples = [box(x, y, x + 1.2, y + 0.12) for x, y in rng.uniform(-0.85, 0.85, (8, 2)) * (a, b)]
    flute = comb(np.linspace((-a, 0), (a, 0), 3), 0.8, 2 * b, 1.99 * b)
    return [
        Part('paper', 0.12, [back]),
        Part('paper', 0.12, [flute, lid]),
        rim('paper', 1.5, back, 0.35),
        rim('paper', 1.2, lid, 0.3),
        Part('paper', 0.25, [box(-a, -b * 0.05 - 0.2, a, b * 0.05)]),
        Part('plastic', 0.08, [box(-a, -2.5, a, 2.5)]),
        Part('steel', 0.15, staples),
    ]


def make_tray(rng: np.random.Generator, width: float, height: float) -> list[Part]:
    """Make an open plastic tray. From above, its slanted walls are wide bands, its feet crosses."""
    w, h = width / 2, height / 2
    lean = rng.uniform(3, 5)
    outer, floor = box(-w, -h, w, h, 3.5), box(-w + lean, -h + lean, w - lean, h - lean, 2.5)
    floor = floor + rng.uniform(-0.7, 0.7, 2) * lean
    ticks = [(x * w, s * (h - 0.8)) for x in np.linspace(-0.8, 0.8, 5) for s in (-1, 1)]
    ticks += [(s * (w - 0.8), y * h) for y in np.linspace(-0.6, 0.6, 3) for s in (-1, 1)]
    crosses = [o + t for t in ticks for o in (box(-0.1, -0.7, 0.1, 0.7), box(-0.7, -0.1, 0.7, 0.1))]
    step = rng.uniform(0.2, 0.45) * height - h
    return [
        Part('plastic', 0.3, [outer]),
        Part('plastic', 0.35, [outer], [floor]),
        Part('plastic', 0.9, cord(closed(outer), 0.4)),
        rim('plastic', 0.3, outer, 1.6),
        Part('plastic', 0.9, cord(closed(floor), 0.25)),
        Part('plastic', 1.5, crosses),
        Part('plastic', 1.2, [box(-w + 0.5, step, w - 0.5, step + 0.25)]),
    ]
