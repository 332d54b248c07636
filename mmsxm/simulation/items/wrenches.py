"""Wrenches along x: open-end, box-end, combination, adjustable, pipe and socket wrenches."""

import numpy as np

from mmsxm.simulation.items.building import both_sides, cylinder, placed, scaled, tube
from mmsxm.simulation.shapes import Outline, Part, bar, box, curve, ellipse, turn


def make_wrench(length: float, rng: np.random.Generator) -> list[Part]:
    """Make a random kind of wrench."""
    kinds = [_spanner, _adjustable, _pipe_wrench, _socket_spanner]
    return kinds[rng.choice(4, p=[0.5, 0.33, 0.08, 0.09])](length, rng)


def _spanner(length: float, rng: np.random.Generator) -> list[Part]:
    """Make a flat shank with a head at each end, an open jaw or a ring."""
    size = length * rng.uniform(0.065, 0.1)
    other = size * rng.uniform(0.8, 1.0)
    kinds = [('open', 'ring'), ('open', 'open'), ('ring', 'ring')]
    heads = kinds[rng.choice(3, p=[0.45, 0.4, 0.15])]
    thick = np.clip(0.28 * size, 0.3, 0.7) * rng.uniform(0.8, 1.3)
    ends = length / 2 - size, length / 2 - other
    waist = size * rng.uniform(0.7, 0.95)
    shank = bar([(-ends[0], 0), (0, 0), (ends[1], 0)], [waist * 1.2, waist, waist])
    groove = bar([(-ends[0] * 0.6, 0), (ends[1] * 0.6, 0)], waist * 0.5)
    parts = [Part('steel', 0.8 * thick, [shank], [_bite(-ends[0], size), _bite(ends[1], other)])]
    if rng.random() < 0.5:
        parts.append(Part('steel', -0.35 * thick, [groove]))
    offset = rng.uniform(0, 0.5) if 'ring' in heads else 0.0
    sides = (-1, -ends[0], size), (1, ends[1], other)
    for kind, (side, x, radius) in zip(heads, sides, strict=True):
        if kind == 'ring':
            nut = ellipse(x, 0, radius * rng.uniform(0.6, 0.68), sides=12)
            parts.append(Part('steel', 1.4 * thick, [ellipse(x, 0, radius)], [nut], lift=offset))
        else:
            parts.append(_open_head(x, radius, side, thick, rng))
    return parts


def _bite(x: float, radius: float) -> Outline:
    """Make the hole in a shank for its head."""
    return ellipse(x, 0, radius * 0.75)


def _open_head(x: float, radius: float, side: int, thick: float, rng: np.random.Generator) -> Part:
    """Make a round head with an opening, slanted by about 15 degrees."""
    gap = radius * rng.uniform(0.5, 0.6)
    skew = rng.choice([-1, 1]) * rng.uniform(0.2, 0.3)
    mouth = box(-radius * 0.3, -gap, radius * 2, gap, 0.35 * gap) * (side, 1)
    head = ellipse(0, 0, radius * 1.12, radius * 1.1)
    outlines = [turn(outline, skew) + np.array([x, 0]) for outline in (head, mouth)]
    return Part('steel', thick, outlines[:1], outlines[1:])


