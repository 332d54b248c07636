"""Cables, coils, earphones, power strips."""

import numpy as np

from mmsxm.simulation.clutter.kit import cord, dots, folds, moved, pick, rim, shifted, tangle
from mmsxm.simulation.shapes import Outline, Part, bar, box, curve, ellipse, inset


def _wire(line: Outline, width: float) -> list[Part]:
    """Make the sheath of a cable and its strands."""
    return [
        Part('pvc', width * 0.9, cord(line, width)),
        Part('copper', width * 0.22, cord(line, max(width * 0.45, 0.12))),
    ]


def _plug(rng: np.random.Generator) -> list[Part]:
    """Make a USB, jack, barrel or mains plug that points along x."""
    kind = rng.integers(4)
    parts = [Part('pvc', 0.9, [box(-1.6, -0.55, 0.3, 0.55, 0.25)])]
    if kind == 0:
        shell = box(0.2, -0.6, 1.5, 0.6)
        return [
            *parts,
            Part('steel', 0.07, [shell]),
            rim('steel', 0.3, shell, 0.12),
            Part('copper', 0.1, [box(-1, -0.3, 0.3, 0.3)]),
        ]
    if kind == 1:
        return [*parts, Part('copper', 0.3, [box(0.2, -0.2, 1.8, 0.2, 0.1)], rounded=True)]
    if kind == 2:
        return [
            *parts,
            Part('copper', 0.25, [box(0.2, -0.35, 1.3, 0.35)], [box(0.6, -0.12, 1.4, 0.12)]),
        ]
    prongs = [box(0.8, s * 0.7 - 0.2, 2.6, s * 0.7 + 0.2) for s in (-1, 1)]
    return [Part('pvc', 1.8, [box(-2, -1.2, 1, 1.2, 0.6)]), Part('copper', 0.3, prongs)]


def _ends(rng: np.random.Generator, line: Outline) -> list[Part]:
    parts = []
    for end, before in ((line[0], line[1]), (line[-1], line[-2])):
        direction = end - before
        parts += moved(_plug(rng), end, float(np.arctan2(direction[1], direction[0])))
    return parts


def lead(rng: np.random.Generator, size: float) -> list[Part]:
    """Make a piece of cable that loops over about `size` cm, with a plug at one end."""
    line = tangle(rng, size / 2, rng.uniform(0.6, 2.0), 40)
    return [*_wire(line, rng.uniform(0.28, 0.5)), *_ends(rng, line)[: int(rng.integers(2, 6))]]


def cable(rng: np.random.Generator) -> list[Part]:
    """Make a cable, loose or wound into a bundle with a tie around its middle."""
    width = rng.uniform(0.3, 0.6)
    if rng.random() < 0.5:
        line = tangle(rng, rng.uniform(4, 8), rng.uniform(1.5, 4), 90)
        return [*_wire(line, width), *_ends(rng, line)]
    t = np.linspace(0, 2 * np.pi * rng.integers(3, 7), 90)
    waver = 1 + 0.07 * np.sin(t * 1.37) + 0.05 * np.sin(t * 0.41 + 1)
    line = (
        np.stack(
            [
                rng.uniform(5, 8) * np.cos(t),
                rng.uniform(1.2, 2.5) * np.sin(t + 0.1 * np.sin(t / 5)),
            ],
            1,
        )
        * waver[:, None]
    )
    return [*_wire(line, width), *_ends(rng, line), Part('steel', 0.1, [box(-0.3, -2.8, 0.1, 2.8)])]


