"""Vessels and their contents: bottles, flasks, cans, sprays, tubes, jars, boxes, food."""

import numpy as np

from mmsxm.simulation.clutter.kit import cord, dots, folds, moved, pick, rim, tube, walls
from mmsxm.simulation.shapes import Outline, Part, box, ellipse, inset

_STEPS = np.linspace(0.2, 1, 5)  # along a shoulder


def _silhouette(profile: list[tuple[float, float]]) -> Outline:
    """Make the silhouette of a body of revolution about x, from (x, radius) pairs."""
    side = np.array(profile)
    return np.concatenate([side, side[::-1] * (1, -1)])


def bands(at: list[float], radius: float, width: float) -> list[Outline]:
    """Make rings around a body of revolution."""
    return [box(x - width / 2, -radius, x + width / 2, radius) for x in at]


def liquid(outline: Outline, thickness: float) -> list[Part]:
    """Fill a round vessel: thinner toward the sides, but not toward the surface of the liquid."""
    return [
        Part('water', 0.55 * thickness, [outline]),
        Part('water', 0.45 * thickness, [outline], rounded=True),
    ]


def bottle(rng: np.random.Generator) -> list[Part]:
    """Make a ribbed plastic bottle of water or juice, full or partly empty."""
    length, r = rng.uniform(18, 27), rng.uniform(2.9, 4.0)
    h, neck, shoulder = length / 2, rng.uniform(1.2, 1.5), rng.uniform(0.1, 0.5)
    ribs = np.linspace(-h + 1.5, h * shoulder, int(rng.integers(7, 15)))
    ripple = rng.uniform(0, 0.1) * r * (np.arange(len(ribs)) % 2)
    waist = 1 - rng.uniform(0, 0.14) * np.exp(-(((ribs + h * 0.1) / 3) ** 2))
    xs = h * shoulder + (h - 2.6 - h * shoulder) * _STEPS
    side = [(-h, r * 0.75), (-h + 0.7, r), *zip(ribs, r * waist - ripple, strict=True)]
    side += list(zip(xs, neck + (r - neck) * np.cos(_STEPS * np.pi / 2) ** 0.8, strict=True))
    body = _silhouette([*side, (h - 1.0, neck)])
    full = h - rng.uniform(1, 4) if rng.random() < 0.6 else rng.uniform(-0.4, 0.5) * h
    filled = np.stack([np.minimum(body[:, 0], full), body[:, 1]], 1)[body[:, 0] < full + 2]
    petals = [(-h + 0.6, y * r) for y in (-0.6, 0.0, 0.6)]
    return [
        Part('plastic', 0.08, [body]),
        *liquid(filled * (1, 0.97), 1.9 * r),
        Part('plastic', 0.4, bands(ribs[1::2].tolist(), r * 0.93, 0.3)),
        Part('plastic', 0.8, [box(-h, -r * 0.7, -h + 0.35, r * 0.7), *dots(petals, r * 0.2)]),
        Part('plastic', 1.2, [box(h - 2.8, -neck * 1.25, h - 2.4, neck * 1.25)]),
        *moved(screw_cap(rng, neck), (h - 1.9, 0)),
    ]


def screw_cap(rng: np.random.Generator, radius: float) -> list[Part]:
    """Make a screw cap over a neck, with its wall seen edge-on."""
    length = rng.uniform(1.4, 2.0)
    cap = box(0, -radius * 1.12, length, radius * 1.12, 0.15)
    return [
        Part('plastic', 0.5, [cap]),
        Part(
            'plastic', 0.9, [box(0, s * radius * 0.85, length, s * radius * 1.12) for s in (-1, 1)]
        ),
        Part('plastic', 1.2, [box(length - 0.3, -radius, length, radius)]),
    ]


