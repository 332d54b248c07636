"""Garments and accessories."""

import numpy as np

from mmsxm.simulation.clutter.fittings import slider
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
    shifted,
    sweep,
)
from mmsxm.simulation.shapes import Part, bar, box, curve, ellipse, inset, turn


def make_clothes(rng: np.random.Generator, width: float, height: float) -> list[Part]:
    """Make a folded garment of about width x height cm: faint, with wrinkles and seams."""
    make = pick(rng, (_folded, _folded, _rolled, _crumpled, _trousers))
    parts = make(rng, max(width, height), min(width, height))
    return moved(parts, angle=0.0 if width >= height else np.pi / 2)


def _folded(rng: np.random.Generator, width: float, height: float) -> list[Part]:
    """Make layers with slightly offset edges, and a placket with buttons or a zipper."""
    layers = [
        blob(rng, rng.uniform(0.82, 1) * width, rng.uniform(0.82, 1) * height, 13)
        + rng.uniform(-0.04, 0.04, 2) * (width, height)
        for _ in range(3)
    ]
    x = rng.uniform(-0.2, 0.2) * width
    placket = np.linspace((x, -height * 0.4), (x + rng.normal(0, 1), height * 0.4), 12)
    parts = [
        *(Part('cloth', rng.uniform(0.5, 1.8), [o], relief=folds(rng, 9, 11, 0.5)) for o in layers),
        Part('cloth', 1.6, creases(rng, width * 0.85, height * 0.8, 10, 0.5)),
        Part('cloth', 1.6, cord(closed(layers[0]), 0.4)),
    ]
    fastening = rng.random()
    if fastening < 0.3:
        parts += [
            Part('cloth', 0.8, cord(placket, 2.0)),
            Part('plastic', 0.3, dots(placket[::2], 0.5)),
        ]
    elif fastening < 0.5:
        parts.append(Part('copper', 0.06, [comb(placket, 0.35, 0.5, 0.2)]))
        parts += moved(slider(rng), placket[int(rng.integers(12))], rng.uniform(0, 6))
    return parts


def _rolled(rng: np.random.Generator, width: float, height: float) -> list[Part]:
    """Make rolls side by side."""
    count = max(int(height / rng.uniform(6, 10)), 1)
    thick = height / count
    parts = []
    for y in (np.arange(count) + 0.5) * thick - height / 2:
        middle = shifted(sweep(rng, width * rng.uniform(0.75, 1), 1.0), rng.normal(0, 1), y)
        roll = bar(middle, (thick * rng.uniform(0.7, 1.1, 5)).tolist())
        layers = [
            piece
            for s in rng.uniform(-0.4, 0.4, 3)
            for piece in cord(shifted(middle * (0.97, 1), 0, s * thick), rng.uniform(0.2, 0.5))
        ]
        wrinkles = creases(rng, width * 0.8, thick * 0.6, 6, 0.5)
        parts += [
            Part('cloth', thick * 0.5, [roll], rounded=True, relief=folds(rng, 4, 12, 0.5)),
            Part('cloth', 1.3, layers),
            Part('cloth', 1.0, [shifted(wrinkle, 0, y) for wrinkle in wrinkles]),
        ]
    return parts


def _crumpled(rng: np.random.Generator, width: float, height: float) -> list[Part]:
    """Make a crumpled garment: strong folds and many creases."""
    outline = blob(rng, width, height, 11)
    return [
        Part('cloth', rng.uniform(2, 5), [outline], relief=folds(rng, 10, 12, 0.7)),
        Part('cloth', 2.0, creases(rng, width * 0.8, height * 0.75, 18, 0.5)),
        Part('cloth', 1.0, creases(rng, width * 0.7, height * 0.7, 6, 2.5)),
    ]


def _trousers(rng: np.random.Generator, width: float, height: float) -> list[Part]:
    """Make trousers: heavy cloth, folded lengthwise, with rivets, button and fly."""
    w, h = width / 2, height / 2
    legs = [
        bar(shifted(sweep(rng, 2 * w, h * 0.1), 0, y * h), [h * 1.1, h, h * 0.85])
        for y in (-0.4, 0.4)
    ]
    fly = np.linspace((-w * 0.9, 0), (-w * 0.5, h * 0.1), 6)
    rivets = rng.uniform(-0.3, 0.3, (5, 2)) * (w, height) + (-w * 0.7, 0)
    seams = [
        bar(shifted(sweep(rng, 2 * w, h * 0.08), 0, y * h), 0.5) for y in (-0.85, -0.05, 0.05, 0.85)
    ]
    return [
        *(Part('cloth', rng.uniform(2, 4), [leg], relief=folds(rng, 5, 12, 0.4)) for leg in legs),
        Part('cloth', 2.5, seams),
        Part('cloth', 2.0, [box(-w * 0.98, -h * 0.8, -w * 0.9, h * 0.8)]),
        Part('copper', 0.15, dots(rivets, 0.4)),
        Part('copper', 0.3, dots([(-w * 0.94, 0.0)], 0.8)),
        Part('copper', 0.08, [comb(fly, 0.35, 0.6, 0.2)]),
    ]


