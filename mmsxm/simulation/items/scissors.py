"""Scissors: two blades at different heights that cross at a screw, each with a ring behind."""

import numpy as np

from mmsxm.simulation.items.building import half, scaled
from mmsxm.simulation.shapes import Outline, Part, bar, curve, ellipse


def make_scissors(length: float, rng: np.random.Generator) -> list[Part]:
    """Make household, manicure, tailor's or barber's scissors, or scissors with large loops."""
    kinds = [_steel, _plastic, _fine, _tailors, _barbers]
    return kinds[rng.choice(5, p=[0.3, 0.25, 0.25, 0.1, 0.1])](length, rng)


def make_carried_scissors(length: float, rng: np.random.Generator) -> list[Part]:
    """Make scissors that people carry: a barber's or household scissors."""
    return [_barbers, _plastic, _steel][rng.choice(3, p=[0.45, 0.4, 0.15])](length, rng)


def _steel(length: float, rng: np.random.Generator) -> list[Part]:
    """Make all-steel scissors in two pieces."""
    blade = length * rng.uniform(0.45, 0.56)
    ring = length * np.array([rng.uniform(0.1, 0.15), rng.uniform(0.085, 0.11)])
    return _pair(length, blade, length * rng.uniform(0.05, 0.075), ring, rng)


def _fine(length: float, rng: np.random.Generator) -> list[Part]:
    """Make slim scissors for nails, threads and bandages, with small rings on long shanks."""
    blade = length * rng.uniform(0.28, 0.5)
    ring = length * np.array([rng.uniform(0.1, 0.14), rng.uniform(0.09, 0.13)])
    return _pair(length, blade, length * rng.uniform(0.03, 0.05), ring, rng, rim=0.02)


def _barbers(length: float, rng: np.random.Generator) -> list[Part]:
    """Make barber's scissors: long, slim blades, round rings, and a rest for the little finger."""
    blade = length * rng.uniform(0.52, 0.64)
    ring = length * np.array([rng.uniform(0.08, 0.095), rng.uniform(0.075, 0.085)])
    width = length * rng.uniform(0.05, 0.065)
    return _pair(length, blade, width, ring, rng, rim=0.03, rest=rng.random() < 0.8)


def _tailors(length: float, rng: np.random.Generator) -> list[Part]:
    """Make heavy tailor's scissors with rings that are long enough for four fingers."""
    blade = length * rng.uniform(0.5, 0.58)
    ring = length * np.array([rng.uniform(0.13, 0.17), rng.uniform(0.08, 0.1)])
    return _pair(length, blade, length * rng.uniform(0.075, 0.1), ring, rng, rim=0.04)


def _plastic(length: float, rng: np.random.Generator) -> list[Part]:
    """Make steel blades with plastic handles, which are small or large open loops."""
    blade = length * rng.uniform(0.48, 0.6)
    ring = length * np.array([rng.uniform(0.11, 0.2), rng.uniform(0.1, 0.15)])
    return _pair(
        length, blade, length * rng.uniform(0.06, 0.085), ring, rng, rim=0.045, plastic=True
    )


def _pair(
    length: float,
    blade: float,
    width: float,
    ring: np.ndarray,
    rng: np.random.Generator,
    rim: float = 0.028,
    rest: bool = False,
    plastic: bool = False,
) -> list[Part]:
    """Make two mirrored halves, open by a random angle.

    Args:
        ring: Half the length and half the width of the ring, in cm.
        rim: Thickness of the ring as a share of the length.
        rest: Whether to add a hook behind one of the rings.
    """
    back = length - blade
    rim *= length * rng.uniform(0.8, 1.2)
    long, wide = ring
    center = (long - back, -wide * rng.uniform(1.0, 1.15))
    root = [(-width * 0.8, -width * 0.3), (-width * 0.5, width * 0.4), (width * 0.5, width * 0.6)]
    tip = [(blade * 0.6, width * 0.5), (blade, -width * 0.05), (blade * 0.5, -width * 0.4)]
    cutter = np.array([*root, *tip])
    shank_end = (center[0] + long * 0.85, center[1] + wide * 0.3)
    path = curve([(0, 0.1 * width), (-back * 0.3, -width * 0.35), shank_end])
    shank = bar(path, [width, width * 0.6, rim * 1.3])
    lean = rng.uniform(-0.15, 0.25)
    loop = ellipse(*center, long, wide, lean, sides=32)
    hole = ellipse(*center, long - rim, wide - rim, lean, sides=32)
    opening = rng.uniform(0, 0.35) if rng.random() < 0.6 else rng.uniform(0.35, 1.1)
    thick = rng.uniform(0.16, 0.3)
    material = str(rng.choice(['plastic', 'pvc', 'aluminium'], p=[0.4, 0.5, 0.1]))
    parts = []
    for side in (1, -1):
        edge, tail, outer, inner = (
            half(outline, opening, side) for outline in (cutter, shank, loop, hole)
        )
        lift = side * thick / 2
        if plastic:
            parts.append(Part('steel', thick, [edge, tail], lift=lift))
            neck = half(bar(path[len(path) // 2 - 2 :], [width, 1.5 * width, rim]), opening, side)
            thick_rim = max(0.7, 1.6 * rim)
            parts.append(Part(material, thick_rim, [outer, neck], [inner], rounded=True))
        else:
            rod = max(1.2 * thick, rim)
            parts.append(Part('steel', thick, [edge], lift=lift))
            parts.append(Part('steel', rod, [outer, tail], [inner], lift=lift / 2))
    if rest:
        parts.append(Part('steel', 0.3, [half(_rest(center, long), opening, 1)]))
    parts.append(Part('steel', 2.6 * thick, [ellipse(0, 0, max(width * 0.3, 0.2), sides=12)]))
    return scaled(parts, 1.0, ((blade - back) / 2, 0))


def _rest(center: tuple[float, float], long: float) -> Outline:
    x = center[0] - long
    line = [(x + 0.2, center[1]), (x - 0.6 * long, center[1] - 0.3 * long)]
    return bar(curve([*line, (x - 1.3 * long, center[1] + 0.2 * long)]), [0.45, 0.35, 0.3])
