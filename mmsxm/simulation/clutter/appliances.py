"""Small electrical appliances: chargers, cells, cameras, hair dryers, flashlights."""

import numpy as np

from mmsxm.simulation.clutter.cables import lead
from mmsxm.simulation.clutter.electronics import board, cells
from mmsxm.simulation.clutter.kit import (
    closed,
    comb,
    cord,
    dots,
    folds,
    moved,
    pick,
    rim,
    tube,
    walls,
)
from mmsxm.simulation.shapes import Outline, Part, bar, box, curve, ellipse, inset, turn


def charger(rng: np.random.Generator) -> list[Part]:
    """Make a power supply: transformer, coils, capacitors, board and leads."""
    w, h = rng.uniform(2.0, 3.2), rng.uniform(3.5, 6.5)
    body = box(-h, -w, h, w, 0.6)
    core = box(-h * 0.2, -w * 0.6, h * 0.25, w * 0.6)
    caps = [
        box(h * 0.4, -w * 0.7, h * 0.8, -w * 0.1, 0.2),
        box(h * 0.45, w * 0.1, h * 0.75, w * 0.7, 0.2),
    ]
    sink = box(-h * 0.8, w * 0.7, h * 0.8, w * 0.8)
    parts = [
        Part('plastic', 0.5, [body]),
        rim('plastic', 1.4, body, 0.25),
        *board(rng, (-h * 0.9, -w * 0.85, h * 0.9, w * 0.85), 0.8),
        Part('steel', 0.4, [core], [inset(core, 0.7)]),
        Part('steel', 0.3, [box(-h * 0.05, -w * 0.6, h * 0.1, w * 0.6)]),
        Part('copper', 0.3, [inset(core, 0.45)]),
        Part('aluminium', 1.2, caps, rounded=True),
        Part('aluminium', 1.5, [sink]),
        Part('copper', 0.3, [ellipse(-h * 0.6, 0, w * 0.35)], [ellipse(-h * 0.6, 0, w * 0.18)]),
    ]
    if rng.random() < 0.5:
        prongs = [box(-h - 1.9, s * 0.95 - 0.22, -h, s * 0.95 + 0.22) for s in (-1, 1)]
        parts.append(Part('copper', 0.25, prongs))
    else:
        parts += moved(lead(rng, rng.uniform(4, 7)), (-h - 5, rng.uniform(-5, 5)))
    return [*parts, *moved(lead(rng, rng.uniform(4, 8)), (h + 4, rng.uniform(-5, 5)))]


def batteries(rng: np.random.Generator) -> list[Part]:
    """Make round cells (steel can, zinc, brass pin): loose, side by side or in a power bank."""
    count = int(rng.integers(1, 7))
    r, h = pick(rng, ((0.7, 2.5), (0.5, 2.2), (0.9, 3.3), (1.7, 3.0)))
    parts = []
    loose = rng.random() < 0.4
    for i in range(count):
        cell = [
            *tube('steel', 0.02, h, r, 0.15),
            Part('copper', 0.2 * r, [box(-h * 0.9, -r * 0.8, h * 0.85, r * 0.8)], rounded=True),
            Part('copper', 0.12, [box(-h * 0.95, -0.1, h * 0.5, 0.1)]),
            Part(
                'steel',
                0.35,
                [box(h, -r * 0.35, h + 0.2, r * 0.35), box(-h, -r * 0.9, -h + 0.12, r * 0.9)],
            ),
        ]
        y = (i - (count - 1) / 2) * 2.15 * r
        at = rng.normal(0, 3, 2) if loose else np.array([rng.normal(0, 0.1), y])
        parts += moved(cell, at, rng.uniform(0, 6) if loose else pick(rng, (0.0, np.pi)))
    if not loose and r == 0.9:
        w = count * r + 0.6
        case = box(-h - 1.8, -w, h + 0.6, w, 0.6)
        parts += [
            *walls('plastic', 0.2, case, 2.2),
            *board(rng, (-h - 1.6, -w * 0.9, -h - 0.2, w * 0.9), 1.5),
        ]
        parts.append(
            Part(
                'steel',
                0.12,
                [box(-h - 1.8, y - 0.6, -h - 0.6, y + 0.6) for y in (-w * 0.5, w * 0.4)],
            )
        )
    return parts


