"""Kitchen, hunting and table knives: blade to the right, edge down."""

from collections.abc import Sequence

import numpy as np

from mmsxm.simulation.items.building import Points, knife_handle, scaled, smooth
from mmsxm.simulation.items.pocket_knives import make_folding_knife
from mmsxm.simulation.shapes import Outline, Part, bar, box, curve, ellipse, inset


def make_knife(length: float, rng: np.random.Generator) -> list[Part]:
    """Make any knife. Hunting, table and folding knives are shorter than kitchen knives."""
    make, share = [
        (_kitchen_knife, 1.05),
        (_cleaver, 1.0),
        (_dagger, 0.75),
        (_table_knife, 0.8),
        (make_folding_knife, 0.55),
    ][rng.choice(5, p=[0.36, 0.36, 0.16, 0.05, 0.07])]
    return make(length * share, rng)


def make_straight_knife(length: float, rng: np.random.Generator) -> list[Part]:
    """Make a dagger or a kitchen knife."""
    return (_dagger if rng.random() < 0.7 else _kitchen_knife)(length, rng)


def _kitchen_knife(length: float, rng: np.random.Generator) -> list[Part]:
    """Make a chef's, carving or paring knife."""
    blade = length * rng.uniform(0.56, 0.66)
    width = length * rng.uniform(0.07, 0.15)
    drop = rng.uniform(0, 0.7)  # distance of the tip below the spine
    spine = curve([(0, 0), (blade * 0.7, width * 0.08 * drop), (blade, width * drop)])
    belly = [(blade * 0.85, width * 0.85), (blade * 0.4, width), (0, width)]
    edge = curve([(blade, width * drop), *belly])
    outline = np.concatenate([spine, edge])
    thick = rng.uniform(0.14, 0.25)
    grip = max(width * rng.uniform(0.5, 0.7), length * 0.06)
    return _mounted(outline, (0, width), thick, grip, length - blade, rng)


def _cleaver(length: float, rng: np.random.Generator) -> list[Part]:
    """Make a Chinese kitchen knife or a cleaver: a wide plate, sometimes with a hanging hole."""
    blade = length * rng.uniform(0.58, 0.66)
    width = length * rng.uniform(0.22, 0.34)
    lean = rng.uniform(-0.1, 0.12) * width
    heel = blade * rng.uniform(0.0, 0.05)
    outline = np.array(
        [(0, 0), (blade, lean), (blade, width * 0.97), (blade * 0.8, width), (heel, width)]
    )
    hole = ellipse(blade * 0.94, width * 0.12 + lean, min(0.5, blade * 0.04))
    holes = [hole] if rng.random() < 0.3 else []
    grip = length * rng.uniform(0.08, 0.1)
    thick = rng.uniform(0.12, 0.22)
    return _mounted(outline, (0, width), thick, grip, length - blade, rng, holes)


def _table_knife(length: float, rng: np.random.Generator) -> list[Part]:
    """Make a one-piece table knife, or a bread knife with a scalloped edge."""
    blade = length * rng.uniform(0.48, 0.6)
    width = length * rng.uniform(0.06, 0.09)
    if rng.random() < 0.5:
        tip = curve([(blade * 0.9, 0), (blade, width * 0.4), (blade * 0.93, width), (0, width)])
        outline = np.concatenate([[(0, 0.15 * width)], tip])
        handle = smooth([(0.3, width / 2), (blade - length, width / 2)], [width * 0.6, width])
        blade_part = Part('steel', rng.uniform(0.14, 0.22), [outline])
        parts = [blade_part, Part('steel', rng.uniform(0.35, 0.6), [handle], rounded=True)]
        return scaled(parts, 1.0, (blade - length / 2, width / 2))
    teeth = _teeth((blade, width), (0, width), width * 0.12)
    outline = np.concatenate([[(0, 0), (blade, 0)], teeth])
    grip = width * rng.uniform(0.9, 1.1)
    return _mounted(outline, (0, width), rng.uniform(0.13, 0.2), grip, length - blade, rng)


