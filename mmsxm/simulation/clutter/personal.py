"""Objects from pockets and toiletry bags."""

import numpy as np

from mmsxm.simulation.clutter.fittings import zipper
from mmsxm.simulation.clutter.kit import comb, cord, dots, folds, moved, pick, rim, tangle, walls
from mmsxm.simulation.shapes import Part, bar, box, curve, ellipse, inset


def coins(rng: np.random.Generator) -> list[Part]:
    """Make loose coins, or a roll of coins on edge."""
    if rng.random() < 0.15:
        edges = [box(i * 0.22, -1.1, i * 0.22 + 0.16, 1.1) for i in range(int(rng.integers(8, 25)))]
        return [Part('copper', 1.8, edges), Part('paper', 0.1, [box(-0.4, -1.2, 6, 1.2)])]
    parts = []
    for x, y in rng.normal(0, rng.uniform(0.8, 3), (int(rng.integers(2, 12)), 2)):
        coin = ellipse(x, y, rng.uniform(0.8, 1.35), sides=18)
        metal, thickness = pick(rng, (('copper', 0.16), ('steel', 0.17), ('copper', 0.2)))
        parts += [Part(metal, thickness, [coin]), rim(metal, 0.05, coin, 0.15)]
    return parts


def keys(rng: np.random.Generator) -> list[Part]:
    """Make keys on a split ring with a fob."""
    parts = [Part('steel', 0.25, [ellipse(0, 0, 1.3)], [ellipse(0, 0, 1.05)])]
    start = rng.uniform(0, 6)
    for i in range(int(rng.integers(2, 6))):
        bow, length = rng.uniform(0.9, 1.25), rng.uniform(2.4, 3.8)
        teeth = comb(np.array([(bow, -0.15), (bow + length, -0.1)]), 0.5, 0.75, 0.45)
        head = ellipse(0, 0, bow, bow * rng.uniform(0.8, 1.1), sides=int(pick(rng, (6, 16))))
        key = [
            Part(
                pick(rng, ('copper', 'steel')),
                0.2,
                [head, teeth],
                [ellipse(-bow * 0.6, 0, 0.28, sides=10)],
            )
        ]
        if rng.random() < 0.3:  # a car key, whose head is a remote control
            key += [
                Part('plastic', 1.0, [box(-2.5, -1.4, 1.2, 1.4, 0.6)]),
                Part('copper', 0.1, [box(-2, -0.9, 0, 0.9)]),
                Part('steel', 0.2, [ellipse(-1, 0, 0.8)]),
            ]
        angle = start + i * rng.uniform(0.25, 0.7)
        parts += moved(key, (2.0 * np.cos(angle), 2.0 * np.sin(angle)), angle)
    fob = pick(rng, (box(-3.8, -0.9, -1.2, 0.9, 0.4), ellipse(-2.8, 0, 1.6)))
    return [
        *parts,
        *moved(
            [Part(*pick(rng, (('plastic', 0.5), ('leather', 0.4), ('steel', 0.2))), [fob])],
            (0, 0),
            start - 0.6,
        ),
    ]


def glasses(rng: np.random.Generator) -> list[Part]:
    """Make glasses with arms folded or open, sometimes in their case."""
    r = rng.uniform(2.1, 2.8)
    lenses = [ellipse(s * (r + 0.8), 0, r, r * rng.uniform(0.7, 0.95)) for s in (-1, 1)]
    metal, thickness = pick(rng, (('steel', 0.18), ('plastic', 0.6), ('copper', 0.12)))
    reach = 2 * r + 1.0
    arms = [
        curve([(s * reach, 0.2), (s * -reach * 0.3, 1.0 + 0.3 * s), (s * -reach, 1.6)])
        for s in (-1, 1)
    ]
    case = box(-8, -3.2, 8, 3.4, 2.4)
    parts = [
        Part('glass', 0.18, lenses),
        *(Part(metal, thickness, [lens], [inset(lens, 0.25)]) for lens in lenses),
        Part(metal, thickness, [bar(curve([(-0.9, 0), (0, -0.5), (0.9, 0)]), 0.3)]),
        Part(metal, thickness, [bar(arm, 0.35) for arm in arms]),
        Part('steel', 0.35, dots([(s * reach, 0.1) for s in (-1, 1)], 0.25)),
    ]
    if rng.random() < 0.5:
        parts += [
            *walls('plastic', 0.15, case, 4),
            Part('steel', 0.05, [inset(case, 0.4)], [inset(case, 1.0)]),
        ]
        parts.append(Part('steel', 0.2, [box(-6, -3.4, 6, -3.15)]))
    return parts


