"""SIXray's five classes of prohibited items, made of parts.

Each maker draws a thing of a given length along the x axis, centred near the origin, with random
proportions. A new class is one more maker in `MAKERS`.
"""

from collections.abc import Callable

import numpy as np

from .shapes import Outline, Part, bar, box, curve, ellipse, turn

CLASSES = ('Gun', 'Knife', 'Pliers', 'Scissors', 'Wrench')

# Median and logarithmic deviation of the items' lengths in cm. In images that span about 67 cm they
# give the box diagonals of SIXray's annotations: over the square root of the image's area, their
# median is 0.34 for Gun, 0.58 for Knife, 0.29 for Pliers, 0.22 for Scissors, 0.34 for Wrench.
LENGTHS = {
    'Gun': (16.5, 0.15),
    'Knife': (35.0, 0.25),
    'Pliers': (16.0, 0.33),
    'Scissors': (11.0, 0.35),
    'Wrench': (21.0, 0.4),
}


def make_item(name: str, length: float, rng: np.random.Generator) -> list[Part]:
    """An item of a class, `length` cm long.

    Raises:
        KeyError: The class is unknown.
    """
    return MAKERS[name](length, rng)


def _gun(length: float, rng: np.random.Generator) -> list[Part]:
    return _revolver(length, rng) if rng.random() < 0.3 else _pistol(length, rng)


def _pistol(length: float, rng: np.random.Generator) -> list[Part]:
    u = length / 18  # the proportions below are those of an 18 cm pistol, muzzle to the right
    slide = rng.uniform(2.3, 2.9)
    bare = rng.choice([0.0, rng.uniform(3, 7)])  # barrel that sticks out of the slide
    rake = rng.uniform(1.5, 4.0)
    grip = rng.uniform(7.0, 9.0)
    guard_x = rng.uniform(7.0, 8.0)
    frame = rng.choice(['steel', 'aluminium', 'plastic'], p=[0.5, 0.2, 0.3])
    grip_outline = np.array(
        [[0.6, slide], [5.4, slide], [5.0 - rake * 0.8, slide + grip], [0.4 - rake, slide + grip]]
    )
    trigger = np.add(curve([(-0.6, 0.2), (-0.2, 1.3), (0.4, 2.4)]), (guard_x, slide))
    sight = slide * 0.3 - 0.4 if bare else -0.4
    magazine = np.array(
        [
            [1.5, slide],
            [4.4, slide],
            [4.0 - rake * 0.8, slide + grip + 0.4],
            [1.2 - rake, slide + grip + 0.4],
        ]
    )
    parts = [
        Part(
            'steel',
            rng.uniform(0.3, 0.6),
            [box(0, 0, 18 - bare, slide, 0.4)],
            [box(8.2, 0.4, 10.6, 1.4)],
        ),
        Part('steel', 0.7, [box(8, slide * 0.3, 18, slide * 0.3 + 1.2)], rounded=True),
        Part(
            frame,
            0.25 if frame == 'steel' else 1.6,
            [box(0.5, slide - 0.2, 17 - bare, slide + 1.1, 0.3), grip_outline],
        ),
        Part('steel', rng.uniform(0.15, 0.4), [magazine]),
        Part(
            'steel',
            0.6,
            [box(guard_x - 2.4, slide - 0.2, guard_x + 2.2, slide + 3.6, 1.3)],
            [box(guard_x - 1.9, slide + 0.3, guard_x + 1.7, slide + 3.1, 1.0)],
        ),
        Part('steel', 0.6, [bar(trigger, 0.5)]),
        Part('steel', 0.6, [box(0.1, -0.4, 0.8, 0.2), box(16.8, sight, 17.4, sight + 0.6)]),
        Part('steel', 0.4, [box(0.8, slide * 0.35, 3.5, slide * 0.95)]),
    ]
    return _scaled(parts, u, (8, 5))


