"""Shoes, seen from above or from the side. Soles are the most visible part."""

import numpy as np

from mmsxm.simulation.clutter.kit import (
    closed,
    cord,
    dots,
    folds,
    moved,
    pick,
    rim,
)
from mmsxm.simulation.shapes import Part, bar, box, curve, ellipse, inset

# left sole, 27 cm long: x from heel to toe, y outward
_SOLE = np.array(
    [
        *((-13.5, 0.2), (-12.6, 2.4), (-9.5, 3.2), (-4, 2.5), (2, 3.1), (7, 4.4), (11, 3.6)),
        *((13.4, 1.2), (13.2, -1.2), (11.5, -3.1), (7, -4.1), (2, -3.9), (-4, -3.4), (-9.5, -3.2)),
        (-12.6, -2.2),
    ]
)


def shoes(rng: np.random.Generator) -> list[Part]:
    """Make one shoe or a pair, soles up or on the side."""
    make = pick(rng, (_sneaker, _sneaker, _leather_shoe, _slipper, _high_heel))
    left = make(rng)
    if rng.random() < 0.45:
        return left
    right = [
        part._replace(
            outlines=[o * (1, -1) for o in part.outlines], holes=[o * (1, -1) for o in part.holes]
        )
        for part in left
    ]
    return [*left, *moved(right, (rng.normal(0, 2), rng.uniform(8, 11)), rng.normal(0, 0.2))]


def _sneaker(rng: np.random.Generator) -> list[Part]:
    u = rng.uniform(0.75, 1.08)
    sole = curve(_SOLE * u, closed=True)
    upper, opening = inset(sole, 0.9 * u), ellipse(-6.5 * u, 0, 4.5 * u, 2.2 * u)
    tread = [
        bar([(x * u, -3.6 * u), ((x + 0.8) * u, 0), (x * u, 3.6 * u)], 0.35)
        for x in range(-11, 12, 2)
    ]
    laces = [bar([(x, -1.6), (x + 1.2, 1.6)], 0.3) for x in np.arange(-1.5, 5.5, 1.4) * u]
    eyelets = [(x, s * 1.7) for x in np.arange(-1.5, 5.5, 1.4) * u for s in (-1, 1)]
    return [
        Part('pvc', rng.uniform(0.5, 1.0), [sole], relief=folds(rng, 5, 9, 0.15)),
        rim('pvc', 0.6, sole, 0.8),
        Part('pvc', 0.3, tread),
        Part('cloth', 1.4, [upper], [opening], relief=folds(rng, 5, 8, 0.5)),
        Part('cloth', 2.0, cord(closed(upper), 0.4) + cord(closed(opening), 0.5)),
        Part('cloth', 1.5, laces),
        *([Part('aluminium', 0.2, dots(eyelets, 0.32))] if rng.random() < 0.6 else []),
    ]


def _leather_shoe(rng: np.random.Generator) -> list[Part]:
    u = rng.uniform(0.85, 1.08)
    sole = curve(_SOLE * (u, u * 0.9), closed=True)
    heel = np.concatenate([sole[sole[:, 0] < -6.5 * u]])
    heel = heel[np.argsort(np.arctan2(heel[:, 1], heel[:, 0] + 9 * u))]
    nails = [(-9.5 * u + 2 * np.cos(t), 2 * np.sin(t)) for t in np.linspace(1.2, 5, 7)]
    return [
        Part('pvc', 0.5, [sole]),
        rim('leather', 0.8, sole, 0.4),
        Part('pvc', 1.2, [heel]),
        Part('leather', 0.5, [inset(sole, 0.5)], relief=folds(rng, 5, 8, 0.4)),
        Part('steel', 0.12, [box(-8 * u, -0.7, 1.5 * u, 0.7, 0.6)]),
        Part('steel', 0.06, [box(-7.5 * u, -0.25, 1 * u, 0.25)]),
        Part('steel', 0.5, dots(nails, 0.13)),
        Part('leather', 0.6, cord(curve([(3, -3.4), (4.5, 0), (3, 3.4)]) * u, 0.4)),
    ]


def _slipper(rng: np.random.Generator) -> list[Part]:
    u = rng.uniform(0.75, 1.0)
    sole = curve(_SOLE * u, closed=True)
    material, thickness = pick(rng, (('pvc', 0.35), ('pvc', 0.7), ('plastic', 1.2)))
    band = curve([(3, -3.6), (5, 0), (3, 3.6)]) * u
    return [
        Part(material, thickness, [sole]),
        rim(material, thickness * 0.3, sole, 0.3),
        Part(material, thickness * 0.4, cord(band, rng.uniform(1.5, 4))),
    ]


def _high_heel(rng: np.random.Generator) -> list[Part]:
    """Make a shoe on its side: an arched sole, and a steel shaft in the heel."""
    u, rise = rng.uniform(0.85, 1.0), rng.uniform(3, 5)
    arch = curve([(-10, rise), (-5, rise * 0.8), (2, -2), (8, -3.2), (12, -3)]) * u
    back = (
        curve(
            [
                (-10, rise),
                (-10.5, rise + 4),
                (-8, rise + 5),
                (-2, 1.5),
                (5, -0.5),
                (11.5, -1.5),
                (12, -3),
            ]
        )
        * u
    )
    heel = [(-9.6 * u, rise * u), (-9 * u, -3.4 * u)]
    return [
        Part('leather', 0.8, [np.concatenate([arch, back[::-1]])], relief=folds(rng, 4, 6, 0.4)),
        Part('pvc', 3.0, cord(arch, 0.6)),
        Part('steel', 2.0, [bar(arch[4:16], 0.2)]),
        Part('plastic', 1.6, [bar(heel, [2.4, 0.9])]),
        Part('steel', 0.35, [bar(heel, 0.35)], rounded=True),
    ]