def glass_bottle(rng: np.random.Generator) -> list[Part]:
    """Make a bottle of wine, spirits or sauce: thick walls, which look green, and a thick base."""
    h, r = rng.uniform(9, 15), rng.uniform(2.6, 4.0)
    neck, shoulder = rng.uniform(1.2, 1.6), rng.uniform(0.0, 0.5) * h
    reach = rng.uniform(0.2, 0.4) * (h - shoulder)
    fall = [(shoulder + reach * t, neck + (r - neck) * np.cos(t * np.pi / 2)) for t in _STEPS]
    lip = [(h - 1.2, neck), (h - 1.2, neck * 1.15), (h, neck * 1.15)]
    outline = _silhouette([(-h, r * 0.9), (-h + 0.4, r), (shoulder, r), *fall, *lip])
    level = rng.uniform(-0.5, 0.9) * h
    inner = np.stack([np.minimum(outline[:, 0], level), outline[:, 1] * 0.86], 1)
    inner = inner[outline[:, 0] < level + 2]
    top = pick(rng, (('aluminium', 0.08), ('plastic', 1.2), ('paper', 2.0)))
    return [
        Part('glass', 0.5, [outline]),
        Part('glass', 1.4, [outline], [outline * (1, 0.86)]),
        Part('glass', 2.5, [box(-h, -r * 0.85, -h + 0.7, r * 0.85)]),
        *liquid(inner, 1.7 * r),
        Part(*top, [box(h - rng.uniform(1.5, 4), -neck * 1.2, h + 0.3, neck * 1.2)]),
    ]


def flask(rng: np.random.Generator) -> list[Part]:
    """Make a vacuum flask: two steel walls, so a blue cylinder, seen slightly from its end."""
    h, r = rng.uniform(8, 13), rng.uniform(2.8, 4.2)
    round_ = r * rng.uniform(0.05, 0.45)
    ends = [ellipse(s * h, 0, round_, r, sides=20) for s in (-1, 1)]
    inner = [
        ellipse(-h * 0.9, 0, round_ * 0.8, r * 0.84),
        box(-h * 0.9, -r * 0.84, h * 0.85, r * 0.84),
    ]
    drink = box(-h * 0.88, -r * 0.8, h * rng.uniform(-0.5, 0.8), r * 0.8)
    return [
        *tube('steel', 0.05, h, r),
        Part('steel', 0.08, inner),
        Part('steel', 0.12, ends),
        *(rim('steel', 0.25, end, 0.3) for end in ends),
        Part('steel', 0.25, [ellipse(-h, 0, round_ * 0.3, r * 0.3)]),
        *(liquid(drink, 1.5 * r) if rng.random() < 0.6 else []),
        Part('plastic', 3.0, [box(h * 0.85, -r * 0.8, h + 2.5, r * 0.8, 0.6)], rounded=True),
        *moved(screw_cap(rng, r * 0.7), (h + 1, 0)),
    ]


def spray(rng: np.random.Generator) -> list[Part]:
    """Make a can of hair spray or deodorant: thin metal with dome, valve, dip tube and cap."""
    h, r = rng.uniform(6, 11), rng.uniform(1.9, 3.3)
    material, wall = pick(rng, (('steel', 0.025), ('aluminium', 0.06)))
    dome = _silhouette([(h, r), (h + r * 0.35, r * 0.75), (h + r * 0.55, r * 0.4)])
    level = rng.uniform(-0.6, 0.7) * h
    x = h + r * 0.55
    return [
        *tube(material, wall, h, r),
        Part(material, 3 * wall, [dome]),
        Part(material, 7 * wall, bands([-h, h], r, 0.3)),
        *liquid(box(-h + 0.4, -r * 0.95, level, r * 0.95), 1.7 * r),
        Part('plastic', 0.5, cord(np.linspace((-h + 1, -r * 0.4), (h, 0), 7), 0.35)),
        Part('steel', 0.4, [box(h - 0.6, -0.45, x + 0.3, 0.45)]),
        Part('steel', 0.1, dots([(-h * 0.8, r * 0.3)], 0.35)),
        Part('plastic', 0.9, [box(x - 0.3, -0.7, x + 1.2, 0.7, 0.2)]),
        Part('plastic', 0.25, [box(h, -r * 0.95, x + 2.6, r * 0.95, 0.5)]),
        rim('plastic', 0.9, box(h, -r * 0.95, x + 2.6, r * 0.95, 0.5), 0.2),
    ]


