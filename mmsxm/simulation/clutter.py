"""What else is in a bag, and the bag itself, made of parts.

Nothing here is a prohibited item of SIXray. A new kind of clutter is one more maker in `MAKERS`.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from .shapes import Floats, Outline, Part, bar, box, curve, ellipse


def _relief(rng: np.random.Generator, rows: int, columns: int, depth: float) -> Floats:
    """Random folds: factors around 1."""
    return (1 + depth * rng.uniform(-1, 1, (rows, columns))).astype(np.float32)


def _blob(rng: np.random.Generator, width: float, height: float, corners: int = 9) -> Outline:
    """A smooth closed line around the origin."""
    turns = (np.arange(corners) + rng.uniform(-0.3, 0.3, corners)) * 2 * np.pi / corners
    reach = rng.uniform(0.75, 1.05, corners)
    # The fourth root of a superellipse fills a box better than a circle does.
    square = (np.abs(np.cos(turns)) ** 4 + np.abs(np.sin(turns)) ** 4) ** -0.25
    points = (
        np.stack([np.cos(turns) * width / 2, np.sin(turns) * height / 2], 1)
        * (reach * square)[:, None]
    )
    return curve(points, closed=True)


def make_clothes(rng: np.random.Generator, width: float, height: float) -> list[Part]:
    """A garment that is laid together, about width x height cm, with folds and a seam."""
    outline = _blob(rng, width, height)
    seam = bar(outline[: len(outline) // 2], 0.4)
    folds = [
        bar(curve(rng.uniform(-0.4, 0.4, (3, 2)) * (width, height)), rng.uniform(0.5, 2))
        for _ in range(2)
    ]
    return [
        Part('cloth', rng.uniform(1.5, 6), [outline], relief=_relief(rng, 6, 7, 0.5)),
        Part('cloth', 1.5, [seam]),
        *(Part('cloth', rng.uniform(1, 2.5), [fold], rounded=True) for fold in folds),
    ]


def _bottle(rng: np.random.Generator) -> list[Part]:
    height, radius = rng.uniform(14, 24), rng.uniform(2.5, 4)
    neck = radius * rng.uniform(0.3, 0.5)
    side = [
        (0, radius * 0.9),
        (0.5, radius),
        (height * 0.62, radius),
        (height * 0.82, neck),
        (height, neck),
    ]
    profile = np.array(side) - (height / 2, 0)
    outline = np.concatenate([profile, profile[::-1] * (1, -1)])
    level = rng.uniform(0.3, 0.7) * height - height / 2
    liquid = np.concatenate(
        [profile[:3], [[level, radius], [level, -radius]], (profile[:3] * (1, -1))[::-1]]
    )
    liquid = np.stack([np.minimum(liquid[:, 0], level), liquid[:, 1]], 1)
    wall = rng.choice(['plastic', 'glass'], p=[0.75, 0.25])
    return [
        Part(wall, 0.3 if wall == 'plastic' else 0.7, [outline]),
        Part('water', 2 * radius, [liquid * (1, 0.94)], rounded=True),
        Part('plastic', 0.8, [box(height / 2 - 1.2, -neck * 1.15, height / 2 + 0.6, neck * 1.15)]),
    ]


def _can(rng: np.random.Generator) -> list[Part]:
    height, radius = rng.uniform(9, 17), rng.uniform(2.2, 3.5)
    body = box(-height / 2, -radius, height / 2, radius, 0.4)
    wall = rng.choice(['aluminium', 'steel'])
    return [
        Part(wall, 0.06 if wall == 'steel' else 0.15, [body]),
        Part(
            wall,
            0.15,
            [
                box(-height / 2, -radius, -height / 2 + 0.5, radius),
                box(height / 2 - 0.5, -radius, height / 2, radius),
            ],
        ),
        Part(
            'water',
            radius * rng.uniform(0.6, 1.8),
            [box(-height / 2 + 0.4, -radius * 0.95, height / 2 - 0.4, radius * 0.95)],
            rounded=True,
        ),
    ]


def _shoe(rng: np.random.Generator) -> list[Part]:
    length = rng.uniform(23, 30)
    u = length / 27
    sole = curve(
        np.array(
            [
                (-13, 0),
                (-12, 3.2),
                (-4, 3.0),
                (5, 4.4),
                (12, 3.2),
                (13.5, 0),
                (12, -3.6),
                (5, -4.4),
                (-4, -3.4),
                (-12, -3.2),
            ]
        )
        * u,
        closed=True,
    )
    upper = curve(
        np.array(
            [
                (-12, 2.6),
                (-5, 2.4),
                (4, 3.6),
                (11.5, 2.6),
                (12.5, 0),
                (11, -3),
                (4, -3.6),
                (-5, -2.8),
                (-12, -2.6),
            ]
        )
        * u,
        closed=True,
    )
    opening = ellipse(-6 * u, 0, 5 * u, 1.9 * u)
    eyelets = [ellipse(x * u, y * u, 0.35, sides=10) for x in (1, 2.6, 4.2) for y in (-1.3, 1.3)]
    return [
        Part('pvc', rng.uniform(0.6, 1.1), [sole]),
        Part('pvc', 0.7, [sole], [sole * 0.9]),
        Part('leather', 0.6, [upper], [opening], relief=_relief(rng, 4, 6, 0.4)),
        Part('steel', 0.12, [box(-8 * u, -0.8, 1 * u, 0.8, 0.5)]),
        Part('aluminium', 0.3, eyelets),
    ]


def _electronics(rng: np.random.Generator) -> list[Part]:
    width, height = rng.choice(
        [[7.0, 14.0], [13.0, 20.0], [22.0, 31.0]], p=[0.5, 0.3, 0.2]
    ) * rng.uniform(0.9, 1.1)
    w, h = width / 2, height / 2
    board = box(-w * 0.9, -h * 0.9, w * 0.9, -h * rng.uniform(-0.1, 0.3))
    chips, tracks = [], []
    for _ in range(int(width * height / 12) + rng.integers(4, 10)):
        x, y = rng.uniform(-w * 0.8, w * 0.6), rng.uniform(-h * 0.85, -h * 0.1)
        a, b = rng.uniform(0.3, 1.6, 2)
        chips.append(box(x, y, min(x + a, w * 0.88), y + b))
        tracks.append(box(x, y, min(x + a * 3, w * 0.88), y + 0.15))
    cells = np.linspace(-w * 0.85, w * 0.85, rng.integers(2, 5))
    battery = [box(a + 0.15, h * 0.2, b - 0.15, h * 0.85, 0.3) for a, b in pairwise(cells)]
    return [
        Part(rng.choice(['plastic', 'aluminium']), 0.35, [box(-w, -h, w, h, 0.8)]),
        Part(
            'plastic',
            0.8,
            [box(-w, -h, w, h, 0.8)],
            [box(-w + 0.3, -h + 0.3, w - 0.3, h - 0.3, 0.6)],
        ),
        Part('glass', 0.2, [board]),
        Part('copper', 0.03, [board, *tracks]),
        Part('copper', rng.uniform(0.04, 0.12), chips),
        Part('aluminium', rng.uniform(0.3, 0.9), battery),
        Part('copper', 0.03, battery),
    ]


def _cable(rng: np.random.Generator) -> list[Part]:
    if rng.random() < 0.5:
        turns = np.linspace(0, 2 * np.pi * rng.integers(2, 5), 60)
        reach = rng.uniform(3, 6) * (1 + 0.08 * np.sin(turns * 1.37) + 0.03 * turns)
        line = np.stack([np.cos(turns), np.sin(turns) * rng.uniform(0.5, 1)], 1) * reach[:, None]
    else:
        line = curve(rng.uniform(-9, 9, (6, 2)), steps=10)
    # A strip that crosses itself is one outline per piece, or its crossings would cancel.
    pieces = [line[i : i + 4] for i in range(0, len(line) - 1, 3)]
    plug = box(-1.2, -0.6, 1.2, 0.6, 0.2)
    return [
        Part('pvc', 0.4, [bar(piece, 0.45) for piece in pieces]),
        Part('copper', 0.12, [bar(piece, 0.18) for piece in pieces]),
        Part('pvc', 1.0, [plug + line[0]]),
        Part('copper', 0.15, [plug * 0.6 + line[0]]),
    ]


def _coins(rng: np.random.Generator) -> list[Part]:
    return [
        Part(
            'copper',
            rng.uniform(0.15, 0.22),
            [ellipse(rng.normal(0, 2.5), rng.normal(0, 2.5), rng.uniform(0.8, 1.3))],
        )
        for _ in range(rng.integers(2, 8))
    ]


def _belt(rng: np.random.Generator) -> list[Part]:
    turns = np.linspace(0, 2 * np.pi * rng.uniform(1.2, 2.2), 50)
    reach = rng.uniform(3.5, 5.5) + 0.25 * turns
    line = np.stack([np.cos(turns), np.sin(turns)], 1) * reach[:, None]
    pieces = [line[i : i + 4] for i in range(0, len(line) - 1, 3)]
    x, y = line[-1]
    return [
        # Rolled up and seen from the side: a thin line, but a strap's width deep.
        Part('leather', 3.0, [bar(piece, 0.45) for piece in pieces]),
        Part(
            'steel',
            0.5,
            [box(x - 2, y - 1.8, x + 2, y + 1.8, 0.4)],
            [box(x - 1.5, y - 1.3, x + 1.5, y + 1.3, 0.3)],
        ),
    ]


def _umbrella(rng: np.random.Generator) -> list[Part]:
    length = rng.uniform(22, 40)
    half = length / 2
    ribs = [
        bar([(-half * 0.8, y), (0, y * 1.6), (half * 0.85, y * 0.6)], 0.22)
        for y in (-1.2, -0.4, 0.5, 1.2)
    ]
    return [
        Part('steel', 0.25, [box(-half, -0.5, half * 0.9, 0.5)]),
        Part('steel', 0.2, ribs),
        Part(
            'cloth',
            3.5,
            [bar([(-half * 0.8, 0), (0, 0), (half * 0.9, 0)], [4.5, 5, 2.5])],
            relief=_relief(rng, 3, 8, 0.4),
        ),
        Part('plastic', 2.2, [box(-half - 6, -1.3, -half, 1.3, 1)], rounded=True),
    ]


def _book(rng: np.random.Generator) -> list[Part]:
    w, h = rng.uniform(5, 8), rng.uniform(8, 12)
    return [
        Part('paper', rng.uniform(0.8, 3.5), [box(-w, -h, w, h)]),
        Part('paper', 0.4, [box(-w - 0.3, -h - 0.3, w, h + 0.3)]),
    ]


def _rods(rng: np.random.Generator) -> list[Part]:
    metal, thickness = [('steel', 0.35), ('aluminium', 1.2), ('copper', 0.25)][rng.integers(3)]
    width, length = rng.uniform(0.35, 1.0), rng.uniform(10, 24)
    ends = rng.uniform(-1.5, 1.5, (rng.integers(1, 5), 2))
    rods = [bar([(-length / 2, a), (0, (a + b) / 2), (length / 2, b)], width) for a, b in ends]
    return [Part(metal, thickness, [rod], rounded=True) for rod in rods]


def _plate(rng: np.random.Generator) -> list[Part]:
    metal, thickness = [('steel', 0.12), ('aluminium', 0.5), ('glass', 0.6)][rng.integers(3)]
    w, h = rng.uniform(2, 6), rng.uniform(2, 8)
    holes = [ellipse(x, y, 0.4, sides=12) for x in (-w + 1, w - 1) for y in (-h + 1, h - 1)]
    return [Part(metal, thickness, [box(-w, -h, w, h, 0.4)], holes)]


def _tube(rng: np.random.Generator) -> list[Part]:
    half, radius = rng.uniform(5, 9), rng.uniform(1.5, 2.5)
    return [
        Part('plastic', 0.4, [box(-half, -radius, half, radius, 0.8)]),
        Part(
            'water',
            radius * 1.5,
            [box(-half * 0.95, -radius * 0.9, half * 0.7, radius * 0.9, 0.6)],
            rounded=True,
        ),
        Part('plastic', 1.2, [box(half * 0.75, -radius * 0.6, half, radius * 0.6)]),
    ]


def _fruit(rng: np.random.Generator) -> list[Part]:
    return [
        Part('water', 1.6 * r, [ellipse(rng.normal(0, 4), rng.normal(0, 4), r)], rounded=True)
        for r in rng.uniform(2.5, 4, rng.integers(1, 4))
    ]


def _glasses(rng: np.random.Generator) -> list[Part]:
    frame, thickness = [('steel', 0.2), ('plastic', 0.6)][rng.integers(2)]
    lenses = [ellipse(x, 0, 2.5, 2.0) for x in (-3.3, 3.3)]
    return [
        Part('glass', 0.25, lenses),
        Part(
            frame,
            thickness,
            [ellipse(x, 0, 2.7, 2.2) for x in (-3.3, 3.3)],
            [o * (0.98, 1) for o in lenses],
        ),
        Part(
            frame,
            thickness,
            [bar(curve([(-0.8, 0), (0, -0.4), (0.8, 0)]), 0.3), box(-6.2, 1.8, 6.2, 2.1)],
        ),
    ]


MAKERS: tuple[Callable[[np.random.Generator], list[Part]], ...] = (
    _bottle,
    _can,
    _shoe,
    _electronics,
    _cable,
    _coins,
    _belt,
    _umbrella,
    _book,
    _rods,
    _plate,
    _tube,
    _fruit,
    _glasses,
)


def make_bag(rng: np.random.Generator, width: float, height: float) -> list[Part]:
    """An empty bag of width x height cm: soft with piping, or hard with rods and wheels."""
    return (_hard_case if rng.random() < 0.35 else _soft_bag)(rng, width, height)


def _soft_bag(rng: np.random.Generator, width: float, height: float) -> list[Part]:
    w, h = width / 2, height / 2
    turns = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    square = (np.abs(np.cos(turns)) ** 5 + np.abs(np.sin(turns)) ** 5) ** -0.2
    sag = 1 - 0.03 * sum(1 + np.cos(k * turns + rng.uniform(0, 2 * np.pi)) for k in (2, 3, 5)) / 2
    outline = np.stack([np.cos(turns) * w, np.sin(turns) * h], 1) * (square * sag)[:, None]
    loops = [_closed_bar(outline * s, 0.35) for s in (1.0, rng.uniform(0.9, 0.97))]
    piping, thickness = [('pvc', 0.8), ('steel', 0.06), ('copper', 0.05)][rng.integers(3)]
    pocket = box(-w * 0.7, h * rng.uniform(-0.2, 0.3), w * 0.7, h * 0.85, 1.5)
    handle = _closed_bar(
        curve([(-w * 0.25, -h), (-w * 0.2, -h * 1.12), (w * 0.2, -h * 1.12), (w * 0.25, -h)]), 1.2
    )
    spots = outline[rng.choice(len(outline), rng.integers(2, 8), replace=False)]
    pulls = [box(x - 0.4, y - 0.9, x + 0.4, y + 0.9, 0.2) for x, y in spots]
    return [
        Part('cloth', rng.uniform(0.6, 1.6), [outline], relief=_relief(rng, 7, 8, 0.35)),
        Part('cloth', 0.8, [pocket], [pocket * 0.97]),
        *(Part(piping, thickness, loop) for loop in loops),
        Part('cloth', 2.0, handle),
        Part('steel', 0.2, pulls),
    ]


def _hard_case(rng: np.random.Generator, width: float, height: float) -> list[Part]:
    w, h = width / 2, height / 2
    radius = min(w, h) * rng.uniform(0.1, 0.25)
    shell = box(-w, -h, w, h, radius)
    rail, thickness = [('aluminium', 0.4), ('steel', 0.12)][rng.integers(2)]
    x = w * rng.uniform(0.25, 0.45)
    rails = [box(side * x - 0.9, -h, side * x + 0.9, h * 0.95) for side in (-1, 1)]
    wheels = [ellipse(side * w * 0.85, h * 0.97, 1.8) for side in (-1, 1)]
    return [
        Part('plastic', rng.uniform(0.4, 0.9), [shell]),
        Part('plastic', 1.8, [shell], [shell * (1 - 1.0 / w, 1 - 1.0 / h)]),
        Part('aluminium', 0.5, [shell], [shell * (1 - 0.35 / w, 1 - 0.35 / h)]),
        Part(rail, thickness, rails),
        Part('plastic', 1.8, [box(-x - 1, -h - 1.2, x + 1, -h + 0.8, 0.6)]),
        Part('pvc', 1.6, wheels),
        Part('steel', 0.6, [ellipse(side * w * 0.85, h * 0.97, 0.5, sides=10) for side in (-1, 1)]),
    ]


def _closed_bar(line: Outline, width: float) -> list[Outline]:
    """A strip along a line in short pieces, so that it may close."""
    line = np.concatenate([line, line[:1]])
    return [bar(line[i : i + 3], width) for i in range(0, len(line) - 1, 2)]
