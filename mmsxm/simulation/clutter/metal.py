"""Metal objects other than tools: fasteners, rods, weights, sheets, springs."""

import numpy as np

from mmsxm.simulation.clutter.kit import (
    comb,
    dots,
    moved,
    pick,
    rim,
    tube,
    wire,
)
from mmsxm.simulation.shapes import Outline, Part, bar, box, curve, ellipse, inset, turn


def screws(rng: np.random.Generator) -> list[Part]:
    """Make a handful of screws, nails, and bolts with nuts and washers."""
    count, spread = int(rng.integers(6, 26)), rng.uniform(1.5, 5)
    length, width = rng.uniform(1.5, 6), rng.uniform(0.2, 0.55)
    shafts, heads, rings, holes = [], [], [], []
    threaded = rng.random() < 0.6
    for (x, y), a in zip(
        rng.normal(0, spread, (count, 2)), rng.uniform(0, 6.3, count), strict=True
    ):
        direction = np.array([np.cos(a), np.sin(a)])
        line = np.array([(x, y), direction * length + (x, y)])
        shafts.append(
            comb(line, 0.3, width, width * 0.65)
            if threaded
            else bar(line, [width, width, width * 0.4])
        )
        across = np.array([-direction[1], direction[0]]) * width
        heads.append(bar(np.array([line[0] - across, line[0] + across]), 0.3))
    for x, y in rng.normal(0, spread, (count // 3, 2)):
        rings.append(ellipse(x, y, width * 1.6, sides=int(pick(rng, (6, 14)))))
        holes.append(ellipse(x, y, width * 0.75, sides=10))
    return [
        Part('steel', width * 0.8, shafts[::2]),
        Part('steel', width * 0.8, shafts[1::2]),
        Part('steel', width * 1.6, heads),
        *([Part('steel', 0.3, rings, holes)] if rings else []),
    ]


def rods(rng: np.random.Generator) -> list[Part]:
    """Make a bundle of rods, needles or tent poles, or a telescopic curtain rail."""
    length = rng.uniform(12, 34)
    if rng.random() < 0.3:
        return [
            *tube('steel', 0.05, length / 2, 0.8, 0.1),
            *moved(tube('steel', 0.05, length / 3, 0.6, 0.1), (length * 0.45, 0)),
            Part(
                'plastic',
                1.6,
                [box(-length / 2 - 1.5, -1, -length / 2 + 0.5, 1, 0.5)],
                rounded=True,
            ),
        ]
    metal, thickness = pick(
        rng,
        (('steel', 0.25), ('aluminium', 0.8), ('steel', 0.15), ('copper', 0.2), ('plastic', 0.8)),
    )
    width, count = rng.uniform(0.25, 0.9), int(rng.integers(2, 14))
    ends = rng.normal(0, 0.9, (count, 2)) * width * 2.5
    shifts = rng.normal(0, 1, count)
    lines = [
        bar([(-length / 2 + s, a), (length / 2 + s, b)], width)
        for (a, b), s in zip(ends, shifts, strict=True)
    ]
    tips = [
        ellipse(-length / 2 + s, a, width * 0.8, sides=10)
        for (a, _), s in zip(ends, shifts, strict=True)
    ]
    # Rods that cross must add up, so distribute them over layers.
    return [
        *(Part(metal, thickness, lines[k::4], rounded=True) for k in range(min(4, count))),
        Part(metal, thickness, tips),
    ]


def block(rng: np.random.Generator) -> list[Part]:
    """Make solid metal: a weight, a motor, the jaw of a vise, or plates screwed together."""
    w, h = rng.uniform(1.2, 5), rng.uniform(1, 3.5)
    body = pick(rng, (box(-w, -h, w, h, 0.2), ellipse(0, 0, w, w), box(-w, -h, w, h, h * 0.7)))
    metal, thickness = pick(
        rng,
        (
            ('steel', rng.uniform(0.6, 3)),
            ('aluminium', rng.uniform(1.5, 5)),
            ('copper', rng.uniform(0.4, 2)),
        ),
    )
    bores = dots(
        rng.uniform(-0.6, 0.6, (int(rng.integers(1, 5)), 2)) * body.max(0), rng.uniform(0.25, 0.6)
    )
    shaft = box(0, -0.5, body[:, 0].max() + rng.uniform(0.5, 4), 0.5)
    return [
        Part(metal, thickness, [body], bores),
        rim(metal, thickness * 0.4, body, 0.3),
        *([Part('steel', 0.9, [shaft], rounded=True)] if rng.random() < 0.4 else []),
    ]


def dumbbell(rng: np.random.Generator) -> list[Part]:
    """Make two round iron weights on a bar."""
    r, half = rng.uniform(2.5, 5.5), rng.uniform(5, 10)
    iron = rng.uniform(1.0, 2.5)
    if rng.random() < 0.4:  # on end
        disc = ellipse(0, 0, r)
        return [
            Part('steel', iron, [disc], [ellipse(0, 0, 1.3)]),
            rim('steel', 0.6, disc, 0.5),
            Part('steel', 3, [ellipse(0, 0, 1.1)]),
        ]
    ends = [box(s * half - 1.6, -r, s * half + 1.6, r, 0.6) for s in (-1, 1)]
    return [
        Part('steel', iron, ends, rounded=True),
        Part('pvc', 0.6, ends),
        Part('steel', 1.5, [box(-half, -1.2, half, 1.2)], rounded=True),
        Part('steel', 0.3, [comb(np.array([(-half * 0.6, 0), (half * 0.6, 0)]), 0.5, 2.4, 0.1)]),
    ]


def plate(rng: np.random.Generator) -> list[Part]:
    """Make a sheet metal fitting: a strip, square or gusset with holes and one folded edge."""
    w, h = rng.uniform(2, 6), rng.uniform(1, 5)
    sheet, spots = pick(
        rng,
        (
            (box(-w, -h, w, h, 0.4), [(-0.8, -0.7), (0.8, -0.7), (-0.8, 0.7), (0.8, 0.7)]),
            (box(-w, -1, w, 1, 0.6), [(x, 0.0) for x in (-0.85, -0.5, -0.15, 0.2, 0.55, 0.85)]),
            (np.array([(-w, h), (w, h), (-w, -h)]), [(-0.8, -0.5), (-0.8, 0.7), (0.5, 0.7)]),
        ),
    )
    metal, thickness = pick(
        rng, (('steel', 0.1), ('steel', 0.2), ('aluminium', 0.3), ('glass', 0.5))
    )
    top = float(sheet[:, 1].max())
    folded = box(-w, -top, -w + thickness, top * 0.9)
    return [
        Part(metal, thickness, [sheet], dots(np.array(spots) * sheet.max(0), 0.3)),
        Part(metal, rng.uniform(0.5, 2), [folded]),
        *([Part('steel', 0.5, dots([(0, 0)], 0.4))] if rng.random() < 0.5 else []),
    ]


def springs(rng: np.random.Generator) -> list[Part]:
    """Make coil springs, cable glands or hose clamps."""
    parts = []
    for _ in range(int(rng.integers(1, 5))):
        length, r = rng.uniform(2, 8), rng.uniform(0.3, 1.2)
        x = np.arange(0, length, r * 0.35)
        wave = np.stack([x, r * np.where(np.arange(len(x)) % 2, 1, -1)], 1)
        coil = [Part('steel', 0.2, wire(wave, 0.16))]
        parts += moved(coil, rng.normal(0, 2.5, 2), rng.uniform(0, 6.3))
    return parts


def carabiner(rng: np.random.Generator) -> list[Part]:
    """Make a bent rod with a gate."""
    w, h = rng.uniform(1.3, 2.6), rng.uniform(2.5, 5)
    ring = curve(
        [(-w, -h * 0.8), (0, -h), (w, -h * 0.6), (w * 0.8, h * 0.7), (0, h), (-w, h * 0.8)],
        closed=True,
    )
    metal, rod = pick(rng, (('aluminium', 0.9), ('steel', 0.5)))
    return [
        Part(metal, rod, [ring], [inset(ring, 0.6)], rounded=True),
        Part('steel', 0.3, [bar([(w * 0.7, -h * 0.3), (w * 0.65, h * 0.5)], 0.3)]),
    ]


# Lines of small objects of about 1 cm: a stud from the side, a hairpin, a safety pin, a hook, a
# staple, a clip.
_BENT = (
    np.array([(-0.3, 0), (0.3, 0), (0, 0), (0, 1.0), (-0.3, 1.0), (0.3, 1.0)]),
    np.array([(-0.15, 2.0), (-0.2, 0.2), (0, 0), (0.2, 0.2), (0.15, 2.0)]),
    np.array([(0.2, 1.6), (0.2, 0.1), (0, -0.1), (-0.2, 0.1), (-0.1, 1.7), (0.2, 1.6)]),
    np.array([(0, 1.2), (0, 0.2), (0.3, -0.1), (0.6, 0.2), (0.55, 0.5)]),
    np.array([(-0.5, 0.4), (-0.5, 0), (0.5, 0), (0.5, 0.4)]),
    np.array([(0, 0), (1.2, 0), (1.2, 0.5), (-0.2, 0.5), (-0.2, 0.15), (0.9, 0.15)]),
)


def small_metal(rng: np.random.Generator) -> list[Part]:
    """Scatter clips, pins, hooks, eyelets, studs and washers."""
    count, spread = int(rng.integers(5, 22)), rng.uniform(2, 7)
    rings = [
        ellipse(x, y, rng.uniform(0.3, 0.8), rng.uniform(0.3, 0.8), sides=12)
        for x, y in rng.normal(0, spread, (count // 2 + 1, 2))
    ]
    wires: list[Outline] = []
    for place in rng.normal(0, spread, (count, 2)):
        line = turn(pick(rng, _BENT) * rng.uniform(0.7, 1.5), rng.uniform(0, 2 * np.pi)) + place
        wires += wire(line, 0.2)
    plates = [
        turn(box(-a, -b, a, b, 0.1), c) + rng.normal(0, spread, 2)
        for a, b, c in rng.uniform((0.2, 0.15, 0), (0.9, 0.5, 3), (count // 3, 3))
    ]
    return [
        Part('steel', 0.2, rings, [inset(ring, 0.2) for ring in rings]),
        Part('steel', 0.18, wires),
        *([Part('copper', 0.12, plates)] if plates else []),
    ]
