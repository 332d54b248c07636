"""Household objects: paper, toys, kitchenware and others."""

import numpy as np

from mmsxm.simulation.clutter.kit import (
    blob,
    closed,
    comb,
    cord,
    creases,
    dots,
    folds,
    moved,
    pick,
    rim,
)
from mmsxm.simulation.shapes import Part, bar, box, curve, ellipse, inset, turn


def book(rng: np.random.Generator) -> list[Part]:
    """Make a book of pages, a protruding cover and a spine, or a stack of two."""
    parts = []
    for _ in range(pick(rng, (1, 1, 2))):
        w, h, thick = rng.uniform(5, 8.5), rng.uniform(8, 12), rng.uniform(0.5, 2.5)
        block = [
            Part('paper', thick, [box(-w, -h, w, h)], relief=folds(rng, 6, 3, 0.05)),
            Part('paper', 0.15, [box(-w - 0.3, -h - 0.35, w + 0.3, h + 0.35)]),
            Part('paper', 0.4 * thick, [box(-w - 0.3, -h - 0.35, -w + 0.1, h + 0.35)]),
            Part('paper', 0.25, [box(-w + 0.7, -h - 0.35, -w + 0.9, h + 0.35)]),
            Part(
                'paper',
                0.1,
                [box(-w * 0.6, y, w * 0.7, y + 0.25) for y in np.arange(-h * 0.8, h * 0.8, 1.4)],
            ),
        ]
        parts += moved(block, rng.normal(0, 1.5, 2), rng.normal(0, 0.1))
    return parts


def notebook(rng: np.random.Generator) -> list[Part]:
    """Make a pad with a wire spiral, or a ring binder."""
    w, h = rng.uniform(5, 10), rng.uniform(7, 14)
    sheets = box(-w, -h, w, h, 0.4)
    spine = np.array([(-w + 0.3, -h * 0.95), (-w + 0.3, h * 0.95)])
    parts = [
        Part(
            'paper',
            rng.uniform(0.3, 1.2),
            [sheets],
            dots([(-w + 0.7, y) for y in np.arange(-h * 0.9, h * 0.9, 1.2)], 0.2),
        ),
        Part('pvc', 0.06, [sheets]),
        Part('paper', 0.3, [box(-w * 0.3, -h * 0.6, w * 0.95, h * 0.2)]),
    ]
    if rng.random() < 0.7:
        return [*parts, Part('steel', 0.12, [comb(spine, 0.6, 1.5, 0.1)])]
    rings = [ellipse(-w + 1.0, y * h, 1.4, 0.35) for y in (-0.6, -0.2, 0.2, 0.6)]
    return [
        *parts,
        *(Part('steel', 0.3, [ring], [inset(ring, 0.2)]) for ring in rings),
        Part('steel', 0.15, [box(-w + 0.5, -h * 0.8, -w + 1.5, h * 0.8)]),
    ]


def papers(rng: np.random.Generator) -> list[Part]:
    """Make slightly offset magazines and sheets with staples and a clip."""
    w, h = rng.uniform(8, 11), rng.uniform(11, 15)
    sheets = [
        turn(box(-w, -h, w, h), rng.normal(0, 0.08)) + rng.normal(0, 1, 2)
        for _ in range(int(rng.integers(3, 6)))
    ]
    photos = [
        box(x, y, x + a, y + b)
        for x, y, a, b in rng.uniform((-w, -h, 2, 2), (w * 0.3, h * 0.4, 8, 8), (4, 4))
    ]
    clip = curve(
        [(0, 0), (3, 0), (3.3, 0.4), (3, 0.8), (0.5, 0.8), (0.3, 0.5), (0.6, 0.25), (2.4, 0.25)]
    )
    return [
        *(Part('paper', rng.uniform(0.04, 0.3), [sheet]) for sheet in sheets),
        Part('paper', 0.06, photos),
        Part('steel', 0.12, [bar(clip - (w, h * 0.8), 0.12)]),
        Part('steel', 0.1, [box(-w + 0.4, y * h, -w + 0.5, y * h + 1.2) for y in (-0.5, 0.4)]),
        Part('paper', 0.25, creases(rng, 2 * w, 2 * h, 4, 0.3)),
    ]