def watch(rng: np.random.Generator) -> list[Part]:
    """Make a watch: case with movement and cell, strap of links or leather, clasp."""
    r, links = rng.uniform(1.4, 2.2), rng.random() < 0.5
    t = np.linspace(0.35, 2 * np.pi - 0.35, 24)
    loop = np.stack([rng.uniform(2.6, 3.4) * (np.cos(t) - 1), rng.uniform(2.8, 3.6) * np.sin(t)], 1)
    strap = (
        Part('steel', 0.35, [comb(loop, 0.65, 1.6, 1.1)])
        if links
        else Part('leather', 1.0, cord(loop, 1.4))
    )
    x, y = loop[12]
    return [
        strap,
        Part('steel', 0.3, [ellipse(0, 0, r)]),
        Part('steel', 0.6, [ellipse(0, 0, r)], [ellipse(0, 0, r * 0.8)]),
        Part(
            'copper',
            0.15,
            [
                ellipse(x, y, r * rng.uniform(0.2, 0.35), sides=14)
                for x, y in rng.normal(0, r * 0.3, (4, 2))
            ],
        ),
        Part(
            'steel',
            0.3,
            [ellipse(-r * 0.3, r * 0.3, r * 0.4, sides=14), box(r, -0.25, r + 0.4, 0.25)],
        ),
        Part(
            'steel',
            0.3,
            [box(x - 0.5, y - 1.0, x + 0.5, y + 1.0, 0.2)],
            [box(x - 0.2, y - 0.7, x + 0.2, y + 0.7)],
        ),
    ]


def jewellery(rng: np.random.Generator) -> list[Part]:
    """Make a loose string of beads or chain with pendant and clasp, and rings next to it."""
    line = tangle(rng, rng.uniform(2.5, 7), rng.uniform(1.0, 2.2), 60)
    bead = rng.uniform(0.3, 0.9)
    material, thickness = pick(
        rng, (('steel', 0.2), ('copper', 0.2), ('glass', 0.8), ('steel', 0.35), ('pvc', 0.8))
    )
    distance = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.arange(0, distance[-1], bead * 1.15)[:110]
    places = np.stack([np.interp(at, distance, line[:, i]) for i in (0, 1)], 1)
    pendant = (
        pick(rng, (ellipse(0, 0, 1.2, 1.6), box(-0.5, -1.5, 0.5, 1.5), ellipse(0, 0, 1, sides=6)))
        + line[20]
    )
    rings = [
        ellipse(x, y, rng.uniform(0.8, 1.1), rng.uniform(0.5, 1.0))
        for x, y in rng.normal(0, 4, (int(rng.integers(0, 4)), 2))
    ]
    return [
        Part(material, thickness, dots(places[::2], bead / 2), rounded=True),
        Part(material, thickness, dots(places[1::2], bead / 2), rounded=True),
        Part('steel', 0.05, cord(line, 0.12)),
        Part(pick(rng, ('copper', 'steel', 'glass')), 0.2, [pendant]),
        *(Part('copper', 0.25, [ring], [inset(ring, 0.2)]) for ring in rings),
    ]