def _revolver(length: float, rng: np.random.Generator) -> list[Part]:
    barrel = rng.uniform(8, 12)
    end = 9 + barrel
    grip = curve([(2.6, 2.0), (1.0, 4.2), (-0.6, 7.0), (-0.8, 9.8)])
    parts = [
        Part('steel', 0.9, [box(8.5, 0.2, end, rng.uniform(1.5, 2.0))], rounded=True),
        Part('steel', 0.6, [box(8.5, 1.6, end - rng.uniform(0, 4), 2.4)]),
        Part('steel', 0.5, [box(2.4, 0.0, 9.2, 3.8, 0.8)], [box(4.6, 0.6, 8.6, 3.3)]),
        Part('steel', rng.uniform(0.8, 1.5), [box(4.7, 0.1, 8.4, 3.9, 0.5)], rounded=True),
        Part('steel', 0.5, [bar(grip, [2.4, 2.0, 2.2])]),
        Part(rng.choice(['plastic', 'leather']), 2.0, [bar(grip, [2.6, 2.4, 3.2])], rounded=True),
        Part('steel', 0.6, [ellipse(5.6, 4.9, 1.9, 1.6)], [ellipse(5.6, 4.9, 1.4, 1.1)]),
        Part('steel', 0.5, [bar(curve([(5.2, 3.6), (5.4, 4.8), (5.9, 5.6)]), 0.4)]),
        Part('steel', 0.6, [bar(curve([(3.0, 1.2), (1.8, 0.3), (1.4, -0.8)]), 0.7)]),
        Part('steel', 0.4, [box(end - 0.9, -0.4, end - 0.2, 0.4)]),
    ]
    return _scaled(parts, length / (end + 1), (end / 2, 3.5))


def _knife(length: float, rng: np.random.Generator) -> list[Part]:
    blade = length * rng.uniform(0.56, 0.68)
    handle = length - blade
    thickness = rng.uniform(0.18, 0.4)
    kind = rng.choice(['kitchen', 'cleaver', 'dagger', 'table'], p=[0.45, 0.15, 0.25, 0.15])
    width = length * {'kitchen': rng.uniform(0.08, 0.15), 'cleaver': rng.uniform(0.16, 0.24)}.get(
        kind, rng.uniform(0.06, 0.09)
    )
    if kind == 'dagger':
        line = [
            (0, 0),
            (blade * 0.75, -width * 0.05),
            (blade, width * 0.5),
            (blade * 0.75, width * 1.05),
            (0, width),
        ]
        outline = np.array(line)
    elif kind == 'cleaver':
        outline = np.array(
            [(0, 0), (blade, 0), (blade, width), (blade * 0.1, width), (0, width * 0.5)]
        )
    else:
        drop = rng.uniform(0, 0.6) if kind == 'kitchen' else 0.0
        belly = curve(
            [(blade, width * drop), (blade * 0.8, width * 0.8), (blade * 0.4, width), (0, width)]
        )
        outline = np.concatenate([np.array([(0, 0), (blade * 0.7, 0)]), belly])
    grip = max(width * rng.uniform(0.5, 0.75), length * 0.055) if kind != 'dagger' else width * 0.95
    middle = grip * 0.55 if kind != 'dagger' else width / 2
    spine = curve(
        [
            (0, middle),
            (-handle * 0.5, middle * rng.uniform(0.8, 1.3)),
            (-handle, middle * rng.uniform(0.9, 1.6)),
        ]
    )
    parts = [
        Part(
            'steel',
            thickness,
            [outline],
            wedge=np.array([(0, 0), (0, width)]) if kind != 'dagger' else None,
        )
    ]
    if rng.random() < 0.4:
        parts.append(
            Part(
                'steel',
                rng.uniform(0.3, 0.9),
                [bar(spine, [grip * 0.9, grip, grip * 1.1])],
                rounded=True,
            )
        )
    else:
        parts.append(
            Part(
                rng.choice(['plastic', 'pvc', 'leather']),
                rng.uniform(1.4, 2.2),
                [bar(spine, [grip, grip * 0.9, grip * 1.2])],
            )
        )
        parts.append(Part('steel', thickness, [bar(spine[:-2], grip * rng.uniform(0.4, 0.9))]))
        rivets = [
            ellipse(spine[i, 0], spine[i, 1], 0.3, sides=10)
            for i in np.linspace(2, len(spine) - 3, 3).astype(int)
        ]
        parts.append(Part('steel', 1.2, rivets))
    if kind == 'dagger' or rng.random() < 0.2:
        parts.append(
            Part('steel', 0.8, [box(-0.5, middle - grip * 1.1, 0.3, middle + grip * 1.1, 0.2)])
        )
    return _scaled(parts, 1.0, ((blade - handle) / 2, width / 2))