def folder(rng: np.random.Generator) -> list[Part]:
    """Make a flat sheet of plastic, metal or glass: a folder, a lid or a picture."""
    w, h = rng.uniform(7, 16), rng.uniform(9, 18)
    sheet = box(-w, -h, w, h, rng.uniform(0, 1.5))
    material, thickness = pick(
        rng, (('pvc', 0.3), ('pvc', 0.15), ('aluminium', 0.12), ('glass', 0.3), ('plastic', 0.5))
    )
    return [
        Part(material, thickness, [sheet]),
        rim(material, thickness, sheet, rng.uniform(0.2, 1.5)),
        Part('paper', 0.3, [inset(sheet, 2.0)], relief=folds(rng, 5, 5, 0.2)),
        Part('steel', 0.15, dots([(w * 0.9, 0), (-w * 0.9, 0)], 0.5)),
    ]


def toy_car(rng: np.random.Generator) -> list[Part]:
    """Make a model car, seen from above or from the side: axles, wheels, motor, cells."""
    h, w = rng.uniform(3.5, 8), rng.uniform(1.6, 3.5)
    body = curve(
        [(-h, -w * 0.9), (h * 0.8, -w * 0.85), (h, 0), (h * 0.8, w * 0.85), (-h, w * 0.9)],
        closed=True,
    )
    wheels = [
        box(x * h - 0.9, s * w - 0.4, x * h + 0.9, s * w + 0.4, 0.3)
        for x in (-0.6, 0.6)
        for s in (-1, 1)
    ]
    metal = pick(rng, (('copper', 0.08), ('plastic', 0.6), ('aluminium', 0.4)))
    return [
        Part(*metal, [body]),
        rim(*metal, body, 0.3),
        rim(*metal, inset(body, w * 0.35), 0.25),
        Part('pvc', 0.9, wheels),
        Part('steel', 0.25, [box(x * h - 0.12, -w, x * h + 0.12, w) for x in (-0.6, 0.6)]),
        Part('steel', 0.5, [box(-h * 0.4, -0.8, -h * 0.1, 0.8, 0.2)]),
        Part(
            'steel',
            0.4,
            dots([(x * h, y) for x in (-0.85, 0.85) for y in (-w * 0.5, w * 0.5)], 0.2),
        ),
    ]


def blocks(rng: np.random.Generator) -> list[Part]:
    """Make hollow building bricks with studs."""
    parts = []
    for x, y in rng.normal(0, 4, (int(rng.integers(3, 8)), 2)):
        nx, ny = int(rng.integers(1, 5)), pick(rng, (1, 2, 2))
        brick = box(0, 0, 1.6 * nx, 1.6 * ny)
        studs = [(0.8 + 1.6 * i, 0.8 + 1.6 * j) for i in range(nx) for j in range(ny)]
        parts += moved(
            [
                Part('plastic', 0.2, [brick]),
                rim('plastic', 1.5, brick, 0.2),
                Part('plastic', 0.4, dots(studs, 0.5)),
            ],
            (x, y),
            rng.uniform(0, 6),
        )
    return parts


def plush(rng: np.random.Generator) -> list[Part]:
    """Make a stuffed toy: faint lobes, seams, two eyes and sometimes a voice box."""
    r = rng.uniform(4, 8)
    limbs = [
        ellipse(np.cos(a) * r, np.sin(a) * r, r * 0.5, r * 0.36, angle=a)
        for a in (0.5, 2.6, 3.7, 5.7)
    ]
    head = ellipse(0, -r * 1.3, r * 0.75, r * 0.65)
    return [
        Part('cloth', 2.2, [blob(rng, 2 * r, 2.2 * r)], relief=folds(rng, 6, 6, 0.4)),
        Part('cloth', 1.6, limbs, relief=folds(rng, 7, 7, 0.4)),
        Part('cloth', 2.0, [head], relief=folds(rng, 4, 4, 0.4)),
        Part('cloth', 1.5, cord(closed(head), 0.3)),
        Part('pvc', 0.6, dots([(-r * 0.25, -r * 1.4), (r * 0.25, -r * 1.4)], 0.55)),
        Part('steel', 0.2, dots([(-r * 0.25, -r * 1.4), (r * 0.25, -r * 1.4)], 0.25)),
        *(
            [
                Part('steel', 0.15, [ellipse(0, 0, 1.6)]),
                Part('copper', 0.15, [box(-2.5, 1.8, 2.5, 3)]),
            ]
            if rng.random() < 0.3
            else []
        ),
    ]


