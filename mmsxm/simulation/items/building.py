"""Shared building blocks of items: hollow bodies, handles, halves that open."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from mmsxm.simulation.parts import mapped
from mmsxm.simulation.shapes import Outline, Part, bar, curve, ellipse, inset, turn

Points = Sequence[tuple[float, float]]


def half(outline: Outline, opening: float, side: int) -> Outline:
    """Place an outline in one of two mirrored halves (side 1 or -1) that open about the origin."""
    return turn(outline, opening / 2) * (1, side)


def scaled(
    parts: Iterable[Part], factor: float, center: tuple[float, float] = (0.0, 0.0)
) -> list[Part]:
    """Move a point to the origin, then multiply all lengths by a factor."""
    return [
        part._replace(thickness=part.thickness * factor, lift=part.lift * factor)
        for part in mapped(parts, lambda outline: (outline - center) * factor)
    ]


def placed(
    parts: Iterable[Part], x: float, y: float, angle: float = 0.0, lift: float = 0.0
) -> list[Part]:
    """Rotate parts about the origin in their plane, then move them."""
    turned = mapped(parts, lambda outline: turn(outline, angle) + np.array([x, y]))
    return [part._replace(lift=part.lift + lift) for part in turned]


def both_sides(part: Part, height: float) -> list[Part]:
    """Place a part above and below the plane."""
    return [part._replace(lift=height), part._replace(lift=-height)]


def shell(material: str, outline: Outline, width: float, wall: float) -> list[Part]:
    """Make a hollow body, `width` thick, with walls on all sides."""
    return [
        Part(material, width, [outline]),
        Part(material, 2 * wall - width, [inset(outline, wall)]),
    ]


def cylinder(
    material: str, start: float, end: float, y: float, diameter: float, lift: float = 0.0
) -> Part:
    """Make a rod along x, or a bore if the diameter is negative."""
    outline = bar([(start, y), (end, y)], abs(diameter))
    return Part(material, diameter, [outline], lift=lift, axis=np.array([(start, y), (end, y)]))


def tube(
    material: str, start: float, end: float, y: float, outer: float, bore: float
) -> list[Part]:
    """Make a tube along x from its outer and inner diameter."""
    return [
        cylinder(material, start, end, y, outer),
        cylinder(material, start, end, y, -bore),
    ]


def smooth(points: Points, width: float | Sequence[float]) -> Outline:
    """Make a strip along a smooth line."""
    return bar(curve(points), width)


def zigzag(start: float, end: float, low: float, high: float, turns: int) -> list[Outline]:
    """Make the wire of a spring along x, two straight pieces per turn."""
    x = np.linspace(start, end, 2 * turns + 1)
    y = np.where(np.arange(len(x)) % 2, high, low)
    return [bar([(x[i], y[i]), (x[i + 1], y[i + 1])], 0.12) for i in range(2 * turns)]


def rivets(line: Outline, shares: Sequence[float], radius: float) -> list[Outline]:
    """Make disks along a line."""
    places = [line[round(share * (len(line) - 1))] for share in shares]
    return [ellipse(x, y, radius, sides=12) for x, y in places]


def knife_handle(
    kind: str,
    line: Points,
    widths: npt.NDArray[np.float64],
    tang: float,
    rng: np.random.Generator,
) -> list[Part]:
    """Make a handle along a line that begins at the blade, whose steel is `tang` cm thick there.

    Args:
        kind: 'scales' (a full tang between two scales), 'rat tail' (a rod in a solid handle),
            'hollow' (of sheet steel) or 'steel'.
    """
    middle = curve(line)
    outline = bar(middle, widths)
    width = float(np.mean(widths))
    if kind == 'scales':
        scale = Part(str(rng.choice(['plastic', 'paper', 'pvc'])), rng.uniform(0.5, 0.8), [outline])
        thick = tang + 2 * scale.thickness
        return [
            Part('steel', tang, [bar(middle, widths * rng.uniform(0.8, 0.98))]),
            *both_sides(scale, (tang + scale.thickness) / 2),
            Part('steel', thick, rivets(middle, (0.2, 0.5, 0.8), min(0.12 * width, 0.3))),
        ]
    if kind == 'rat tail':
        rod = middle[: max(3, round(len(middle) * rng.uniform(0.45, 0.95)))]
        return [
            Part(str(rng.choice(['plastic', 'pvc'])), width * 0.8, [outline], rounded=True),
            Part('steel', tang * 1.2, [bar(rod, [width * 0.5, width * 0.25])]),
        ]
    if kind == 'hollow':
        wall = rng.uniform(0.04, 0.09)
        rim = Part('steel', 0.6 * width, [outline], [inset(outline, 1.5 * wall)])
        return [rim, *both_sides(Part('steel', wall, [outline]), 0.4 * width)]
    return [Part('steel', rng.uniform(0.35, 0.6), [outline], rounded=True)]
