"""Permitted tools: screwdrivers, bits, sockets, hex keys, tape measures, padlocks, fasteners."""

import numpy as np

from mmsxm.simulation.clutter.kit import comb, cord, dots, moved, pick, shifted, walls, wire
from mmsxm.simulation.shapes import Outline, Part, bar, box, curve, ellipse, turn


def screwdrivers(rng: np.random.Generator) -> list[Part]:
    """Make one to four screwdrivers: a steel shaft in a ribbed grip of clear or green plastic."""
    parts = []
    for i in range(int(rng.integers(1, 5))):
        shaft, grip, r = rng.uniform(6, 16), rng.uniform(7, 11), rng.uniform(1.1, 1.8)
        width = rng.uniform(0.4, 0.8)
        handle = bar(
            np.linspace((-grip, 0), (0, 0), 6), [1.4 * r, 2 * r, 2 * r, 1.8 * r, 1.3 * r, 1.7 * r]
        )
        blade = bar(
            np.linspace((-grip * 0.6, 0), (shaft, 0), 8), [width] * 6 + [width * 1.4, width * 0.9]
        )
        driver = [
            Part(
                *pick(rng, (('plastic', 1.8 * r), ('pvc', 1.2 * r), ('plastic', 1.5 * r))),
                [handle],
                rounded=True,
            ),
            Part(
                'pvc',
                0.4,
                [comb(np.array([(-grip * 0.9, 0), (-grip * 0.2, 0)]), 0.5, 1.7 * r, 1.2 * r)],
            ),
            Part('steel', width * 0.8, [blade], rounded=True),
        ]
        parts += moved(
            driver, (rng.normal(0, 2), 3.2 * i), pick(rng, (0.0, np.pi)) + rng.normal(0, 0.15)
        )
    return parts


def bits(rng: np.random.Generator) -> list[Part]:
    """Make a rail of screwdriver bits, or a row of drill bits sorted by size."""
    count = int(rng.integers(6, 13))
    drills = rng.random() < 0.5
    lengths = (
        np.linspace(4, rng.uniform(8, 12), count)
        if drills
        else np.full(count, rng.uniform(2.4, 4.8))
    )
    pitch = 1.1 if drills else 1.0
    body, tips = [], []
    for i, length in enumerate(lengths):
        y, width = i * pitch, 0.15 + 0.04 * i if drills else 0.6
        if drills:
            body.append(comb(np.array([(0, y), (length, y)]), 0.7, width, width * 0.7))
        else:
            body.append(
                bar(
                    [(0, y), (length * 0.55, y), (length * 0.6, y), (length, y)],
                    [0.62, 0.62, 0.35, 0.45],
                )
            )
        tips.append(box(-0.4, y - width / 2, 0.6, y + width / 2))
    rail = box(-1.2, -0.8, rng.uniform(1.1, 1.9), count * pitch, 0.2)
    parts = [
        Part('steel', 0.35, body, rounded=True),
        Part('steel', 0.15, tips),
        Part('plastic', 1.0, [rail]),
    ]
    case = box(-2, -1.6, lengths.max() + 1.2, count * pitch + 0.8, 0.5)
    return [*parts, *walls('plastic', 0.18, case, 2.5), *_hinges(case)]


def _hinges(case: Outline) -> list[Part]:
    """Make steel pins along one long side of a case, and a latch on the other."""
    (x0, y0), (x1, y1) = case.min(0), case.max(0)
    xs = np.linspace(x0, x1, 5)[1:4:2]
    return [
        Part('steel', 0.2, [box(x - 1, y0 - 0.15, x + 1, y0 + 0.1) for x in xs]),
        Part('steel', 0.08, [box((x0 + x1) / 2 - 1, y1 - 0.5, (x0 + x1) / 2 + 1, y1 + 0.3)]),
    ]


def sockets(rng: np.random.Generator) -> list[Part]:
    """Make a row of sockets, lying or standing, with the drive bar of a ratchet."""
    count, parts, x = int(rng.integers(5, 13)), [], 0.0
    upright = rng.random() < 0.5
    for r in np.sort(rng.uniform(0.55, 1.4, count)):
        x += r
        if upright:
            hexagon = ellipse(x, 0, r * 0.62, sides=6)
            parts += [
                Part('steel', 1.2, [ellipse(x, 0, r)], [hexagon]),
                Part('steel', 0.5, [hexagon], [box(x - 0.3, -0.3, x + 0.3, 0.3)]),
            ]
        else:
            top = 0.9 + r * rng.uniform(0.6, 1.2)
            sides = [
                box(x + s * r * 0.87 - r * 0.13, -1.1, x + s * r * 0.87 + r * 0.13, top)
                for s in (-1, 1)
            ]
            parts += [
                Part('steel', 0.25 * r, [box(x - r, -1.1, x + r, top, 0.2)]),
                Part('steel', 0.8 * r, sides),
                Part('steel', 0.4 * r, [box(x - r * 0.9, -1.1, x + r * 0.9, 0.0)]),
            ]
        x += r + 0.15
    rail = box(-0.5, -0.9, x + 0.5, 0.9)
    extras = [Part('plastic', 0.6, [rail]), Part('steel', 0.06, [box(-0.5, -0.25, x + 0.5, 0.25)])]
    if rng.random() < 0.5:
        extension = bar([(0, 0), (1.2, 0), (1.4, 0), (rng.uniform(6, 14), 0)], [1.3, 1.3, 0.8, 0.8])
        extras.append(Part('steel', 0.8, [shifted(extension, 0, 3.2)], rounded=True))
    return parts + extras


