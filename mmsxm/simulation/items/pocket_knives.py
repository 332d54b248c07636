"""Knives that fold or slide: folding, utility and multi-tool knives, blade to the right."""

from functools import partial

import numpy as np

from mmsxm.simulation.items.building import both_sides, half, placed, rivets, scaled, smooth
from mmsxm.simulation.parts import mapped
from mmsxm.simulation.shapes import Outline, Part, bar, box, curve, ellipse, inset


def make_folding_knife(length: float, rng: np.random.Generator) -> list[Part]:
    """Make a blade that pivots on a pin between liners and scales, open or half open."""
    handle = length * rng.uniform(0.54, 0.6)
    blade = length - handle * 0.97
    width = length * rng.uniform(0.08, 0.12)
    deep = width * rng.uniform(1.05, 1.35)
    bend = rng.uniform(-0.15, 0.35) * deep
    line = curve([(0.4, 0), (-handle * 0.4, bend * 0.6), (-handle, bend)])
    body = bar(line, [deep * 0.9, deep, deep * rng.uniform(0.7, 1.1)])
    scale = str(rng.choice(['plastic', 'paper', 'aluminium', 'steel'], p=[0.35, 0.2, 0.2, 0.25]))
    depth = rng.uniform(0.12, 0.2) if scale == 'steel' else rng.uniform(0.25, 0.4)
    liner = Part('steel', rng.uniform(0.08, 0.15), [body], _lightening(line, deep, rng))
    opened = 0.0 if rng.random() < 0.65 else rng.uniform(0.4, 2.2)
    thick = rng.uniform(0.18, 0.3)
    parts = [
        *placed(_blade(blade, width, thick, rng), 0, 0, -opened),
        *both_sides(liner, 0.25),
        *both_sides(Part(scale, depth, [body]), 0.32 + depth / 2),
        Part('steel', 1.0, [ellipse(0, 0, 0.3, sides=12), *rivets(line, (0.35, 0.65, 0.95), 0.18)]),
        Part('steel', 0.3, [_spine(line, deep)]),
    ]
    if rng.random() < 0.4:
        clip = smooth([(-handle * 0.95, bend * 1.2), (-handle * 0.4, bend * 0.9)], deep * 0.3)
        parts.append(Part('steel', 0.12, [clip], lift=0.32 + depth))
    return scaled(parts, 1.0, ((blade - handle) / 2, 0))


def _spine(line: Outline, deep: float) -> Outline:
    """Make the spring or spacer along the back of a handle."""
    return bar(line + np.array([0, -deep * 0.36]), deep * 0.22)


def _lightening(line: Outline, deep: float, rng: np.random.Generator) -> list[Outline]:
    """Make holes in a liner, in half of the cases."""
    if rng.random() < 0.5:
        return []
    return rivets(line, (0.3, 0.45, 0.6, 0.75, 0.88), deep * 0.2)


def _blade(length: float, width: float, thick: float, rng: np.random.Generator) -> list[Part]:
    """Make the blade of a pocket knife from its pin at the origin, edge down."""
    tip = (length, width * rng.uniform(-0.3, 0.2))
    edge = curve(
        [tip, (length * 0.75, width * 0.42), (length * 0.35, width * 0.5), (0.8, width * 0.5)]
    )
    spine = [(-0.3, width * 0.3), (-0.3, -width * 0.3), (0.4, -width * 0.45)]
    spine.append((length * rng.uniform(0.5, 0.7), -width * 0.5))
    outline = np.concatenate([np.array(spine), edge])
    holes = [ellipse(length * 0.22, -width * 0.18, width * 0.16)] if rng.random() < 0.4 else []
    wedge = np.array([(0, -width * 0.1), (0, width * 0.5)])
    return [Part('steel', thick, [outline], holes, wedge=wedge)]


def make_utility_knife(length: float, rng: np.random.Generator) -> list[Part]:
    """Make a snap-off blade in a steel channel, in a case of plastic or metal."""
    out = length * rng.uniform(0.0, 0.35)
    body = length - out
    width = rng.uniform(0.095, 0.15) * length
    high = width * rng.uniform(0.5, 0.62)  # width of the blade
    x1 = body / 2
    x0 = -x1
    nose = [(x1 - width, -width / 2), (x1, -high * 0.45), (x1, high * 0.55)]
    tail = np.array([(0.4, 0.5), (0, 0.4), (0, -0.4), (0.4, -0.5)]) * (1, width) + np.array([x0, 0])
    shape = np.concatenate([nose, [(x1 - width * 0.4, width / 2)], tail])
    end = x1 + out
    start = end - min(body * 0.85, 11.0) * rng.uniform(0.75, 1.0)
    slant = high * 0.55
    blade = np.array(
        [(start, -high / 2), (end - slant, -high / 2), (end, high / 2), (start, high / 2)]
    )
    edge = np.array([(0, 0.2 * high), (0, high)])
    step = high * 0.75
    scores = [
        bar([(x - slant, -high / 2), (x, high / 2)], 0.09)
        for x in np.arange(start + 2 * slant, end, step)
    ]
    channel = box(x0 + width * 0.8, -high * 0.62, x1, high * 0.62)
    slot = box(x0 + body * 0.2, -high * 0.22, x1 - width * 0.5, high * 0.22, 0.1)
    at = start + rng.uniform(0, 0.5)
    slider = box(at, -width * 0.38, at + width * 1.2, width * 0.38, 0.2)
    metal = rng.random() < 0.3
    case = Part('aluminium', 0.25, [shape]) if metal else Part('plastic', 0.35, [shape])
    return [
        *both_sides(case._replace(holes=[slot]), 0.3),
        *both_sides(Part('steel', rng.uniform(0.04, 0.07), [channel], [slot]), 0.12),
        Part('steel', rng.uniform(0.06, 0.09), [blade], wedge=edge),
        Part('steel', -0.03, [s for s in scores if s[:, 0].max() < end - slant / 2]),
        Part('plastic', 0.5, [slider], rounded=True, lift=0.5),
        Part('steel', 0.3, [ellipse(at + width * 0.6, 0, 0.18, sides=10)], lift=0.3),
        Part('steel', 0.5, [ellipse(x0 + 0.6, 0, 0.22, sides=10)]),
    ]