def _pliers(length: float, rng: np.random.Generator) -> list[Part]:
    needle = rng.random() < 0.35
    jaw = length * (rng.uniform(0.3, 0.42) if needle else rng.uniform(0.18, 0.27))
    back = length - jaw
    width = length * rng.uniform(0.06, 0.09)
    tip = width * (0.25 if needle else rng.uniform(0.45, 0.9))
    spread = length * rng.uniform(0.07, 0.12)
    opening = rng.uniform(0, 0.25) if rng.random() < 0.7 else rng.uniform(0.25, 0.8)
    upper = np.array(
        [
            (-width, -width * 0.3),
            (-width * 0.8, width * 0.8),
            (0, width * 1.15),
            (jaw * 0.45, width * (0.6 if needle else 1.1)),
            (jaw, tip),
            (jaw, 0.0),
            (0, -width * 0.2),
        ]
    )
    line = curve(
        [
            (width * 0.4, width * 0.3),
            (-width * 1.2, -width * 0.6),
            (-back * 0.45, -spread),
            (-back, -spread * rng.uniform(0.7, 1.2)),
        ]
    )
    sleeve = line[len(line) // 2 - 2 :]
    thick = rng.uniform(0.35, 0.7)
    grip = rng.choice(['pvc', 'plastic'])
    arm = bar(line, [width * 1.3, width * 0.8, width * 0.65])
    cover = bar(sleeve, [width * 1.2, width * 1.3, width * 1.1])
    parts = []
    for side in (1, -1):
        halves = [_half(outline, opening, side) for outline in (upper, arm)]
        parts.append(Part('steel', thick, halves))
        parts.append(Part(grip, 1.3, [_half(cover, opening, side)], rounded=True))
    parts.append(Part('steel', 0.5, [ellipse(0, 0, width * 0.65)]))
    return _scaled(parts, 1.0, ((jaw - back) / 2, 0))


def _scissors(length: float, rng: np.random.Generator) -> list[Part]:
    blade = length * rng.uniform(0.45, 0.58)
    back = length - blade
    width = length * rng.uniform(0.045, 0.085)
    ring = length * rng.uniform(0.085, 0.12)
    ring_long = ring * rng.uniform(1.0, 1.6)
    rim = length * rng.uniform(0.018, 0.034)
    spread = ring * rng.uniform(1.0, 1.15)
    opening = rng.uniform(0, 0.9)
    plastic = rng.random() < 0.4
    edge = np.array(
        [
            (-width * 0.5, -width * 0.4),
            (0, width * 0.6),
            (blade * 0.6, width * 0.5),
            (blade, -width * 0.1),
            (blade * 0.5, -width * 0.4),
        ]
    )
    centre = (-(back - ring_long), -spread)
    shank = bar(
        curve(
            [(0, 0), (-back * 0.25, -width * 0.4), (centre[0] + ring_long * 0.85, -spread * 0.75)]
        ),
        [width, width * 0.6, rim * 1.2],
    )
    thick = rng.uniform(0.22, 0.4)
    parts = []
    outer = ellipse(*centre, ring_long, ring, sides=32)
    inner = ellipse(*centre, ring_long - rim * 1.6, ring - rim * 1.6, sides=32)
    for side in (1, -1):
        cutter, handle, loop, hole = (
            _half(outline, opening, side) for outline in (edge, shank, outer, inner)
        )
        parts.append(Part('steel', thick, [cutter]))
        if plastic:
            parts.append(Part('steel', thick, [handle]))
            parts.append(Part('pvc', 1.4, [loop, handle], [hole]))
        else:
            parts.append(Part('steel', thick * 1.6, [loop, handle], [hole]))
    parts.append(Part('steel', 0.5, [ellipse(0, 0, width * 0.5, sides=12)]))
    return _scaled(parts, 1.0, ((blade - back) / 2, 0))


def _wrench(length: float, rng: np.random.Generator) -> list[Part]:
    thick = rng.uniform(0.25, 0.6)
    half = length / 2
    size = length * rng.uniform(0.075, 0.11)
    left, right = [
        ('open', 'ring'),
        ('open', 'open'),
        ('ring', 'ring'),
        ('adjustable', 'hole'),
    ][rng.choice(4, p=[0.45, 0.3, 0.1, 0.15])]
    waist = size * rng.uniform(0.75, 1.0)
    outlines: list[Outline] = [
        bar([(-half + size, 0), (0, 0), (half - size, 0)], [waist * 1.2, waist, waist])
    ]
    holes: list[Outline] = []
    for kind, side, scale in ((left, 1.0, 1.0), (right, -1.0, rng.uniform(0.75, 1.0))):
        head = size * scale
        x = side * (half - head)
        skew = rng.choice([-1, 1]) * 0.26 if kind == 'open' else 0.0
        if kind == 'open':
            gap = head * rng.uniform(0.5, 0.62)
            mouth = box(-head * 0.25, -gap, head * 2, gap, 0.3 * gap)
            outlines.append(ellipse(x, 0, head * 1.15, head * 1.05))
            holes.append(turn(mouth * (side, 1) + (x, 0), skew, x, 0))
        elif kind == 'ring':
            outlines.append(ellipse(x, 0, head))
            holes.append(ellipse(x, 0, head * rng.uniform(0.58, 0.68), sides=12))
        elif kind == 'adjustable':
            gap = head * rng.uniform(0.2, 0.5)
            outlines.append(ellipse(x, 0, head * 1.3, head * 1.15, angle=0.3))
            holes.append(
                turn(
                    box(-head * 0.2, -gap * 0.6, head * 2, gap * 1.4) * (side, 1) + (x, 0),
                    0.4,
                    x,
                    0,
                )
            )
            holes.append(
                box(
                    x - side * head * 0.9 - 0.3, head * 0.1, x - side * head * 0.9 + 0.3, head * 0.7
                )
            )
        else:
            holes.append(ellipse(x, 0, waist * 0.25, sides=12))
    return [Part('steel', thick, outlines, holes)]


def _half(outline: Outline, opening: float, side: int) -> Outline:
    """An outline in one of two mirrored halves (side 1 or -1) that open about the origin."""
    return turn(outline, opening / 2) * (1, side)


def _scaled(parts: list[Part], factor: float, centre: tuple[float, float]) -> list[Part]:
    def move(outline: Outline) -> Outline:
        return (outline - centre) * factor

    return [
        part._replace(
            outlines=[move(o) for o in part.outlines],
            holes=[move(o) for o in part.holes],
            wedge=None if part.wedge is None else move(part.wedge),
        )
        for part in parts
    ]


MAKERS: dict[str, Callable[[float, np.random.Generator], list[Part]]] = {
    'Gun': _gun,
    'Knife': _knife,
    'Pliers': _pliers,
    'Scissors': _scissors,
    'Wrench': _wrench,
}
