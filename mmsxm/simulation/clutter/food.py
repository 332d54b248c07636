"""Food, packed or unpacked."""

import numpy as np

from mmsxm.simulation.clutter.containers import bands, liquid
from mmsxm.simulation.clutter.kit import (
    blob,
    cord,
    creases,
    dots,
    folds,
    moved,
    pick,
    rim,
    shifted,
    tube,
    walls,
)
from mmsxm.simulation.shapes import Part, bar, box, curve, ellipse, inset, turn


def can(rng: np.random.Generator) -> list[Part]:
    """Make a full can of drink or food with rims, ribs and a pull tab."""
    food = rng.random() < 0.5
    h, r = (rng.uniform(3, 6), rng.uniform(3.3, 4.5)) if food else (rng.uniform(5.5, 8), 3.0)
    material, wall = ('steel', 0.025) if food else ('aluminium', 0.04)
    round_ = r * rng.uniform(0.05, 0.4)
    ends = [ellipse(s * h, 0, round_, r * 0.98, sides=20) for s in (-1, 1)]
    ribs = bands(np.linspace(-h * 0.6, h * 0.6, 7).tolist(), r, 0.3) if food else []
    full = box(-h * 0.97, -r * 0.96, h * rng.uniform(0.6, 0.97), r * 0.96, 0.3)
    return [
        *tube(material, wall, h, r),
        *liquid(full, 1.7 * r),
        *(rim(material, 5 * wall, end, 0.25) for end in ends),
        *([Part(material, 2 * wall, ribs)] if ribs else []),
        Part(material, 4 * wall, [ellipse(h, 0, round_ * 0.3, r * 0.35, sides=12)]),
    ]


def carton(rng: np.random.Generator) -> list[Part]:
    """Make a box of medicine with blister packs, or of powder."""
    w, h = rng.uniform(3, 8), rng.uniform(2, 5)
    box_ = box(-w, -h, w, h)
    parts = [*walls('paper', 0.06, box_, 2.5), Part('paper', 0.3, [box(-w, -h, -w + 1.2, h)])]
    if rng.random() < 0.5:
        pills = [
            ellipse(x, y, 0.5, 0.38, sides=10)
            for x in np.arange(-w + 1, w - 0.6, 1.5)
            for y in np.arange(-h + 0.9, h - 0.5, 1.3)
        ]
        foil = box(-w * 0.95, -h * 0.93, w * 0.95, h * 0.93, 0.3)
        return [
            *parts,
            Part('aluminium', 0.03, [foil, turn(foil, 0.05)]),
            Part('pvc', 0.5, pills, rounded=True),
        ]
    powder = box(-w * 0.97, -h * 0.95, w * rng.uniform(0.2, 0.9), h * 0.95)
    return [*parts, Part('water', rng.uniform(1.5, 3), [powder], relief=folds(rng, 5, 6, 0.2))]


def pouch_of_powder(rng: np.random.Generator) -> list[Part]:
    """Make a bag with crimped ends that contains flour, sugar, coffee or snacks."""
    w, h = rng.uniform(5, 9), rng.uniform(3.5, 6)
    body = blob(rng, 2 * w, 2 * h, 12)
    grains = rng.uniform(-0.75, 0.75, (25, 2)) * (w, h)
    lumpy = rng.random() < 0.5
    return [
        Part('plastic', 0.06, [box(-w - 1, -h * 0.9, w + 1, h * 0.9)]),
        Part('water', rng.uniform(1.5, 3.5), [body], rounded=True, relief=folds(rng, 7, 9, 0.3)),
        *([Part('water', 1.0, dots(grains, rng.uniform(0.5, 1.0)), rounded=True)] if lumpy else []),
        Part(
            'plastic',
            0.15,
            [box(s * (w + 0.4) - 0.5, -h * 0.9, s * (w + 0.4) + 0.5, h * 0.9) for s in (-1, 1)],
        ),
        Part('plastic', 0.25, creases(rng, 2 * w, 2 * h, 6, 0.3)),
    ]


