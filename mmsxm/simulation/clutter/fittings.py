"""Small parts of bags and garments: zippers and sliders, buckles, rings, rivets, straps."""

import numpy as np

from mmsxm.simulation.clutter.kit import closed, comb, cord, dots, moved, pick, sides
from mmsxm.simulation.shapes import Outline, Part, bar, box, ellipse, inset


def slider(rng: np.random.Generator) -> list[Part]:
    """Make the slider of a zipper with its pull. Sliders are the dark blue specks of every bag."""
    length, width = rng.uniform(1.6, 3.4), rng.uniform(0.55, 0.9)
    pull = box(0.3, -width / 2, length, width / 2, width * 0.45)
    if rng.random() < 0.6:  # a long slot
        hole = [box(length * 0.35, -width * 0.28, length * 0.9, width * 0.28, width * 0.25)]
    else:
        hole = [ellipse(length * 0.85, 0, width * 0.25, sides=10)]
    metal, thickness = pick(rng, (('steel', 0.16), ('copper', 0.12), ('steel', 0.22)))
    return [
        Part(metal, thickness, [pull], hole, lift=0.3),
        Part('steel', 0.35, [bar([(-0.9, 0), (0, 0), (0.6, 0)], [0.5, 0.85, 0.5])]),
        Part('steel', 0.3, [box(-0.1, -0.2, 0.75, 0.2, 0.15)], lift=0.25),
    ]


def zipper(rng: np.random.Generator, line: Outline, sliders: int = 1) -> list[Part]:
    """Make a zipper along a line: tape, metal or plastic teeth, randomly placed sliders."""
    metal = rng.random() < 0.25
    if metal:
        teeth = Part(pick(rng, ('copper', 'steel')), 0.13, [comb(line, 0.32, 0.55, 0.25)])
    else:
        teeth = Part('pvc', 0.45, [comb(line, 0.3, 0.5, 0.3)])
    parts = [Part('cloth', 0.5, cord(line, 2.4)), teeth]
    for _ in range(sliders):
        i = int(rng.integers(1, len(line)))
        direction = line[i] - line[i - 1]
        hang = (
            float(np.arctan2(direction[1], direction[0]))
            + pick(rng, (0.0, np.pi))
            + rng.normal(0, 0.7)
        )
        parts += moved(slider(rng), line[i], hang)
    return parts


def d_ring(rng: np.random.Generator) -> list[Part]:
    """Make a ring for a strap, bent from wire: D-shaped, oval or a plain frame."""
    w, h = rng.uniform(0.9, 1.8), rng.uniform(0.7, 1.2)
    ring = pick(
        rng,
        (
            np.array(
                [(-w, -h), (w, -h), (w * 0.95, 0), (w * 0.6, h), (-w * 0.6, h), (-w * 0.95, 0)]
            ),
            box(-w, -h, w, h, 0.35),
            ellipse(0, 0, w, h, sides=18),
        ),
    )
    wire = rng.uniform(0.25, 0.4)
    return [Part('steel', wire, [ring], [inset(ring, wire)], rounded=True)]


def snap_hook(rng: np.random.Generator) -> list[Part]:
    """Make a swivel hook for the end of a strap."""
    r = rng.uniform(0.8, 1.2)
    hook = ellipse(1.6 * r, 0, 1.4 * r, 0.8 * r, sides=18)
    return [
        Part('steel', 0.35, [hook], [inset(hook, 0.32)], rounded=True),
        Part('steel', 0.7, [box(-0.3, -0.35, 0.6 * r, 0.35, 0.2)], rounded=True),
        *moved(d_ring(rng), (-1.2, 0), np.pi / 2),
    ]


def side_buckle(rng: np.random.Generator) -> list[Part]:
    """Make a plastic side-release buckle, a pale orange outline with prongs."""
    w = rng.uniform(1.2, 2.0)
    body = box(-w, -w * 0.9, w * 0.6, w * 0.9, 0.4)
    prongs = [box(w * 0.4, s * w * 0.75 - 0.25, w * 2.2, s * w * 0.75 + 0.25, 0.2) for s in (-1, 1)]
    return [
        Part('plastic', 0.5, [body]),
        Part('plastic', 0.9, [body], [inset(body, 0.35)]),
        Part('plastic', 0.9, [*prongs, box(w * 1.9, -w * 0.95, w * 2.5, w * 0.95, 0.25)]),
        Part('plastic', 0.6, [box(-w * 1.4, -w, -w * 1.1, w)]),
    ]


def ladder_lock(rng: np.random.Generator) -> list[Part]:
    """Make a strap adjuster: a frame with bars."""
    w, h = rng.uniform(1.1, 1.7), rng.uniform(1.2, 1.8)
    frame = box(-w, -h, w, h, 0.3)
    slots = [box(-w * 0.7, y * h - 0.25, w * 0.7, y * h + 0.25, 0.1) for y in (-0.45, 0.2, 0.6)]
    material, thickness = pick(rng, (('plastic', 0.9), ('plastic', 1.2), ('steel', 0.18)))
    return [Part(material, thickness, [frame], slots)]


def fitting(rng: np.random.Generator) -> list[Part]:
    """Make any of the small parts that hang on a bag."""
    makers = (slider, slider, slider, d_ring, side_buckle, ladder_lock, snap_hook)
    return pick(rng, makers)(rng)


def loose_metal(rng: np.random.Generator, w: float, h: float, count: int) -> list[Part]:
    """Scatter sliders, rings and buckles over a bag, most of them near its edge."""
    parts = []
    for angle in rng.uniform(0, 2 * np.pi, count):
        make = slider if rng.random() < 0.5 else fitting
        direction = np.array([np.cos(angle), np.sin(angle)])
        # Between the edge of a circle and that of a square.
        at = direction / np.abs(direction).max() ** 0.7 * rng.uniform(0.55, 1.02) * (w, h)
        parts += moved(make(rng), at, rng.uniform(0, 2 * np.pi))
    return parts


def rivets(points: Outline, radius: float = 0.28) -> list[Part]:
    """Make screws and rivets, seen from above as dark dots."""
    return [Part('steel', 0.4, dots(points, radius))]


def strap(line: Outline, width: float) -> list[Part]:
    """Make webbing: a band with seams along both edges."""
    seams = [piece for edge in sides(line, 0.84 * width) for piece in cord(edge, 0.14 * width)]
    return [Part('cloth', 0.9, cord(line, width)), Part('cloth', 1.4, seams)]


def piping(rng: np.random.Generator, outline: Outline) -> Part:
    """Make the piped edge of a bag: a plastic core, or the spring wire of a frame."""
    material, thickness, width = pick(
        rng, (('pvc', 0.5, 0.45), ('pvc', 0.8, 0.35), ('pvc', 0.3, 0.5), ('steel', 0.14, 0.22))
    )
    return Part(material, thickness, cord(closed(outline), width))