def belt(rng: np.random.Generator) -> list[Part]:
    """Make a belt, rolled up and seen from the side or laid out, with a steel or brass buckle."""
    if rng.random() < 0.6:
        turns = np.linspace(0, 2 * np.pi * rng.uniform(2, 4), 70)
        reach = rng.uniform(2, 3) + turns * 0.09 + 0.15 * np.sin(turns * 0.7)
        line = np.stack([np.cos(turns), np.sin(turns) * rng.uniform(0.7, 1)], 1) * reach[:, None]
        # A thin line, but as deep as the strap is wide.
        parts = [Part('leather', 3.0, cord(line, 0.38))]
    else:
        line = sweep(rng, rng.uniform(25, 40), 3)
        parts = [
            Part('leather', 0.4, [bar(line, 3.4)], dots(line[2:8], 0.25)),
            Part('leather', 0.5, [bar(shifted(line, 0, s), 0.3) for s in (-1.4, 1.4)]),
        ]
    x, y = line[-1]
    metal = pick(rng, (('steel', 0.3), ('copper', 0.3), ('steel', 0.45)))
    frame = box(x - 2, y - 2.1, x + 2, y + 2.1, rng.uniform(0.2, 1.2))
    return [
        *parts,
        Part(*metal, [frame], [inset(frame, 0.5)]),
        Part(*metal, [bar([(x - 2.2, y), (x + 1.9, y)], 0.35)]),
        Part('leather', 0.8, [box(x + 2.5, y - 1.9, x + 3.7, y + 1.9, 0.2)]),
    ]


def hanger(rng: np.random.Generator) -> list[Part]:
    """Make a hanger of plastic, wood or wire, with its hook."""
    half, drop = rng.uniform(17, 22), rng.uniform(6, 10)
    frame = curve(
        [
            (0, 0),
            (half * 0.5, drop * 0.4),
            (half, drop),
            (half * 0.6, drop),
            (-half * 0.6, drop),
            (-half, drop),
            (-half * 0.5, drop * 0.4),
        ],
        closed=True,
    )
    turns = np.linspace(np.pi / 2, -np.pi * 0.9, 14)
    hook = np.concatenate(
        [[(0, 0), (0, -3)], np.stack([1.8 * np.cos(turns), -5 + 1.8 * np.sin(turns)], 1)]
    )
    material, thickness, width = pick(
        rng, (('plastic', 0.9, 1.0), ('steel', 0.22, 0.3), ('pvc', 0.6, 0.8))
    )
    return [
        Part(material, thickness, cord(closed(frame), width), rounded=True),
        Part('steel', 0.3, cord(hook, 0.32), rounded=True),
    ]


def cap(rng: np.random.Generator) -> list[Part]:
    """Make a cap, seen from above: panels, a button, a stiff visor."""
    r = rng.uniform(8, 9.5)
    crown = ellipse(0, 0, r, r * 0.85)
    panels = [turn(box(0, -0.25, r, 0.25), a) * (1, 0.85) for a in np.arange(6) * np.pi / 3]
    peak = curve(
        [
            (r * 0.5, -r * 0.7),
            (r * 1.5, -r * 0.55),
            (r * 1.75, 0),
            (r * 1.5, r * 0.55),
            (r * 0.5, r * 0.7),
            (r * 0.9, 0),
        ],
        closed=True,
    )
    return [
        Part('cloth', 1.0, [crown], relief=folds(rng, 5, 5, 0.3)),
        Part('cloth', 2.5, [*panels, *cord(closed(crown), 0.6)]),
        Part('plastic', 0.3, [peak]),
        Part('cloth', 0.8, cord(closed(inset(peak, 0.6)), 0.25)),
        Part('steel', 0.2, dots([(0, 0)], 0.5)),
        Part(
            'copper',
            0.15,
            [box(-r - 0.5, -1.0, -r + 0.3, 1.0)],
            [box(-r - 0.3, -0.7, -r + 0.1, 0.7)],
        ),
    ]


def umbrella(rng: np.random.Generator) -> list[Part]:
    """Make a folded umbrella: the tubes of the shaft, a bundle of jointed ribs, a handle."""
    half = rng.uniform(10, 16) if rng.random() < 0.9 else rng.uniform(26, 34)
    ribs, spread = 8, rng.uniform(1.0, 2.0)
    lines = []
    for y in np.linspace(-1, 1, ribs) * spread + rng.normal(0, 0.15, ribs):
        lines.append([(-half * 0.85, y * 0.7), (rng.normal(0, 1), y * 1.2), (half * 0.8, y * 0.4)])
        lines.append([(-half * 0.8, y * 0.5), (half * rng.uniform(0.5, 0.85), y)])
    tips = np.array([line[0] for line in lines])
    folded = bar(
        [(-half * 0.9, 0), (0, 0), (half * 0.85, 0)], [k * spread for k in (2.6, 2.9, 1.8)]
    )
    handle = box(half * 0.85, -1.3, half * 1.15, 1.3, 0.7)
    return [
        Part('cloth', 3.0, [folded], relief=folds(rng, 4, 10, 0.5)),
        Part('steel', 0.16, [bar(line, 0.24) for line in lines]),
        Part('steel', 0.2, [bar(line, 0.12) for line in lines[::2]]),
        Part('steel', 0.2, dots(tips, 0.25)),
        Part('steel', 0.14, [box(-half, -0.45, half * 0.9, 0.45)]),
        Part('steel', 0.14, [box(-half * 0.2, -0.3, half, 0.3)]),
        Part('plastic', 1.8, [handle], rounded=True),
        Part('steel', 0.35, [ellipse(half * 1.0, 0, 0.7, sides=12)]),
    ]