def camera(rng: np.random.Generator) -> list[Part]:
    """Make a camera: body, lens of rings, flash capacitor, cell, screen."""
    w, h, r = rng.uniform(5, 7), rng.uniform(3.2, 4.6), rng.uniform(1.8, 3.2)
    body, x = box(-w, -h, w, h, 0.9), rng.uniform(-0.2, 0.25) * w
    rings = [
        Part('aluminium', 1.2 * t, [ellipse(x, 0.2, r * s)], [ellipse(x, 0.2, r * s - 0.3)])
        for s, t in ((1, 1.0), (0.8, 0.8), (0.55, 0.6))
    ]
    return [
        *walls('plastic', 0.25, body, 3.0),
        Part('aluminium', 0.12, [inset(body, 0.5)]),
        *board(rng, (-w * 0.9, -h * 0.85, w * 0.9, h * 0.3), 0.6),
        *cells(rng, (-w * 0.92, -h * 0.3, -w * 0.6, h * 0.9), 1),
        *rings,
        Part('glass', 1.6, [ellipse(x, 0.2, r * 0.75)], rounded=True),
        Part('glass', 1.2, [ellipse(x, 0.2, r * 0.4)], rounded=True),
        Part('steel', 0.15, [ellipse(x, 0.2, r * 1.12)], [ellipse(x, 0.2, r)]),
        Part('aluminium', 1.2, [box(w * 0.55, -h * 0.95, w * 0.9, -h * 0.6, 0.2)], rounded=True),
        Part('steel', 0.3, [box(-w * 0.4, -h - 0.3, w * 0.2, -h), ellipse(-w * 0.7, -h, 0.6)]),
        Part(
            'steel',
            0.25,
            dots([(-w, -h * 0.6), (w, -h * 0.6), (-w * 0.8, h * 0.9), (w * 0.8, h * 0.9)], 0.3),
        ),
    ]


def hair_dryer(rng: np.random.Generator) -> list[Part]:
    """Make a hair dryer: wide plastic barrel, heating wire on mica, motor with fan, folded grip."""
    h, r = rng.uniform(7, 10), rng.uniform(3.2, 4.2)
    barrel = bar([(-h, 0), (-h * 0.3, 0), (h * 0.5, 0), (h, 0)], [2 * r, 2.1 * r, 1.7 * r, 1.5 * r])
    wire = [
        comb(np.array([(-h * 0.05, y), (h * 0.8, y)]), 0.5, 1.3, 0.9)
        for y in (-r * 0.45, 0, r * 0.45)
    ]
    inner = [
        comb(np.array([(-h * 0.05, y), (h * 0.8, y)]), 0.5, 0.9, 0.9)
        for y in (-r * 0.45, 0, r * 0.45)
    ]
    grip = moved(
        [
            Part('plastic', 0.5, [box(0, -1.7, rng.uniform(9, 12), 1.7, 1.4)]),
            rim('plastic', 1.4, box(0, -1.7, 10, 1.7, 1.4), 0.25),
            Part('copper', 0.15, [box(3, -0.8, 5.5, 0.8), box(6.5, -0.5, 7.5, 0.5)]),
            Part('copper', 0.1, cord(np.linspace((0, -0.5), (10, 0.4), 7), 0.25)),
        ],
        (-h * 0.35, r * 0.6),
        pick(rng, (0.25, 0.5, 2.7)),
    )
    fan = [
        turn(bar([(0.2, 0), (r * 0.85, 0.5)], 0.4), a) - (h * 0.8, 0) for a in np.arange(7) * 0.9
    ]
    return [
        Part('plastic', 0.5, [barrel]),
        Part('plastic', 1.0, [barrel], [barrel * (1, 0.88)]),
        Part('plastic', 1.2, [box(s * h - 0.2, -r * 0.9, s * h + 0.2, r * 0.9) for s in (-1, 1)]),
        Part('steel', 0.12, wire, inner),
        Part(
            'glass',
            0.15,
            [box(-h * 0.1, -0.15, h * 0.85, 0.15), box(h * 0.1, -r * 0.7, h * 0.2, r * 0.7)],
        ),
        Part('steel', 0.5, [box(-h * 0.6, -1.3, -h * 0.2, 1.3, 0.3)]),
        Part('copper', 0.5, [box(-h * 0.5, -0.8, -h * 0.3, 0.8)]),
        Part('plastic', 0.5, fan),
        *grip,
        *moved(lead(rng, 6), (-h - 3, 6)),
    ]