def fruit(rng: np.random.Generator) -> list[Part]:
    """Make apples, oranges or bananas, single or in bags."""
    kind, count = rng.integers(3), int(rng.integers(1, 6))
    if kind == 0:
        return _bananas(rng, min(count, 3))
    parts, places = [], rng.normal(0, 3.2, (count, 2))
    for x, y in places:
        r = rng.uniform(2.8, 4.2)
        skin = ellipse(0, 0, r, r * rng.uniform(0.9, 1.0), sides=28)
        parts += moved([Part('water', 1.65 * r, [skin], rounded=True)], (x, y))
        if kind == 1:  # core and seeds of an apple
            pips = [turn(ellipse(0.7, 0, 0.45, 0.2, sides=8), a) for a in np.arange(5) * 1.257]
            core = [
                Part('water', 0.5, pips),
                Part('water', 0.35, [ellipse(0, 0, r * 0.35, r * 0.3)]),
            ]
            parts += moved(core, (x, y), rng.uniform(0, 6))
        else:  # peel and segments of an orange
            spokes = [turn(box(0.4, -0.07, r * 0.85, 0.07), a) for a in np.arange(9) * 0.698]
            parts += moved([rim('water', 0.5, skin, 0.5), Part('water', 0.4, spokes)], (x, y))
    if count > 2:
        parts.append(Part('plastic', 0.1, creases(rng, 16, 16, 10, 0.2)))
    return parts


def _bananas(rng: np.random.Generator, count: int) -> list[Part]:
    parts = []
    for i in range(count):
        arc = curve([(-9, 2.5), (-5, 0.3), (0, -0.6), (5, 0.3), (8.5, 2.6)]) * rng.uniform(0.8, 1.1)
        body = bar(arc, [0.7, 2.6, 3.4, 3.5, 3.2, 2.2, 0.9])
        seam = cord(shifted(arc, 0, 0.5), 0.2)
        banana = [Part('water', 2.7, [body], rounded=True), Part('water', 0.4, seam)]
        parts += moved(banana, (0, i * 2.4), rng.normal(0, 0.15))
    return parts


def chocolate(rng: np.random.Generator) -> list[Part]:
    """Make a bar of chocolate in pieces, in foil."""
    w, h, nx, ny = (
        rng.uniform(6, 9),
        rng.uniform(2.5, 4),
        int(rng.integers(5, 9)),
        int(rng.integers(2, 5)),
    )
    dx, dy = 2 * w / nx, 2 * h / ny
    pieces = [
        box(
            -w + i * dx + 0.12,
            -h + j * dy + 0.12,
            -w + (i + 1) * dx - 0.12,
            -h + (j + 1) * dy - 0.12,
            0.15,
        )
        for i in range(nx)
        for j in range(ny)
    ]
    return [
        Part('water', 0.5, [box(-w, -h, w, h)]),
        Part('water', 0.7, pieces),
        Part('aluminium', 0.008, [box(-w - 1.2, -h - 0.2, w + 1.2, h + 0.2)]),
    ]


def lunch_box(rng: np.random.Generator) -> list[Part]:
    """Make a box with clips and compartments, with food in each."""
    w, h = rng.uniform(6, 10), rng.uniform(4, 7)
    case, split = box(-w, -h, w, h, 1.2), rng.uniform(-0.3, 0.4) * w
    lots = rng.uniform(-0.7, 0.7, (9, 2)) * ((w - split) / 2, h) + ((w + split) / 2, 0)
    return [
        *walls('plastic', 0.2, case, 4),
        rim('plastic', 0.8, inset(case, 0.4), 0.25),
        Part('plastic', 3, [box(split - 0.15, -h, split + 0.15, h)]),
        Part(
            'water',
            rng.uniform(1, 3),
            [box(-w * 0.93, -h * 0.9, split - 0.4, h * 0.9, 0.8)],
            relief=folds(rng, 8, 8, 0.35),
        ),
        Part('water', 1.6, [blob(rng, 3, 2.4, 7) + lot for lot in lots], rounded=True),
        Part(
            pick(rng, ('steel', 'plastic')),
            0.3,
            [box(s * w - 0.4, -1.5, s * w + 0.4, 1.5, 0.3) for s in (-1, 1)],
        ),
    ]
