"""Toiletries, and the pouch for them."""

import numpy as np

from mmsxm.simulation.clutter.containers import screw_cap
from mmsxm.simulation.clutter.fittings import zipper
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
    sweep,
    walls,
)
from mmsxm.simulation.clutter.personal import coins, jewellery, lighter
from mmsxm.simulation.shapes import Part, bar, box, ellipse, inset


def tube_of_paste(rng: np.random.Generator) -> list[Part]:
    """Make a tube of toothpaste or cream, flat at the crimp and round at the cap."""
    h, r = rng.uniform(5, 9), rng.uniform(1.6, 2.6)
    body = np.array(
        [
            (-h, -r * 1.15),
            (h, -r * 0.9),
            (h + 0.6, -r * 0.5),
            (h + 0.6, r * 0.5),
            (h, r * 0.9),
            (-h, r * 1.15),
        ]
    )
    paste = pick(rng, ('water', 'pvc'))
    return [
        Part('plastic', 0.15, [body]),
        Part(
            paste,
            r * (1.4 if paste == 'water' else 0.6),
            [body * (0.93, 0.92)],
            rounded=True,
            relief=folds(rng, 3, 7, 0.25),
        ),
        Part('plastic', 0.5, [box(-h, -r * 1.15, -h + 0.9, r * 1.15)]),
        Part('plastic', 1.0, [box(-h + 0.3, -r * 1.1, -h + 0.4, r * 1.1)]),
        *moved(screw_cap(rng, r * 0.7), (h + 0.6, 0)),
    ]


def perfume(rng: np.random.Generator) -> list[Part]:
    """Make a heavy glass flacon with a metal collar."""
    w, h = rng.uniform(2, 3.2), rng.uniform(2.5, 4.5)
    body = pick(rng, (box(-h, -w, h, w, 0.4), ellipse(0, 0, h, w), box(-h, -w, h, w, w * 0.8)))
    x = body[:, 0].max()
    return [
        Part('glass', 1.0, [body]),
        rim('glass', 1.6, body, 0.5),
        Part('water', 1.4, [inset(body, 0.6)]),
        Part('plastic', 0.4, [box(-h * 0.7, -0.15, x, 0.15)]),
        Part('aluminium', 0.6, [box(x, -0.8, x + 0.8, 0.8)]),
        Part('steel', 0.3, [box(x - 0.2, -0.3, x + 1.2, 0.3)]),
        Part(
            pick(rng, ('plastic', 'glass')),
            1.6,
            [box(x + 0.8, -1.3, x + 3.2, 1.3, 0.3)],
            rounded=True,
        ),
    ]


def soap(rng: np.random.Generator) -> list[Part]:
    """Make a stamped bar of soap, sometimes in its box."""
    w, h = rng.uniform(3.2, 4.5), rng.uniform(2.2, 3)
    body = box(-w, -h, w, h, rng.uniform(0.5, 1.8))
    parts = [
        Part('water', rng.uniform(1.8, 2.6), [body], [ellipse(0, 0, w * 0.5, h * 0.45)]),
        Part('water', 1.6, [ellipse(0, 0, w * 0.5, h * 0.45)]),
        Part('water', 0.5, [inset(body, 0.5)]),
    ]
    if rng.random() < 0.5:
        parts += walls('plastic', 0.15, box(-w - 0.6, -h - 0.6, w + 0.6, h + 0.6, 0.8), 3.0)
    return parts


