"""Pistols and revolvers, muzzle to the right."""

import numpy as np

from mmsxm.simulation.items.building import (
    both_sides,
    cylinder,
    placed,
    scaled,
    shell,
    smooth,
    tube,
    zigzag,
)
from mmsxm.simulation.shapes import Part, bar, box, curve, ellipse, inset


def make_gun(length: float, rng: np.random.Generator) -> list[Part]:
    """Make a random pistol or revolver, rarely an imitation of light metal."""
    make = [_pistol, _target_pistol, _revolver][rng.choice(3, p=[0.5, 0.15, 0.35])]
    parts, size = make(rng)
    if rng.random() < 0.08:
        parts = [
            part._replace(material='aluminium') if part.material == 'steel' else part
            for part in parts
        ]
    low = np.min([outline.min(0) for part in parts for outline in part.outlines], 0)
    high = np.max([outline.max(0) for part in parts for outline in part.outlines], 0)
    return scaled(parts, length / size, tuple((low + high) / 2))


def _pistol(rng: np.random.Generator) -> tuple[list[Part], float]:
    """Make a slide over a frame, the magazine in the grip. Compact ones have a shorter slide."""
    end = rng.uniform(14, 19)
    slide, width = rng.uniform(2.1, 2.6), rng.uniform(2.0, 2.5)
    nose = rng.uniform(0.1, 0.9)
    bore = slide * 0.4
    bare = end + rng.choice([0.1, rng.uniform(0.5, 1.5)])
    top = [(0, 0.3), (0.3, 0), (end - 0.4, 0), (end, 0.5)]
    body = np.array([*top, (end, slide - nose), (end - nose, slide), (0, slide)])
    outer, inner = shell('steel', body, width, rng.uniform(0.12, 0.22))
    port = box(end * 0.5, -0.1, end * 0.5 + 2.8, slide * 0.45)
    ribs = [box(x, 0.2, x + 0.2, slide * 0.9) for x in np.arange(0.6, 3.6, 0.5)]
    spring = zigzag(end * 0.5, end - 0.6, slide * 0.65, slide * 0.9, 9)
    return [
        outer._replace(holes=[port]),
        inner._replace(holes=[port]),
        Part('steel', 0.1, ribs, lift=width / 2),
        *tube('steel', end * 0.5, bare, bore, 1.3, 0.9),
        Part('steel', 0.5, [box(end * 0.5 - 0.3, 0.4, end * 0.5 + 1.6, slide * 0.9)]),
        Part('steel', 0.3, [box(1.0, bore - 0.2, end * 0.45, bore + 0.3)]),
        Part('steel', 0.15, spring),
        Part('steel', 0.4, [box(0.2, -0.3, 0.9, 0), box(end - 0.8, -0.3, end - 0.3, 0)]),
        *_frame(rng, slide, end, width),
    ], bare + 0.6


def _frame(rng: np.random.Generator, top: float, end: float, width: float) -> list[Part]:
    """Make all below a slide or receiver that ends at `top`: frame, grip, magazine, guard."""
    rake, grip = rng.uniform(0.5, 2.8), rng.uniform(7.0, 9.0)
    material, wall = [('steel', 0.1), ('aluminium', 0.25), ('plastic', 0.35)][rng.integers(3)]
    floor = top + grip
    dust_cover = [(end - rng.uniform(0.5, 5), top), (end - 5, top + 0.8), (5.4, top + 1.0)]
    front = curve([(5.1, top + 1.6), (4.7 - rake * 0.4, top + grip * 0.5), (4.9 - rake, floor)])
    back = curve(
        [(0.4 - rake, floor), (0.2 - rake * 0.6, top + grip * 0.55), (0.9, top + 1.8), (-0.9, top)]
    )
    outline = np.concatenate([[(-0.9, top)], dust_cover, front, back])
    magazine = np.array(
        [(1.4, top + 0.2), (4.2, top + 0.2), (4.4 - rake, floor + 0.3), (1.4 - rake, floor + 0.3)]
    )
    panel = inset(np.concatenate([front[3:], back[:-7]]), 0.25)
    guard = smooth([(8.3, top + 0.6), (8.2, top + 2.3), (6.8, top + 3.1), (4.7, top + 2.4)], 0.4)
    trigger = smooth([(6.4, top + 0.6), (6.7, top + 1.6), (7.1, top + 2.5)], [0.7, 0.4, 0.3])
    hammer = smooth([(0.3, top + 0.6), (-0.3, top - 0.9), (-1.0, top - 1.3)], [0.9, 0.6, 0.4])
    works = [
        box(x, y, x + rng.uniform(0.4, 1.6), y + rng.uniform(0.2, 0.5))
        for x, y in rng.uniform((0.6, top), (6.5, top + 1.4), (6, 2))
    ]
    spring = [Part('steel', 0.2, zigzag(0, grip - 1.5, -0.9, 0.9, 6))]
    return [
        *shell(material, outline, width, wall),
        *both_sides(Part('plastic', rng.uniform(0.3, 0.6), [panel]), width / 2 + 0.2),
        *shell('steel', magazine, 1.5, 0.08),
        *placed(spring, 2.7, top + 1.2, np.pi / 2 + 0.9 * rake / grip),
        Part('plastic', 2.2, [bar(magazine[2:], 0.6)]),
        Part('steel', 0.8, [guard]),
        Part('steel', 0.5, [trigger, hammer]),
        Part('steel', 0.5, works),
    ]


