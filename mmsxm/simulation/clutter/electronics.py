"""Devices with circuit boards and flat cells."""

from itertools import pairwise

import numpy as np

from mmsxm.simulation.clutter.kit import comb, dots, moved, pick, rim, shifted, tube, walls
from mmsxm.simulation.shapes import Outline, Part, bar, box, curve, ellipse, inset, turn


def board(
    rng: np.random.Generator, area: tuple[float, float, float, float], density: float = 0.5
) -> list[Part]:
    """Make a printed circuit board: chips with pins, rows of small parts, traces, cans, holes.

    Args:
        area: x0, y0, x1, y1.
        density: Chips per square centimeter.
    """
    x0, y0, x1, y1 = area
    low, span = np.array([x0, y0]), np.array([x1 - x0, y1 - y0])
    count = int(np.clip(density * span.prod(), 4, 45))

    def spots(number: int, reach: float) -> Outline:
        return low + rng.uniform(0.03, reach, (number, 2)) * span

    half_sizes = rng.uniform(0.12, 0.9, (count, 2)) ** 1.5 * min(1.2, span.min() / 4)
    corners = np.concatenate([at := spots(count, 0.97), at], 1)
    corners += np.concatenate([-half_sizes, half_sizes], 1)
    corners = corners.clip((x0, y0, x0, y0), (x1, y1, x1, y1))
    chips = [box(*corner) for corner in corners]
    pins = [
        comb(np.array([(a, (b + d) / 2), (c, (b + d) / 2)]), 0.24, d - b + 0.4, d - b)
        for a, b, c, d in corners[:8]
        if c - a > 0.7
    ]
    rows: list[Outline] = []
    traces: list[Outline] = []
    for (x, y), (dx, dy) in zip(spots(count, 0.9), rng.uniform(0.5, 3, (count, 2)), strict=True):
        end = (min(x + dx, x1), y) if dx > dy else (x, min(y + dy, y1))
        if len(rows) < 14:
            rows.append(comb(np.array([(x, y), end]), 0.36, 0.08 * (dx + dy), 0.02))
        turn_x, turn_y = min(x + dx, x1), min(y + dy, y1)
        traces += [box(x, y, turn_x, y + 0.1), box(turn_x - 0.1, y, turn_x, turn_y)]
    cans = spots(max(count // 6, 1), 0.95)
    holes = low + np.array([(0.05, 0.06), (0.95, 0.06), (0.05, 0.94), (0.95, 0.94)]) * span
    half = len(chips) // 2
    return [
        Part('glass', 0.2, [box(x0, y0, x1, y1)], dots(holes, 0.15)),
        Part('copper', 0.012, [box(x0, y0, x1, y1)], dots(holes, 0.3)),
        Part('copper', 0.02, chips[:half] + rows[half:]),
        Part('copper', rng.uniform(0.03, 0.06), chips[half:] + pins),
        Part('copper', rng.uniform(0.03, 0.08), rows[:half] + traces),
        Part('aluminium', 0.7, dots(cans, rng.uniform(0.25, 0.5))),
    ]


def cells(
    rng: np.random.Generator, area: tuple[float, float, float, float], count: int
) -> list[Part]:
    """Make flat lithium cells side by side along x, from aluminum and copper foils."""
    x0, y0, x1, y1 = area
    edges = np.linspace(x0, x1, count + 1)
    packs = [box(a + 0.1, y0, b - 0.1, y1, 0.2) for a, b in pairwise(edges)]
    tabs = [box(b - 0.5, y0 - 0.3, b - 0.2, y0 + 0.3) for b in edges[1:]]
    return [
        Part('aluminium', rng.uniform(0.25, 0.5), packs),
        Part('copper', rng.uniform(0.025, 0.05), packs),
        *(rim('aluminium', 0.25, pack, 0.2) for pack in packs[:4]),
        Part('copper', 0.12, tabs),
    ]


def _fan(x: float, y: float, r: float) -> list[Part]:
    blades = [
        shifted(turn(bar([(0.35 * r, 0), (0.9 * r, 0.25 * r)], 0.12), a), x, y)
        for a in np.arange(0, 6.28, 0.42)
    ]
    return [
        Part('plastic', 0.5, [ellipse(x, y, r)], [ellipse(x, y, 0.3 * r)]),
        Part('aluminium', 0.4, blades),
        Part('steel', 0.12, [ellipse(x, y, 0.3 * r)], [ellipse(x, y, 0.12 * r)]),
        Part('copper', 0.12, [ellipse(x, y, 0.2 * r, sides=12)]),
    ]


def laptop(rng: np.random.Generator) -> list[Part]:
    """Make a closed laptop: case, screen, hinges, board with fan and heat pipe, cells, screws."""
    w, h = rng.uniform(13.5, 18.5), rng.uniform(9.5, 12.5)
    case = box(-w, -h, w, h, rng.uniform(0.5, 1.5))
    split = rng.uniform(-0.1, 0.2) * h
    fans = [(-w * 0.7, -h * 0.5), (w * 0.7, -h * 0.5)][: int(rng.integers(1, 3))]
    hot = rng.uniform(-0.3, 0.3) * w, rng.uniform(-0.6, -0.2) * h
    pipes = [curve([(x, y - 1), ((x + hot[0]) / 2, -h * 0.75), hot]) for x, y in fans]
    rim_screws = np.array(
        [(x * w * 0.95, y * h * 0.94) for x in (-1, -0.3, 0.3, 1) for y in (-1, 1)]
    )
    ports = [
        box(s * w - 0.7, y - 0.6, s * w + 0.7, y + 0.6)
        for s in (-0.94, 0.94)
        for y in (-h * 0.6, -h * 0.3, 0)
    ]
    disk = box(w * 0.35, split + 0.8, w * 0.8, h * 0.85, 0.2)
    with_disk = rng.random() < 0.4
    drive = [
        Part('aluminium', 0.3, [disk]),
        Part('steel', 0.1, dots([disk.mean(0)], 2.2), dots([disk.mean(0)], 0.8)),
    ]
    case_metal = pick(rng, (('aluminium', 0.25), ('plastic', 0.6), ('plastic', 0.5)))
    return [
        Part(*case_metal, [case]),
        rim(case_metal[0], case_metal[1] * 1.5, case, 0.4),
        Part('glass', 0.2, [inset(case, 0.9)]),
        *board(rng, (-w * 0.9, -h * 0.88, w * rng.uniform(0.5, 0.9), split), 0.22),
        *cells(
            rng,
            (-w * 0.85, split + 0.8, w * (0.3 if with_disk else 0.85), h * 0.88),
            int(rng.integers(3, 6)),
        ),
        *(part for x, y in fans for part in _fan(x, y, h * 0.27)),
        Part('copper', 0.1, [bar(pipe, 0.8) for pipe in pipes]),
        *(drive if with_disk else []),
        Part('steel', 0.12, ports),
        Part(
            'steel',
            0.25,
            [box(x - 1.8, -h - 0.1, x + 1.8, -h + 0.8, 0.3) for x in (-w * 0.7, w * 0.7)],
        ),
        Part('steel', 0.3, dots(rim_screws, 0.22)),
    ]


def phone(rng: np.random.Generator) -> list[Part]:
    """Make a phone or tablet: glass, frame, cell, board, cameras, charging coil."""
    scale = pick(rng, (1.0, 1.0, 1.0, 2.6))
    w, h = rng.uniform(3.4, 4.0) * scale, rng.uniform(6.8, 8.2) * (scale * 0.75 if scale > 1 else 1)
    body = box(-w, -h, w, h, 0.8)
    split = rng.uniform(-0.5, -0.2) * h
    cams = [(-w * 0.6, -h * 0.85), (-w * 0.6, -h * 0.85 + 1.8), (0, -h * 0.9)]
    return [
        Part('glass', 0.15, [body]),
        rim(pick(rng, ('aluminium', 'steel')), 0.25, body, 0.25),
        Part('aluminium', 0.12, [inset(body, 0.3)]),
        *board(rng, (-w * 0.85, -h * 0.92, w * 0.85, split), 1.2 / scale),
        *cells(
            rng,
            (-w * 0.85, split + 0.4, w * rng.uniform(0.4, 0.85), h * 0.8),
            1 if scale == 1 else 3,
        ),
        *board(rng, (-w * 0.8, h * 0.84, w * 0.8, h * 0.95), 1.5 / scale),
        Part('copper', 0.04, [ellipse(0, h * 0.2, w * 0.55)], [ellipse(0, h * 0.2, w * 0.35)]),
        *(Part('steel', 0.08, [ellipse(x, y, 0.65)], [ellipse(x, y, 0.4)]) for x, y in cams),
        Part(
            'copper',
            0.15,
            [box(w * 0.5, -h * 0.9, w * 0.75, -h * 0.8), box(-0.5, h * 0.93, 0.5, h)],
        ),
    ]


def gadget(rng: np.random.Generator) -> list[Part]:
    """Make a radio, remote control, calculator, router or disk: flat case, board, keys, cells."""
    w, h = rng.uniform(2.2, 7), rng.uniform(6, 11)
    case = box(-h, -w, h, w, rng.uniform(0.3, 1.5))
    keys = [
        box(x - 0.4, y - 0.3, x + 0.4, y + 0.3, 0.1)
        for x in np.arange(-h * 0.2, h * 0.8, 1.3)
        for y in np.arange(-w * 0.7, w * 0.75, 1.2)
    ]
    if rng.random() < 0.5:  # round cells
        cell = tube('steel', 0.03, 2.3, 0.65)
        power = [part for s in (-1, 1) for part in moved(cell, (-h * 0.6, s * w * 0.3))]
    else:  # a loudspeaker
        magnet = ellipse(-h * 0.6, 0, min(w * 0.6, 2.5))
        power = [
            Part('steel', 0.2, [magnet], [inset(magnet, 0.5)]),
            Part('steel', 0.5, [inset(magnet, 1.0)]),
        ]
    antenna = [Part('steel', 0.2, [box(h * 0.2, w, h * 0.2 + 12, w + 0.5)])]
    return [
        *walls(*pick(rng, (('plastic', 0.2), ('plastic', 0.3), ('aluminium', 0.1))), case, 2.0),
        *board(rng, (-h * 0.3, -w * 0.85, h * 0.92, w * 0.85), 0.5),
        *power,
        Part('plastic', 0.5, keys),
        Part('copper', 0.04, keys[::2]),
        Part(
            'steel',
            0.5,
            dots([(x * h * 0.92, y * w * 0.88) for x in (-1, 1) for y in (-1, 1)], 0.2),
        ),
        *(antenna if rng.random() < 0.25 else []),
    ]