def organiser(rng: np.random.Generator) -> list[Part]:
    """Make a flat box with compartments, some of which contain small parts."""
    columns, rows, side = int(rng.integers(3, 7)), int(rng.integers(2, 5)), rng.uniform(2, 4)
    w, h = columns * side / 2, rows * side / 2
    bars = [box(x - 0.1, -h, x + 0.1, h) for x in np.linspace(-w, w, columns + 1)]
    bars += [box(-w, y - 0.1, w, y + 0.1) for y in np.linspace(-h, h, rows + 1)]
    studs, pins = [], []
    for x in np.arange(columns) * side - w:
        for y in np.arange(rows) * side - h:
            spots = rng.uniform(0.5, side - 0.5, (int(rng.integers(0, 7)), 2)) + np.array([x, y])
            if rng.random() < 0.5:
                studs += dots(spots, rng.uniform(0.2, 0.4))
            else:
                pins += wire(spots, 0.2)
    case = box(-w - 0.3, -h - 0.3, w + 0.3, h + 0.3, 0.4)
    return [
        *walls('plastic', 0.15, case, 3.0),
        Part('plastic', 2.0, bars),
        *([Part('steel', 0.25, studs)] if studs else []),
        *([Part('steel', 0.2, pins)] if pins else []),
        *_hinges(case),
    ]


def hex_keys(rng: np.random.Generator) -> list[Part]:
    """Make L-shaped hex keys, in a loose bunch or fanned out in a holder."""
    keys, thickest = [], 0.2
    for i in range(int(rng.integers(3, 9))):
        long, width = 4 + 1.2 * i * rng.uniform(0.8, 1.2), 0.18 + 0.07 * i
        key = np.concatenate(
            [[(0, long * 0.33)], curve([(0, 0.5), (0.15, 0.15), (0.5, 0)], steps=3), [(long, 0)]]
        )
        keys.append(
            shifted(
                turn(bar(key, width), rng.normal(0, 0.12)),
                rng.normal(0, 0.5),
                i * rng.uniform(0.4, 1.0),
            )
        )
        thickest = max(thickest, width)
    holder = box(2, -0.8, 4, len(keys) * 0.9, 0.4)
    parts = [Part('steel', thickest * 0.8, [key]) for key in keys]
    return parts + ([Part('plastic', 1.0, [holder])] if rng.random() < 0.5 else [])


def tape_measure(rng: np.random.Generator) -> list[Part]:
    """Make a spiral of spring steel on edge, in a case with a clip and a hook."""
    r = rng.uniform(2.3, 3.3)
    case = box(-r - 0.4, -r - 0.3, r + 0.6, r + 0.3, r * 0.6)
    t = np.linspace(0, 2 * np.pi * 5, 60)
    spiral = np.stack([np.cos(t), np.sin(t)], 1) * (np.linspace(0.35, 0.9, 60) * r)[:, None]
    return [
        *walls('plastic', 0.2, case, 2.5),
        Part('steel', 0.25, cord(spiral, 0.2)),
        Part('steel', 0.12, [ellipse(0, 0, r * 0.9)], [ellipse(0, 0, r * 0.35)]),
        Part('steel', 0.7, [ellipse(0, 0, 0.35, sides=10)]),
        Part(
            'steel',
            0.2,
            [box(r + 0.4, r * 0.6, r + 1.0, r + 0.4), box(-r * 0.7, -r - 0.5, r * 0.3, -r - 0.3)],
        ),
        Part(
            'steel',
            0.4,
            dots([(-r * 0.8, r * 0.8), (r * 0.9, -r * 0.8), (-r * 0.8, -r * 0.8)], 0.2),
        ),
    ]


def padlock(rng: np.random.Generator) -> list[Part]:
    """Make a padlock of brass or steel: shackle, and cylinder with keyway or combination wheels."""
    w, h = rng.uniform(1.3, 2.4), rng.uniform(1.2, 2.2)
    t = np.linspace(np.pi, 2 * np.pi, 12)
    arch = np.stack([0.68 * w * np.cos(t), -h * 1.5 + 0.68 * w * np.sin(t)], 1)
    shackle = np.concatenate([[(-0.68 * w, -h * 0.4)], arch, [(0.68 * w, -h * 0.4)]])
    wheels = [
        box(-w * 0.8 + i * w * 0.45, -h * 0.2, -w * 0.5 + i * w * 0.45, h * 0.6, 0.1)
        for i in range(4)
    ]
    inside = (
        Part('steel', 0.5, wheels)
        if rng.random() < 0.5
        else Part('steel', 0.6, [ellipse(0, h * 0.3, 0.6)], [box(-0.12, h * 0.1, 0.12, h * 0.9)])
    )
    return [
        Part(
            *pick(rng, (('copper', 0.7), ('steel', 0.8), ('aluminium', 1.5))),
            [box(-w, -h, w, h, 0.35)],
        ),
        inside,
        Part('steel', 0.5, [bar(shackle, 0.45)], rounded=True),
    ]
