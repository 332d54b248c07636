"""Pliers: two halves that cross at a joint, each with a jaw on one side, a handle on the other."""

from typing import NamedTuple

import numpy as np

from mmsxm.simulation.items.building import both_sides, half, scaled, smooth
from mmsxm.simulation.shapes import Outline, Part, bar, box, curve, ellipse


class _Plan(NamedTuple):
    """Half of a pair of pliers: the jaw points right, above the x axis, the handle left, below it.

    Widths and distances are in widths of the joint, lengths in lengths of the pliers.
    """

    jaw: float
    jaw_line: tuple[
        tuple[float, float], ...
    ]  # x in jaw lengths, y in widths, from the joint to the tip
    width: float
    spread: float
    joint: float = 0.65


def make_pliers(length: float, rng: np.random.Generator) -> list[Part]:
    """Make combination, needle-nose, cutting, water pump or locking pliers, or pincers."""
    kinds = [_combination, _needle_nose, _cutters, _pincers, _water_pump, _locking]
    return kinds[rng.choice(6, p=[0.42, 0.18, 0.12, 0.1, 0.1, 0.08])](length, rng)


def _combination(length: float, rng: np.random.Generator) -> list[Part]:
    tip = rng.uniform(0.5, 0.95)
    jaw = ((0, 1.15), (0.45, 1.1), (1.0, tip), (1.0, 0.0), (0.75, 0.04), (0.6, 0.3), (0.4, 0.04))
    plan = _Plan(rng.uniform(0.2, 0.27), jaw, rng.uniform(0.06, 0.085), rng.uniform(0.9, 1.5))
    return _crossed(plan, length, rng)


def _needle_nose(length: float, rng: np.random.Generator) -> list[Part]:
    bend = rng.choice([0.0, rng.uniform(0.5, 1.2)], p=[0.75, 0.25])
    jaw = ((0, 1.1), (0.3, 0.75), (1.0, 0.22 + bend), (1.0, bend), (0.6, 0.0))
    plan = _Plan(rng.uniform(0.32, 0.42), jaw, rng.uniform(0.05, 0.075), rng.uniform(0.9, 1.6))
    return _crossed(plan, length, rng)


def _cutters(length: float, rng: np.random.Generator) -> list[Part]:
    jaw = ((0, 1.2), (0.5, 1.25), (0.85, 0.6), (1.0, 0.05), (0.4, 0.0))
    plan = _Plan(rng.uniform(0.13, 0.18), jaw, rng.uniform(0.07, 0.1), rng.uniform(0.9, 1.4))
    return _crossed(plan, length, rng)


def _pincers(length: float, rng: np.random.Generator) -> list[Part]:
    """Make pincers for pulling nails, whose jaws form a ring and meet at its end."""
    jaw = ((0, 1.0), (0.4, 1.9), (0.8, 1.7), (1.0, 0.6), (1.0, 0.0), (0.75, 0.9), (0.4, 1.1))
    plan = _Plan(rng.uniform(0.17, 0.24), jaw, rng.uniform(0.055, 0.075), rng.uniform(1.0, 1.9))
    return _crossed(plan, length, rng, sleeved=rng.random() < 0.3)