def make_multitool(length: float, rng: np.random.Generator) -> list[Part]:
    """Make a Swiss army knife with some tools open, or pliers with tools in their handles."""
    return _swiss_knife(length, rng) if rng.random() < 0.55 else _folding_pliers(length, rng)


def _swiss_knife(length: float, rng: np.random.Generator) -> list[Part]:
    """Make layers of tools between liners and two scales. Each tool pivots on a pin at one end."""
    body = length * rng.uniform(0.55, 0.9)
    width = body * rng.uniform(0.24, 0.3)
    layers = int(rng.integers(2, 6))
    pitch = 0.24
    outline = box(-body / 2, -width / 2, body / 2, width / 2, width * 0.45)
    top = layers * pitch / 2
    parts = both_sides(Part('plastic', 0.25, [outline]), top + 0.17)
    liners = [Part('aluminium', 0.06, [outline], lift=i * pitch - top) for i in range(layers + 1)]
    pins = [ellipse(x, 0, 0.13, sides=10) for x in (-body * 0.42, body * 0.42, 0)]
    parts += [*liners, Part('steel', layers * pitch, pins)]
    for i in range(layers):
        reach = body * rng.uniform(0.5, 0.8)
        # A closed tool lies along the body; an open one points away from it.
        angle = rng.choice([np.pi, rng.uniform(-0.2, 2.4)], p=[0.6, 0.4])
        tool = _tool(reach, width * rng.uniform(0.35, 0.5), i, rng)
        turned = placed(tool, body * 0.42, -width * 0.1, -angle, (i + 0.5) * pitch - top)
        parts += turned if i % 2 == 0 else mapped(turned, _mirrored)
    spring = box(-body * 0.45, width * 0.22, body * 0.45, width * 0.42, 0.1)
    parts.append(Part('steel', layers * pitch * 0.7, [spring]))
    return parts


def _mirrored(outline: Outline) -> Outline:
    return outline * (-1, 1)


def _tool(reach: float, width: float, number: int, rng: np.random.Generator) -> list[Part]:
    """Make a tool that points right: first a blade, then opener, saw, screwdriver or corkscrew."""
    if number == 0:
        return _blade(reach, width, 0.16, rng)
    kind = rng.integers(4)
    if kind == 0:  # opener
        hook = [(0, 0), (reach * 0.5, 0), (reach * 0.6, -width * 0.5)]
        return [Part('steel', 0.16, [smooth(hook, [width, width, width * 0.5])])]
    if kind == 1:  # saw
        return [Part('steel', 0.13, [box(-0.2, -width * 0.4, reach, width * 0.4, 0.1)])]
    if kind == 2:  # corkscrew
        x = np.linspace(0, reach * 0.7, 25)
        wave = np.stack([x, 0.3 * np.sin(x * 7) * (x > 0.6)], 1)
        return [Part('steel', 0.2, [bar(wave[i : i + 2], 0.2) for i in range(24)])]
    driver = bar([(-0.2, 0), (reach * 0.8, 0)], [width, width * 0.7, width * 0.5])
    return [Part('steel', 0.16, [driver])]


def _folding_pliers(length: float, rng: np.random.Generator) -> list[Part]:
    """Make pliers, open or folded, with handles of folded sheet and tools between their walls."""
    jaw = length * rng.uniform(0.26, 0.34)
    back = length - jaw
    width = length * 0.075
    opening = rng.uniform(0.0, 0.5)
    tip = np.array([(0.5, 0.7), (1, 0.25), (1, 0)]) * (jaw, width)
    upper = np.concatenate([[(-width, 0), (-width, width), (0, 1.2 * width)], tip])
    arm = box(-back, -width * 1.9, -width * 0.3, -width * 0.3, 0.3)
    walls = Part('steel', 0.12, [arm], [inset(arm, width * 0.35)] if rng.random() < 0.3 else [])
    parts = []
    for side in (1, -1):
        ends = -back * rng.uniform(0.2, 0.5, 3)
        tops = -width * np.array([0.6, 1.15, 1.7])
        tools = [box(-back * 0.95, y, x, y + 0.3 * width) for x, y in zip(ends, tops, strict=True)]
        closed = [
            Part('steel', 0.5, [upper]),
            *both_sides(walls, width * 0.6),
            Part('steel', 0.2, tools, lift=0.15 * side),
        ]
        parts += mapped(closed, partial(half, opening=opening, side=side))
    parts.append(Part('steel', 0.9, [ellipse(0, 0, width * 0.6, sides=14)]))
    return scaled(parts, 1.0, ((jaw - back) / 2, 0))