def coil(rng: np.random.Generator) -> list[Part]:
    """Make a long cable or rope, wound up in many slightly offset rings."""
    turns, radius = int(rng.integers(6, 16)), rng.uniform(5, 10)
    t = np.linspace(0, 2 * np.pi * turns, turns * 16)
    drift = np.interp(t, np.arange(turns + 1) * 2 * np.pi, rng.normal(1, 0.1, turns + 1))
    shift = rng.normal(0, 0.05, (2, turns + 1)) * radius
    line = np.stack([np.cos(t), np.sin(t)], 1) * (radius * drift)[:, None]
    line += np.stack([np.interp(t, np.arange(turns + 1) * 2 * np.pi, s) for s in shift], 1)
    width = rng.uniform(0.3, 0.7)
    pieces = [bar(line[i : i + 9], width) for i in range(0, len(line) - 1, 8)]
    # Rings that cross must add up, so distribute the turns over layers.
    layers = [pieces[k::4] for k in range(4)]
    material, core = pick(rng, (('pvc', 'copper'), ('pvc', 'copper'), ('plastic', '')))
    strands = [bar(line[i : i + 9], width * 0.45) for i in range(0, len(line) - 1, 8)]
    return [
        *(Part(material, width, layer) for layer in layers),
        *(Part(core, width * 0.2, strands[k::4]) for k in range(4) if core),
        *_ends(rng, line),
    ]


def earphones(rng: np.random.Generator) -> list[Part]:
    """Make earbuds on thin wires, or a headset with a spring band."""
    if rng.random() < 0.6:
        line = tangle(rng, rng.uniform(3, 6), rng.uniform(2, 4), 80)
        buds = [line[0], line[0] + rng.normal(0, 2, 2)]
        fork = curve([tuple(line[6]), tuple(line[3] + (0.8, 0.5)), tuple(buds[1])])
        return [
            *_wire(line, 0.2),
            *_wire(fork, 0.18),
            Part('plastic', 1.0, [ellipse(x, y, 0.8, 0.65) for x, y in buds], rounded=True),
            Part('steel', 0.3, [ellipse(x, y, 0.4, sides=12) for x, y in buds]),
            *moved(_plug(rng), line[-1]),
            Part('copper', 0.08, [box(-0.4, -1, 0.4, 1, 0.2) + line[25]]),
        ]
    r = rng.uniform(7, 8.5)
    t = np.linspace(np.pi, 2 * np.pi, 20)
    band = np.stack([r * np.cos(t), r * 1.05 * np.sin(t)], 1)
    cups = [ellipse(s * r, 1.5, 2.8, 3.6) for s in (-1, 1)]
    return [
        Part('plastic', 1.2, [bar(band, 1.6)]),
        Part('steel', 0.15, [bar(band, 0.5)]),
        Part('cloth', 3.0, cups, [inset(c, 1.3) for c in cups], relief=folds(rng, 3, 5, 0.3)),
        Part('plastic', 0.8, [inset(c, 0.5) for c in cups]),
        Part(
            'steel',
            0.3,
            [ellipse(s * r, 1.5, 1.6) for s in (-1, 1)],
            dots([(s * r, 1.5) for s in (-1, 1)], 0.5),
        ),
        Part('copper', 0.15, dots([(s * r, 1.5) for s in (-1, 1)], 0.9)),
        *moved(lead(rng, 7), (0, 7)),
    ]


def power_strip(rng: np.random.Generator) -> list[Part]:
    """Make a power strip: a long case with pairs of contacts on two brass bars."""
    count = int(rng.integers(3, 7))
    half, w = count * 2.1, rng.uniform(2.2, 2.8)
    case = box(-half - 1, -w, half + 1, w, 0.7)
    sockets = [-half + 2.1 + i * 4.2 for i in range(count)]
    contacts = [
        bar([(x + s * 1.0, y - 0.5), (x + s * 0.8, y + 0.5)], 0.3)
        for x in sockets
        for s in (-1, 1)
        for y in (-0.9, 0.9)
    ]
    coils = shifted(tangle(rng, rng.uniform(4, 7), 2.5, 80), half + 4, rng.uniform(-4, 4))
    return [
        Part('plastic', 0.5, [case]),
        rim('plastic', 1.4, case, 0.25),
        Part('copper', 0.05, [box(-half, y - 0.2, half, y + 0.2) for y in (-w * 0.5, w * 0.5)]),
        Part('copper', 0.16, contacts),
        Part(
            'steel',
            0.5,
            dots([(x, y) for x in (-half, 0, half) for y in (-w * 0.75, w * 0.75)], 0.25),
        ),
        Part('copper', 0.15, [box(half - 0.5, -0.8, half + 0.5, 0.8)]),
        *_wire(coils, 0.7),
        *moved(_plug(rng), coils[-1]),
    ]