def ball(rng: np.random.Generator) -> list[Part]:
    """Make a hollow or solid ball: a golf ball, a tin globe or a rattle."""
    r = rng.uniform(2, 6)
    disc = ellipse(0, 0, r, sides=32)
    material, wall = pick(rng, (('pvc', 0.15), ('plastic', 0.3), ('steel', 0.03), ('water', 0.5)))
    seam = curve([(-r * 0.9, 0), (-r * 0.3, r * 0.4), (r * 0.3, -r * 0.4), (r * 0.9, 0)])
    return [
        Part(material, 2 * wall, [disc]),
        rim(material, 2 * wall, disc, r * 0.15),
        rim(material, 4 * wall, disc, r * 0.05),
        Part(material, wall, cord(seam, 0.3)),
    ]


def bowl(rng: np.random.Generator) -> list[Part]:
    """Make a cup, bowl or plate of china, steel or plastic, seen from above."""
    r = rng.uniform(3.5, 9)
    outer = ellipse(0, 0, r, r * rng.uniform(0.8, 1), sides=32)
    material, wall = pick(
        rng, (('glass', 0.35), ('plastic', 0.3), ('steel', 0.05), ('aluminium', 0.15))
    )
    t = np.linspace(-0.9, 0.9, 9)
    grip = np.stack([r + 2.2 * np.cos(t * 1.6), 2.0 * np.sin(t * 1.6)], 1)
    return [
        Part(material, wall, [outer]),
        rim(material, 3 * wall, outer, r * 0.12),
        rim(material, 2 * wall, inset(outer, r * 0.4), 0.4),
        rim(material, 2 * wall, outer, 0.25),
        *([Part(material, 2 * wall, [bar(grip, 0.9)], rounded=True)] if r < 5 else []),
    ]


def cutlery(rng: np.random.Generator) -> list[Part]:
    """Make spoons, forks, chopsticks or the handle of a whisk."""
    parts = []
    for i in range(int(rng.integers(1, 4))):
        metal = pick(rng, (('steel', 0.18), ('steel', 0.14), ('plastic', 0.4)))
        shaft = bar([(-9, 0), (-4, 0), (4, 0), (5, 0)], [1.6, 1.1, 0.6, 0.8])
        if rng.random() < 0.5:
            head = [
                Part(*metal, [shaft, ellipse(7.5, 0, 3.2, 2.0)]),
                rim(metal[0], metal[1] * 0.6, ellipse(7.5, 0, 3.2, 2.0), 0.3),
            ]
        else:
            head = [
                Part(
                    *metal,
                    [
                        shaft,
                        box(5, -1.2, 7, 1.2, 0.5),
                        *(box(6.5, y - 0.2, 10.5, y + 0.2) for y in (-0.95, -0.32, 0.32, 0.95)),
                    ],
                )
            ]
        parts += moved(
            head, (rng.normal(0, 2), 2.6 * i), pick(rng, (0, np.pi)) + rng.normal(0, 0.2)
        )
    return parts


def roll(rng: np.random.Generator) -> list[Part]:
    """Make a roll of paper, tape or film, standing or lying."""
    r, core = rng.uniform(2.5, 6), rng.uniform(0.25, 0.6)
    material, thickness = pick(
        rng, (('paper', 2.0), ('plastic', 1.5), ('pvc', 0.8), ('cloth', 5.0))
    )
    disc = ellipse(0, 0, r, r * rng.uniform(0.8, 1), sides=30)
    rings = [disc * s for s in np.linspace(core + 0.08, 0.95, 5)]
    return [
        Part(material, thickness, [disc], [disc * core]),
        *(Part(material, thickness * 0.15, [ring], [inset(ring, 0.2)]) for ring in rings),
        Part('paper', 3.0, [disc * core], [disc * core * 0.86]),
    ]