def _dagger(length: float, rng: np.random.Generator) -> list[Part]:
    """Make a dagger, hunting or throwing knife: double-edged or clipped, guard, fuller, teeth."""
    blade = length * rng.uniform(0.52, 0.64)
    width = length * rng.uniform(0.075, 0.13)
    thick = rng.uniform(0.25, 0.4)
    back = length - blade
    tip = (blade, width * rng.uniform(0.4, 0.6))
    lower = curve([tip, (blade * 0.7, width * 0.98), (blade * 0.3, width), (0, width)])
    if rng.random() < 0.5:  # double-edged, with a rhombic cross-section
        upper = lower[::-1] * (1, -1) + np.array([0, width])
        middle = np.array([[0, width / 2], tip])
        blades = []
        for side, y in ((lower, width), (upper[::-1], 0.0)):
            section = np.array([(0, width / 2), (0, y)])
            blades.append(Part('steel', thick, [np.concatenate([side, middle])], wedge=section))
    else:
        clip = rng.uniform(0.55, 0.75) * blade
        spine = [(0, 0), (clip, 0), (clip + 0.12 * blade, width * 0.22), tip]
        if rng.random() < 0.4:
            teeth = _teeth((0.15 * blade, 0), (clip * 0.85, 0), width * 0.14)
            spine = [spine[0], *map(tuple, teeth), *spine[1:]]
        outline = np.concatenate([np.array(spine), lower])
        blades = [Part('steel', thick, [outline], wedge=np.array([(0, width * 0.3), (0, width)]))]
    fuller = bar([(blade * 0.05, width * 0.4), (blade * 0.55, width * 0.42)], width * 0.16)
    if rng.random() < 0.4:
        blades.append(Part('steel', -0.5 * thick, [fuller]))
    parts = [*blades, *_hilt(back, width, thick, rng)]
    return scaled(parts, 1.0, (blade - length / 2, width / 2))


def _hilt(back: float, width: float, thick: float, rng: np.random.Generator) -> list[Part]:
    """Make guard, handle and pommel, or bare steel with holes, as on throwing knives."""
    y = width / 2
    reach = width * rng.uniform(0.8, 1.5)
    sweep = rng.uniform(-0.5, 0.5)
    guard = smooth([(sweep, y - reach), (-0.2, y), (sweep, y + reach)], [0.3, 0.7, 0.3])
    line: Points = [(0, y), (-back * 0.5, y * rng.uniform(0.9, 1.1)), (-back, y)]
    widths = np.array([0.75, rng.uniform(0.8, 1.05), rng.uniform(0.7, 0.9)]) * max(width, 1.8)
    if rng.random() < 0.35:
        frame = bar(curve(line), widths)
        holes = [ellipse(-back * at, y, width * 0.25) for at in (0.3, 0.55, 0.8)]
        gaps = [inset(frame, width * 0.22)] if rng.random() < 0.5 else holes
        return [Part('steel', thick, [frame], gaps), Part('steel', thick, [guard])]
    kind = str(rng.choice(['scales', 'rat tail', 'hollow']))
    pommel = ellipse(-back, y, 0.4 * width, 0.5 * width)
    return [
        *knife_handle(kind, line, widths, thick, rng),
        Part('steel', rng.uniform(0.6, 1.4), [guard]),
        Part('steel', rng.uniform(0.5, 1.2), [pommel]),
    ]


def _mounted(
    outline: Outline,
    section: tuple[float, float],
    thick: float,
    grip: float,
    back: float,
    rng: np.random.Generator,
    holes: Sequence[Outline] = (),
) -> list[Part]:
    """Mount a blade (from x = 0, back and edge at the heights `section`) on a handle."""
    top, edge = section
    middle = top + grip * rng.uniform(0.45, 0.7)
    line = [
        (0.3, middle),
        (-back * 0.5, middle * rng.uniform(0.85, 1.25)),
        (-back, middle + grip * rng.uniform(-0.1, 0.6)),
    ]
    widths = grip * np.array([rng.uniform(0.75, 1.0), 1.0, 0.85, rng.uniform(1.0, 1.3)])
    kind = str(rng.choice(['scales', 'rat tail', 'hollow'], p=[0.35, 0.35, 0.3]))
    parts = [
        Part('steel', thick, [outline], holes, wedge=np.array([(0, top), (0, edge)])),
        *knife_handle(kind, line, widths, thick, rng),
    ]
    if rng.random() < 0.3:
        bolster = box(-0.6, middle - grip * 0.5, 0.5, middle + grip * 0.5, 0.2)
        parts.append(Part('steel', 1.0, [bolster]))
    right = float(outline[:, 0].max())
    return scaled(parts, 1.0, ((right - back) / 2, (top + edge) / 2))


def _teeth(start: tuple[float, float], end: tuple[float, float], depth: float) -> Outline:
    """Make the line of a saw."""
    count = max(2, int(abs(end[0] - start[0]) / 0.7))
    line = np.linspace(start, end, 2 * count + 1)
    line[1::2, 1] += depth
    return line