def lotion(rng: np.random.Generator) -> list[Part]:
    """Make a flat bottle of shampoo or lotion with a cap, or a pump with dip tube and spring."""
    h, r = rng.uniform(5, 9), rng.uniform(2.3, 3.8)
    body = box(-h, -r, h, r, r * rng.uniform(0.2, 0.8))
    level = h * rng.uniform(-0.2, 0.9)
    filled = np.stack([np.minimum(body[:, 0], level), body[:, 1]], 1) * (0.97, 0.94)
    parts = [
        Part('plastic', 0.25, [body]),
        rim('plastic', 0.8, body, 0.22),
        *liquid(filled, 1.3 * r),
    ]
    if rng.random() < 0.5:
        return [*parts, *moved(screw_cap(rng, r * rng.uniform(0.4, 0.8)), (h, 0))]
    coil = [box(x, -0.4, x + 0.12, 0.4) for x in np.arange(h + 0.2, h + 1.6, 0.28)]
    return [
        *parts,
        Part('plastic', 1.0, [box(h, -1.2, h + 1.6, 1.2, 0.2), box(h + 1.6, -0.35, h + 4, 0.35)]),
        Part('plastic', 1.2, [box(h + 3.4, -0.6, h + 4.2, 3.4, 0.3)]),
        Part('plastic', 0.5, [box(-h + 0.5, -0.3, h, 0.3)]),
        Part('steel', 0.25, coil),
    ]


def jar(rng: np.random.Generator) -> list[Part]:
    """Make a jar of cream or jam, seen from above or from the side."""
    r = rng.uniform(2.2, 4.5)
    wall, thickness = pick(rng, (('plastic', 0.8), ('glass', 0.7)))
    filling = ('water', rng.uniform(2, 5))
    lid = pick(rng, (('aluminium', 0.1), ('steel', 0.04), ('plastic', 0.4)))
    if rng.random() < 0.5:
        ring = ellipse(0, 0, r)
        return [
            Part(*filling, [inset(ring, 0.4)], relief=folds(rng, 4, 4, 0.15)),
            Part(wall, thickness, [ring]),
            rim(wall, 3 * thickness, ring, 0.4),
            Part(*lid, [ellipse(0.3, 0.3, r * 0.97)]),
            rim(lid[0], lid[1] * 4, ellipse(0.3, 0.3, r * 0.97), 0.2),
            rim(wall, thickness, ellipse(-0.2, -0.2, r * 0.8), 0.25),
        ]
    h = rng.uniform(2.5, 6)
    return [
        Part('water', 1.7 * r, [box(-h + 0.5, -r * 0.92, h * 0.5, r * 0.92, 0.4)], rounded=True),
        *tube(wall, thickness / 3, h, r, 0.8),
        Part(wall, 2 * thickness, [box(-h, -r * 0.9, -h + 0.5, r * 0.9)]),
        Part(lid[0], 3 * lid[1], [box(h * 0.7, -r * 1.02, h + 0.2, r * 1.02, 0.15)]),
        Part(
            lid[0],
            4 * lid[1],
            [box(h, -r, h + 0.2, r), *bands(np.linspace(h * 0.75, h * 0.95, 3).tolist(), r, 0.1)],
        ),
    ]


def tin(rng: np.random.Generator) -> list[Part]:
    """Make a tin of tea or sweets: a thin steel box with pieces in it."""
    w, h = rng.uniform(4, 9), rng.uniform(3, 6)
    box_ = pick(rng, (box(-w, -h, w, h, 0.8), ellipse(0, 0, h, h)))
    sweets = [
        ellipse(x, y, rng.uniform(0.7, 1.1), sides=10)
        for x, y in rng.uniform(-0.75, 0.75, (14, 2)) * (box_.max(0))
    ]
    return [
        *walls('steel', 0.025, box_, rng.uniform(2, 6)),
        rim('steel', 0.1, box_, 0.2),
        rim('steel', 0.1, inset(box_, 0.5), 0.15),
        Part('water', 1.2, sweets, rounded=True),
    ]