def wallet(rng: np.random.Generator) -> list[Part]:
    """Make a wallet: folded leather, chip cards, notes, some coins, a snap or a zipper."""
    w, h = rng.uniform(5, 9.5), rng.uniform(4, 5.5)
    case = box(-w, -h, w, h, 0.5)
    cards = [
        box(x, y, x + 8.5, y + 5.4, 0.3)
        for x, y in rng.uniform((-w, -h), (-w + 1.5, -h + 2.5), (5, 2))
    ]
    chips = [
        box(c[:, 0].min() + 1, c[:, 1].min() + 2, c[:, 0].min() + 2.2, c[:, 1].min() + 3)
        for c in cards[:3]
    ]
    parts = [
        Part('leather', 0.5, [case], relief=folds(rng, 4, 5, 0.2)),
        rim('leather', 0.4, case, 0.3),
        *(Part('pvc', 0.08, [card]) for card in cards),
        Part('copper', 0.03, chips),
        Part('paper', 0.1, [box(-w * 0.95, -h * 0.8, w * 0.9, h * 0.6)]),
        *moved(coins(rng), (w * 0.5, h * 0.3)),
    ]
    edge = np.array([(-w, -h + 0.3), (0, -h + 0.2), (w, -h + 0.3)])
    if rng.random() < 0.5:
        return parts + zipper(rng, edge)
    return [
        *parts,
        Part('steel', 0.15, [ellipse(0, h * 0.8, 0.7)]),
        Part('steel', 0.3, dots([(0, h * 0.8)], 0.3)),
    ]


def pens(rng: np.random.Generator) -> list[Part]:
    """Make pens, loose or in a zipped case: thin tubes with refill, spring, tip and clip."""
    count, parts = int(rng.integers(1, 9)), []
    in_case = count > 3 and rng.random() < 0.7
    for i in range(count):
        half, r = rng.uniform(6.2, 7.5), rng.uniform(0.35, 0.55)
        shell = pick(
            rng,
            (
                ('plastic', 0.4),
                ('plastic', 0.5),
                ('aluminium', 0.15),
                ('copper', 0.05),
                ('steel', 0.08),
            ),
        )
        pen = [
            Part(*shell, [bar([(-half, 0), (half * 0.8, 0), (half, 0)], [2 * r, 2 * r, 0.6 * r])]),
            Part('copper', 0.06, [box(-half * 0.2, -0.1, half * 0.9, 0.1)]),
            Part(
                'steel',
                0.2,
                [box(half * 0.85, -0.15, half, 0.15), box(-half * 0.95, r, -half * 0.4, r + 0.15)],
            ),
            Part('steel', 0.1, [comb(np.array([(half * 0.5, 0), (half * 0.8, 0)]), 0.2, 0.6, 0.3)]),
        ]
        spread = (rng.normal(0, 0.5), 1.1 * (i - count / 2)) if in_case else rng.normal(0, 3, 2)
        parts += moved(pen, spread, rng.normal(0, 0.06 if in_case else 1.2) + pick(rng, (0, np.pi)))
    if in_case:
        w = count * 0.55 + 2
        case = box(-9, -w, 9, w, 1.0)
        parts += [
            Part('cloth', 1.0, [case], relief=folds(rng, 3, 7, 0.4)),
            rim('cloth', 1.5, case, 0.3),
        ]
        parts += zipper(rng, np.linspace((-8.5, -w), (8.5, -w + 0.3), 12))
    return parts


def lighter(rng: np.random.Generator) -> list[Part]:
    """Make a lighter, a flash drive or a metal case the size of a harmonica."""
    w, h = rng.uniform(0.9, 1.6), rng.uniform(2.6, 4)
    body = box(-h, -w, h, w, 0.3)
    return [
        Part(*pick(rng, (('plastic', 0.3), ('steel', 0.1), ('aluminium', 0.2))), [body]),
        rim('plastic', 0.6, body, 0.2),
        Part('water', 0.9, [box(-h * 0.9, -w * 0.7, h * rng.uniform(0, 0.5), w * 0.7)]),
        Part('steel', 0.12, [box(h * 0.6, -w, h * 1.1, w * 0.9, 0.2)]),
        Part(
            'steel', 0.5, [ellipse(h * 0.9, w * 0.3, 0.4, sides=12), box(h * 0.3, -0.15, h, 0.15)]
        ),
    ]