def torch(rng: np.random.Generator) -> list[Part]:
    """Make a flashlight: a tube with a row of round cells, a reflector and a spring."""
    r, count = rng.uniform(1.0, 1.7), int(rng.integers(1, 4))
    h = count * 2.6 + 1
    head = bar([(h, 0), (h + 2, 0), (h + 3.5, 0)], [2 * r, 3.2 * r, 3.2 * r])
    can = [box(-h + 1 + i * 5, -r * 0.75, -h + 5.8 + i * 5, r * 0.75, 0.15) for i in range(count)]
    return [
        *tube(pick(rng, ('aluminium', 'aluminium', 'plastic')), 0.15, h, r),
        Part('aluminium', 0.3, [head]),
        Part('aluminium', 0.8, [head], [head * (1, 0.86)]),
        Part('glass', 1.5, [box(h + 3.2, -1.5 * r, h + 3.5, 1.5 * r)]),
        Part('copper', 0.3, [box(h + 0.5, -0.4, h + 1.5, 0.4)]),
        Part('steel', 0.1, can),
        Part('copper', 0.12, [inset(c, 0.2) for c in can], rounded=True),
        Part('steel', 0.25, [comb(np.array([(-h + 0.2, 0), (-h + 1, 0)]), 0.25, 1.4 * r, 0.8 * r)]),
        Part('aluminium', 0.3, [comb(np.array([(-h * 0.5, 0), (h * 0.3, 0)]), 0.4, 2 * r, 0)]),
    ]


def mouse(rng: np.random.Generator) -> list[Part]:
    """Make a computer mouse with its wheel, board, and cell or lead."""
    h, w = rng.uniform(4.5, 6), rng.uniform(2.6, 3.4)
    body: Outline = curve(
        [
            (-h, 0),
            (-h * 0.6, w),
            (h * 0.4, w * 0.9),
            (h, w * 0.4),
            (h, -w * 0.4),
            (h * 0.4, -w * 0.9),
            (-h * 0.6, -w),
        ],
        closed=True,
    )
    return [
        *walls('plastic', 0.2, body, 3.0),
        *board(rng, (-h * 0.5, -w * 0.6, h * 0.8, w * 0.6), 0.8),
        Part('plastic', 1.0, [box(h * 0.35, -0.35, h * 0.8, 0.35, 0.2)]),
        Part('steel', 0.2, [box(h * 0.5, -0.7, h * 0.6, 0.7)]),
        Part('plastic', 0.5, cord(closed(inset(body, 0.5)), 0.15)),
        *(
            moved(tube('steel', 0.06, 2.5, 0.7), (-h * 0.3, 0))
            if rng.random() < 0.5
            else moved(lead(rng, 6), (h + 5, 3))
        ),
        Part('cloth', 1.0, [inset(body, 1.0)], relief=folds(rng, 3, 3, 0.3)),
    ]