def _crossed(
    plan: _Plan, length: float, rng: np.random.Generator, sleeved: bool = True
) -> list[Part]:
    """Make two mirrored halves with sleeves over their handles."""
    jaw, width = plan.jaw * length, plan.width * length
    back, spread = length - jaw, plan.spread * width
    root = [(0.0, -0.2 * width), (-width, -0.3 * width), (-0.8 * width, 0.8 * width)]
    upper = np.array([*root, *((x * jaw, y * width) for x, y in plan.jaw_line)])
    elbow = [(0.4 * width, 0.3 * width), (-1.2 * width, -0.6 * width), (-0.45 * back, -spread)]
    arm = curve([*elbow, (-back, -spread * rng.uniform(0.6, 1.2))])
    steel = bar(arm, width * np.array([1.3, 0.8, 0.6, 0.5]))
    sleeve = bar(arm[len(arm) // 2 - 3 :], width * np.array([1.0, 1.3, 1.2, 1.0]))
    opening = rng.uniform(0, 0.2) if rng.random() < 0.65 else rng.uniform(0.2, 0.7)
    thick = rng.uniform(0.35, 0.6)
    cover = Part(str(rng.choice(['pvc', 'plastic'])), thick + 0.5, [], rounded=True)
    parts = []
    for side in (1, -1):
        head, tail = (half(outline, opening, side) for outline in (upper, steel))
        parts += [Part('steel', thick, [head]), Part('steel', 0.6 * thick, [tail], [head])]
        if sleeved:
            parts.append(cover._replace(outlines=[half(sleeve, opening, side)]))
    parts.append(Part('steel', 0.4 * thick, [ellipse(0, 0, width * plan.joint)], lift=0.6 * thick))
    return scaled(parts, 1.0, ((jaw - back) / 2, 0))


def _water_pump(length: float, rng: np.random.Generator) -> list[Part]:
    """Make slip-joint pliers: slanted jaws, and one half slides in a slot of the other."""
    width = length * rng.uniform(0.055, 0.075)
    jaw = length * rng.uniform(0.16, 0.22)
    back = length - jaw
    gap = width * rng.uniform(0.1, 0.9)
    thick = rng.uniform(0.4, 0.7)
    slot = bar([(-width * 1.6, -width * 0.5), (width * 0.6, width * 0.3)], width * 0.45)
    halves = []
    for side in (1, -1):
        shift = np.array([0, gap / 2])
        head = np.array([(-1, -0.6), (-0.6, 1), (0, 1.8), (0, 1.6), (0, 0.4), (0, 0.1)]) * width
        head[2:, 0] = np.array([0.5, 1.0, 0.92, 0.3]) * jaw
        elbow = (
            np.array([(0.2, 0.4), (-1.5, -0.6), (0, -1.3), (0, rng.uniform(-1.6, -0.9))]) * width
        )
        elbow[2:, 0] = -0.5 * back, -back
        arm = curve(elbow)
        sleeve = bar(arm[len(arm) // 2 - 3 :], width * np.array([1.0, 1.2, 1.1]))
        outlines = [head + shift, bar(arm, width * np.array([1.6, 1.0, 0.8])) + shift]
        halves.append([outline * (1, side) for outline in (*outlines, sleeve + shift)])
    parts = [Part('steel', thick, pair[:2], [slot]) for pair in halves]
    parts += [Part('pvc', thick + 0.4, pair[2:], rounded=True) for pair in halves]
    parts.append(Part('steel', thick * 1.5, [ellipse(0, 0, width * 0.4, sides=14)]))
    return scaled(parts, 1.0, ((jaw - back) / 2, 0))


def _locking(length: float, rng: np.random.Generator) -> list[Part]:
    """Make locking pliers: a folded sheet body with a spring and a screw, and a lever below."""
    width = length * rng.uniform(0.07, 0.09)
    jaw = length * rng.uniform(0.18, 0.24)
    back = length - jaw
    body = smooth([(0, width * 0.6), (-0.4 * back, width * 0.9), (-back, width * 0.5)], width * 1.2)
    outside = [(-width, 0.1), (-width, 1.2 * width), (0.6 * jaw, 1.3 * width), (jaw, 0.5 * width)]
    upper = np.array([*outside, (jaw, 0.1), (0.3 * jaw, 0.25 * width)])
    lower = upper * (1, -0.9) - np.array([0, rng.uniform(0, width * 0.8)])
    drop = width * rng.uniform(0.6, 1.8)
    lever = curve([(-0.3 * width, -width * 0.6), (-0.4 * back, -drop), (-0.9 * back, -drop * 1.2)])
    link = bar([(-0.75 * back, width * 0.5), (-0.3 * back, -drop * 0.7)], width * 0.35)
    screw = box(-back - 0.08 * length, width * 0.25, -0.55 * back, width * 0.75, 0.2)
    spring = bar([(-0.55 * back, width * 0.4), (-width, -width * 0.2)], 0.25)
    parts = [
        *both_sides(Part('steel', 0.14, [body]), width * 0.45),
        *both_sides(Part('steel', 0.14, [bar(lever, width * np.array([1.2, 1.0, 0.8]))]), 0.3),
        Part('steel', width * 0.9, [body], [bar(curve(body[: len(body) // 2]), width * 1.9)]),
        Part('steel', rng.uniform(0.4, 0.7), [upper, lower]),
        Part('steel', 0.35, [link, spring]),
        Part('steel', 0.7, [screw]),
        Part('steel', 1.0, _pins((-width * 0.4, -width * 0.4), (-0.35 * back, -drop * 0.8))),
    ]
    return scaled(parts, 1.0, ((jaw - back) / 2, 0))


def _pins(*places: tuple[float, float]) -> list[Outline]:
    return [ellipse(x, y, 0.25, sides=10) for x, y in places]