def _target_pistol(rng: np.random.Generator) -> tuple[list[Part], float]:
    """Make a bare, thin barrel and a short receiver with knobs (old army or target pistol)."""
    barrel = rng.uniform(7, 12)
    high = rng.uniform(2.0, 2.8)
    front = 10 + barrel
    middle = high * 0.55
    receiver = np.array([(0.2, 0.8), (2, 0), (8.5, 0.2), (11, high * 0.3), (11, high), (0, high)])
    sight = np.array([(front - 1.4, middle), (front - 0.9, -0.1), (front - 0.4, middle)])
    knob = ellipse(rng.uniform(3, 5), 0.9, rng.uniform(0.8, 1.1))
    return [
        *shell('steel', receiver, 2.2, rng.uniform(0.12, 0.2)),
        *tube('steel', 9, front - 3, middle, 1.4, 0.9),
        *tube('steel', front - 3, front, middle, 1.2, 0.7),
        Part('steel', 0.4, [sight]),
        *both_sides(Part('steel', 0.25, [knob], [inset(knob, 0.4)]), 1.3),
        Part('steel', 0.6, [bar([(1, middle), (7.5, middle)], 0.8)]),
        *_frame(rng, high, 13, 2.2),
    ], front + 0.6


def _revolver(rng: np.random.Generator) -> tuple[list[Part], float]:
    """Make barrel, frame with a window for the cylinder of six chambers, and a curved grip."""
    barrel = rng.choice([rng.uniform(4, 6), rng.uniform(9, 15)], p=[0.3, 0.7])
    end = 9 + barrel
    above = [(2.0, 1.8), (3.0, 0.4), (4.0, -0.2), (9.0, -0.2), (9.5, 0.2), (9.5, 2.8)]
    below = [(8.8, 4.1), (5.0, 4.3), (3.6, 5.2), (1.6, 4.9), (1.3, 3.2)]
    frame = curve([*above, *below], closed=True)
    rod = box(9.2, 1.8, end - rng.uniform(0.2, 0.6) * barrel, 2.4)
    rib = box(9.2, -0.2, end - 0.3, 0.1)
    hammer = smooth([(3.0, 1.8), (2.0, 0.3), (1.0, -0.4)], [1.0, 0.7, 0.4])
    trigger = smooth([(5.4, 4.0), (5.6, 5.0), (6.1, 5.8)], [0.6, 0.4, 0.3])
    guard = ellipse(6.0, 5.0, 2.0, 1.7)
    thick = rng.uniform(1.4, 1.8)
    works = rng.uniform((2.4, 1.5), (4.6, 4.2), (4, 2))
    return [
        *tube('steel', 9.2, end, 0.9, thick, thick - rng.uniform(0.3, 0.6)),
        Part('steel', rng.uniform(0.3, 0.6), [rod, rib]),
        Part('steel', rng.uniform(0.25, 0.5), [frame], [box(5.0, 0.5, 8.7, 3.7)]),
        Part('steel', 0.9, [frame], [inset(frame, 0.3), box(0, 3, 3.4, 6)]),
        *_cylinder(),
        Part('steel', 0.6, [hammer, trigger, box(end - 1, -0.7, end - 0.3, 0.2)]),
        Part('steel', 0.5, [box(x, y, x + 0.8, y + 0.3) for x, y in works]),
        Part('steel', 0.7, [guard], [inset(guard, 0.4)]),
        *_revolver_grip(rng),
    ], end + 0.8


def _cylinder() -> list[Part]:
    """Make the cylinder of a revolver with a bore and six chambers at four heights."""
    turns = np.pi / 6 + np.arange(6) * np.pi / 3
    return [
        cylinder('steel', 5.1, 8.6, 2.1, 3.5),
        cylinder('steel', 5.1, 8.6, 2.1, -0.8),
        *(
            cylinder('steel', 5.2, 8.6, 2.1 + 1.1 * np.sin(a), -1.06, 1.1 * np.cos(a))
            for a in turns
        ),
    ]


def _revolver_grip(rng: np.random.Generator) -> list[Part]:
    """Make a steel loop, usually between wood or plastic."""
    back = curve([(1.8, 2.6), (0.6, 5.0), (-1.2, 8.0), (-1.6, 10.4)])
    front = curve([(3.6, 4.8), (2.8, 6.2), (1.6, 8.4), (1.4, 10.6)])
    loop = np.concatenate([back, front[::-1]])
    parts = [Part('steel', rng.uniform(0.6, 1.0), [loop], [inset(loop, rng.uniform(0.35, 0.6))])]
    if rng.random() < 0.75:
        panel = Part(str(rng.choice(['plastic', 'paper', 'leather'])), 0.9, [loop], rounded=True)
        parts += both_sides(panel, 0.9)
        parts.append(Part('steel', 2.4, [ellipse(0.9, 7.6, 0.25, sides=10)]))
    return parts