def cosmetics(rng: np.random.Generator) -> list[Part]:
    """Make lipsticks, a compact with its mirror, mascara and a brush."""
    parts, r = [], rng.uniform(2.6, 4)
    for _ in range(int(rng.integers(1, 4))):
        stick = [
            Part(
                *pick(rng, (('aluminium', 0.25), ('plastic', 0.5), ('steel', 0.08))),
                [box(-3.8, -0.9, 3.8, 0.9, 0.2)],
            ),
            Part('copper', 0.06, [box(-1.5, -0.8, 0.5, 0.8)]),
            Part('water', 1.2, [box(-1, -0.55, 2.5, 0.55, 0.4)], rounded=True),
            Part(
                'steel',
                0.25,
                [comb(np.array([(0.5, 0), (3, 0)]), 0.2, 0.5, 0.2)]
                if rng.random() < 0.3
                else [box(-1.4, -0.75, -1.2, 0.75)],
            ),
        ]
        parts += moved(stick, rng.normal(0, 4, 2), rng.uniform(0, 6))
    compact = ellipse(0, 0, r)
    brush = [
        Part('plastic', 0.7, [bar([(-8, 0), (0, 0), (2, 0)], [0.5, 0.9, 0.9])], rounded=True),
        Part('aluminium', 0.12, [box(1, -0.6, 3.2, 0.6)]),
        Part('cloth', 2.5, [bar([(3, 0), (4.5, 0), (6.5, 0)], [1.0, 2.2, 0.8])], rounded=True),
    ]
    return [
        *parts,
        Part('plastic', 0.4, [compact]),
        rim('plastic', 0.8, compact, 0.25),
        Part('glass', 0.2, [inset(compact, 0.5)]),
        Part('pvc', 0.5, [inset(compact, 0.9)], relief=folds(rng, 3, 3, 0.3)),
        Part('steel', 0.2, [box(-0.8, -r - 0.1, 0.8, -r + 0.25), box(-0.4, r - 0.2, 0.4, r + 0.2)]),
        *moved(brush, rng.normal(0, 5, 2), rng.uniform(0, 6)),
    ]


def comb_and_brush(rng: np.random.Generator) -> list[Part]:
    """Make a comb, a hairbrush with pins or a toothbrush."""
    kind = rng.integers(3)
    if kind == 0:
        half = rng.uniform(6, 10)
        teeth = comb(np.array([(-half, 0.9), (half, 0.9)]), rng.uniform(0.25, 0.4), 2.4, 0.05)
        return [
            Part('plastic', 0.4, [teeth]),
            Part('plastic', 0.5, [box(-half - 0.6, -0.6, half + 0.6, 0.3, 0.3)]),
        ]
    if kind == 1:
        head = ellipse(4, 0, 5, 3.2)
        pins = [
            (4 + x, y)
            for x in np.arange(-3.8, 4, 0.9)
            for y in np.arange(-2.2, 2.3, 0.75)
            if (x / 4.2) ** 2 + (y / 2.5) ** 2 < 1
        ]
        grip = bar([(-11, 0), (-6, 0), (0, 0)], [1.6, 2.4, 1.6])
        pin = pick(rng, ('steel', 'plastic'))
        return [
            Part('plastic', 0.8, [head, grip], relief=folds(rng, 3, 5, 0.15)),
            rim('plastic', 0.8, head, 0.4),
            Part('pvc', 0.3, [inset(head, 0.7)]),
            Part(pin, 0.8, dots(pins, 0.1 if pin == 'steel' else 0.2)),
        ]
    handle = bar(sweep(rng, 16, 0.4), [1.3, 1.5, 1.0, 0.5, 0.6])
    bristles = [box(5.6 + 0.5 * i, -0.5, 5.9 + 0.5 * i, 0.5) for i in range(6)]
    return [
        Part('plastic', 0.8, [handle], rounded=True),
        Part('plastic', 0.6, [box(5.2, -0.6, 8.6, 0.6, 0.4)]),
        Part('plastic', 1.0, bristles),
        Part('copper', 0.02, bristles),
    ]


def pouch(rng: np.random.Generator) -> list[Part]:
    """Make a toiletry or cable bag: soft walls, a zipper on three sides, small objects in it."""
    w, h = rng.uniform(8, 14), rng.uniform(5, 9)
    outline = box(-w, -h, w, h, 2.0)
    arc = closed(outline)[: int(len(outline) * 0.8)]
    inner = [
        moved(
            pick(rng, (coins, cosmetics, comb_and_brush, lighter, jewellery))(rng),
            rng.uniform(-0.4, 0.4, 2) * (w, h),
        )
        for _ in range(2)
    ]
    return [
        Part('cloth', 0.6, [outline], relief=folds(rng, 6, 8, 0.5)),
        Part('cloth', 1.2, creases(rng, 2 * w, 2 * h, 14, 0.3)),
        Part('pvc', 0.25, cord(closed(inset(outline, 0.5)), 0.35)),
        *zipper(rng, arc, 2),
        *(part for parts in inner for part in parts),
    ]