def _adjustable(length: float, rng: np.random.Generator) -> list[Part]:
    """Make a fixed jaw, a sliding one on a worm screw, and a handle with a hole at its end."""
    size = length * rng.uniform(0.11, 0.14)
    x = length / 2 - size
    gap = size * rng.uniform(0.1, 0.8)
    thick = np.clip(length * 0.035, 0.5, 1.0)
    waist = size * rng.uniform(0.75, 1.0)
    handle = bar(
        [(-length / 2, 0), (-length * 0.1, 0), (x - size * 0.6, 0)], [waist, waist * 0.8, size]
    )
    tail = ellipse(-length / 2 + waist * 0.3, 0, waist * 0.6)
    fixed = np.array(
        [(-1, -0.6), (0, -1), (0.9, -0.75), (1, -0.3), (0.1, -0.1), (-0.15, 0.9), (-1, 0.7)]
    )
    slide = gap - size * 0.1
    moving = np.array([(1, 0), (0.1, -0.15), (-0.4, 0), (-0.5, 0.6), (0.3, 0.7)])
    moving = moving * size + np.array([x, slide])
    worm = box(x - size * 0.75, size * 0.05, x - size * 0.25, size * 0.5)
    hole = ellipse(-length / 2 + waist * 0.3, 0, waist * 0.3)
    groove = bar([(-length * 0.35, 0), (length * 0.1, 0)], waist * 0.5)
    head = turn(curve(fixed * size + np.array([x, 0])), -0.3, x, 0)
    grip = [Part('pvc', thick + 0.5, [handle], rounded=True)] if rng.random() < 0.15 else []
    return [
        Part('steel', 0.6 * thick, [handle, tail], [hole]),
        Part('steel', -0.2 * thick, [groove]),
        Part('steel', thick, [head], [turn(worm, -0.3, x, 0)]),
        Part('steel', 0.7 * thick, [turn(moving, -0.3, x, 0)]),
        Part('steel', 0.7 * thick, [turn(worm, -0.3, x, 0)], rounded=True),
        *grip,
    ]


def _pipe_wrench(length: float, rng: np.random.Generator) -> list[Part]:
    """Make a toothed hook whose shank runs through a nut on a heavy handle."""
    size = length * rng.uniform(0.09, 0.12)
    x = length / 2
    thick = np.clip(length * 0.045, 0.8, 1.6)
    handle = bar([(-x, 0), (-x * 0.2, 0), (x * 0.35, 0)], [size * 0.8, size * 0.65, size])
    heel = np.array([(0.3, -0.8), (0.75, -0.9), (0.75, -0.1), (0.3, 0.5)]) * (x, size)
    shank = box(x * 0.15, size * 0.1, x * 0.95, size * 0.75)
    gap = size * rng.uniform(0.2, 0.8)
    hook = np.array([(0.95, 0.75), (1, 0.2), (1, -1), (0.8, -1), (0.8, 0.1)]) * (x, size)
    nut = box(x * 0.35, 0, x * 0.5, size * 0.9, 0.2)
    web = bar([(-x * 0.85, 0), (x * 0.2, 0)], size * 0.35)
    parts = [
        Part('steel', thick * 0.8, [handle], [ellipse(-x * 0.95, 0, size * 0.18)]),
        Part('steel', -thick * 0.5, [web]),
        Part('steel', thick, [heel]),
        Part('steel', thick * 0.6, [shank + np.array([gap, 0]), hook + np.array([gap, 0])]),
        Part('steel', thick * 1.3, [nut], rounded=True),
    ]
    return scaled(parts, 1.0, (gap / 2, 0))


def _socket_spanner(length: float, rng: np.random.Generator) -> list[Part]:
    """Make a ratchet with a socket, a pipe with sockets, or a cross for wheel nuts."""
    half = length / 2
    kind = rng.integers(3)
    if kind == 0:
        head = np.clip(length * 0.08, 1.3, 2.2)
        x = half - head
        square = ellipse(x, 0, 0.55, sides=6)
        return [
            Part('steel', 0.9, [bar([(-half, 0), (x, 0)], [1.0, 0.9, 1.0])], rounded=True),
            Part('pvc', 1.8, [bar([(-half, 0), (-0.2 * half, 0)], [1.6, 2.0, 1.5])], rounded=True),
            Part('steel', 0.9, [ellipse(x, 0, head)]),
            Part('steel', 1.8, [ellipse(x, 0, 0.9)], [square]),
            *both_sides(Part('steel', 0.3, [ellipse(x, 0, 0.4 * head)]), 0.5),
        ]
    wide = length * rng.uniform(0.05, 0.08)
    pipe = tube('steel', -half, half, 0, wide * 1.6, wide * 1.6 - 0.5)
    if kind == 1:
        ends = [box(x, -wide, x + 2 * wide, wide) for x in (-half, half - 2 * wide)]
        return [*pipe, Part('steel', 0.4, ends)]
    rod = cylinder('steel', -half, half, 0, wide)
    return [rod, *placed([rod], 0, 0, np.pi / 2)]
