"""Shared building blocks of clutter: lines, folds, rims, and groups of parts.

Lengths are in centimeters. At the rim of a tube or a box, thin walls are seen edge-on. There, rays
pass through much more material than through a face, which `rim` and `tube` model.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from mmsxm.simulation.parts import mapped
from mmsxm.simulation.physics import Floats
from mmsxm.simulation.shapes import Outline, Part, box, curve, ellipse, inset

_T = TypeVar('_T')


def pick(rng: np.random.Generator, options: Sequence[_T]) -> _T:
    """Choose one of the options."""
    return options[int(rng.integers(len(options)))]


def folds(rng: np.random.Generator, rows: int, columns: int, depth: float) -> Floats:
    """Make a relief of random folds: factors around 1, ``(rows, columns)``."""
    return (1 + depth * rng.uniform(-1, 1, (rows, columns))).astype(np.float32)


def blob(rng: np.random.Generator, width: float, height: float, corners: int = 9) -> Outline:
    """Make a smooth closed line around the origin that fills a box of width x height."""
    turns = (np.arange(corners) + rng.uniform(-0.3, 0.3, corners)) * 2 * np.pi / corners
    reach = rng.uniform(0.75, 1.0, corners)
    # A superellipse (fourth root) fills a box better than a circle.
    square = (np.abs(np.cos(turns)) ** 4 + np.abs(np.sin(turns)) ** 4) ** -0.25
    points = np.stack([np.cos(turns) * width / 2, np.sin(turns) * height / 2], 1)
    return curve(points * (reach * square)[:, None], closed=True, steps=4)


def rim(material: str, thickness: float, outline: Outline, width: float) -> Part:
    """Make a band along the inside of an outline."""
    return Part(material, thickness, [outline], [inset(outline, width)])


def walls(material: str, thickness: float, outline: Outline, depth: float) -> list[Part]:
    """Make a hollow box: two faces, and sides that are as deep as the box."""
    return [
        Part(material, thickness, [outline], lift=depth / 2),
        Part(material, thickness, [outline], lift=-depth / 2),
        rim(material, depth, outline, thickness),
    ]


def tube(material: str, wall: float, half: float, radius: float, corner: float = 0.3) -> list[Part]:
    """Make a hollow tube along x: two walls in its middle, much more material toward its sides."""
    body = box(-half, -radius, half, radius, min(corner, radius * 0.9))
    sides = [box(-half, s * radius * 0.82, half, s * radius) for s in (-1, 1)]
    line = [box(-half, s * radius * 0.94, half, s * radius) for s in (-1, 1)]
    return [
        Part(material, 2.1 * wall, [body]),
        Part(material, 1.6 * wall, sides),
        Part(material, 0.5 * float(np.sqrt(8 * radius * wall)), line),
    ]


def sides(line: Outline, width: float | Floats) -> tuple[Outline, Outline]:
    """Return the two edges of a strip along a line."""
    step = np.empty_like(line)
    step[1:-1] = line[2:] - line[:-2]
    step[0], step[-1] = line[1] - line[0], line[-1] - line[-2]
    half = 0.5 * width / np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-9)
    normal = np.stack([-step[:, 1] * half, step[:, 0] * half], 1)
    return line + normal, line - normal


def cord(line: Outline, width: float) -> list[Outline]:
    """Make a strip along a line, faster than `bar`."""
    left, right = sides(line, width)
    return [np.concatenate([left, right[::-1]])]


def wire(line: Outline, width: float) -> list[Outline]:
    """Make a strip along a line with sharp bends, with one outline per straight piece."""
    a, b = line[:-1], line[1:]
    direction = (b - a) / np.maximum(np.hypot(*(b - a).T), 1e-9)[:, None]
    aside = np.stack([-direction[:, 1], direction[:, 0]], 1) * (width / 2)
    return list(np.stack([a + aside, b + aside, b - aside, a - aside], 1))


def closed(line: Outline) -> Outline:
    """Close a line: append its first point."""
    return np.concatenate([line, line[:1]])


def comb(line: Outline, pitch: float, wide: float, narrow: float) -> Outline:
    """Make a strip that is alternately wide and narrow: teeth, ribs, beads, pins, threads."""
    steps = np.diff(line, axis=0)
    distance = np.concatenate([[0], np.cumsum(np.hypot(steps[:, 0], steps[:, 1]))])
    count = max(int(distance[-1] / pitch), 2)
    at = (np.arange(count)[:, None] + (0.0, 0.02, 0.5, 0.52)).ravel() * (distance[-1] / count)
    points = np.stack([np.interp(at, distance, line[:, 0]), np.interp(at, distance, line[:, 1])], 1)
    left, right = sides(points, np.tile(np.array([narrow, wide, wide, narrow]), count))
    return np.concatenate([left, right[::-1]])


def tangle(rng: np.random.Generator, size: float, loops: float, points: int = 70) -> Outline:
    """Make a line that loops around the origin like a cable in a bag, about 2 size across."""
    t = np.linspace(0, 2 * np.pi * loops, points)
    wave = [
        np.cos(t + rng.uniform(0, 6)) + 0.5 * np.cos(rng.uniform(0.2, 0.7) * t + rng.uniform(0, 6))
        for _ in range(2)
    ]
    return np.stack(wave, 1) * (size / 1.5, size / 1.5 * rng.uniform(0.5, 1))


def sweep(rng: np.random.Generator, length: float, bend: float) -> Outline:
    """Make a smooth line along x around the origin that deviates sideways by about `bend`."""
    x = np.linspace(-length / 2, length / 2, 5)
    return curve(np.stack([x, rng.uniform(-bend, bend, 5)], 1), steps=4)


def creases(
    rng: np.random.Generator, width: float, height: float, count: int, thick: float = 0.25
) -> list[Outline]:
    """Make thin curved lines all over width x height, like creases in cloth."""
    t = np.linspace(-1, 1, 9)
    waves = np.stack([t**2, np.sin(2.5 * t), np.sin(5 * t)])
    length = rng.uniform(0.04, 0.2, (count, 1)) * (width + height) / 2
    x, y = length * t, length * (rng.normal(0, (0.25, 0.12, 0.05), (count, 3)) @ waves)
    angle = rng.uniform(0, np.pi, (count, 1))
    c, s = np.cos(angle), np.sin(angle)
    centers = rng.uniform(-0.42, 0.42, (count, 1, 2)) * (width, height)
    lines = np.stack([c * x - s * y, s * x + c * y], 2) + centers
    lines = lines.clip((-width * 0.48, -height * 0.48), (width * 0.48, height * 0.48))
    step = np.gradient(lines, axis=1)
    normal = np.stack([-step[..., 1], step[..., 0]], 2)
    normal /= np.maximum(np.hypot(step[..., 0], step[..., 1]), 1e-6)[..., None]
    half = rng.uniform(0.25, 0.6, (count, 1)) * thick * np.cos(1.3 * t)
    normal *= half[..., None]
    return list(np.concatenate([lines + normal, (lines - normal)[:, ::-1]], 1))


def seams(rng: np.random.Generator, outline: Outline, count: int, reach: float) -> list[Outline]:
    """Make wavy lines along a closed outline, within the share `reach` of its size."""
    t = np.linspace(0, 2 * np.pi, len(outline), endpoint=False)
    lines = []
    for _ in range(count):
        size = 1 - rng.uniform(0, reach) * rng.uniform(0.3, 1)
        wave = rng.normal(0, reach / 5, (3, 2)).T @ np.cos(
            np.outer((2, 3, 6), t) + rng.uniform(0, 6.3, (3, 1))
        )
        lines += cord(closed(outline * (size + wave.T)), rng.uniform(0.1, 0.25))
    return lines


def dots(
    points: Sequence[Sequence[float]] | Sequence[Outline] | Outline, radius: float
) -> list[Outline]:
    """Make small disks."""
    return [ellipse(x, y, radius, sides=10 if radius < 1 else 24) for x, y in points]


def shifted(outline: Outline, x: float, y: float) -> Outline:
    """Shift an outline."""
    return outline + np.array([x, y])


def moved(
    parts: Sequence[Part], at: Sequence[float] | Outline = (0.0, 0.0), angle: float = 0.0
) -> list[Part]:
    """Rotate parts together about the origin, then shift them to a point."""
    c, s = np.cos(angle), np.sin(angle)
    rotation, shift = np.array([[c, s], [-s, c]]), np.asarray(at)
    return mapped(parts, lambda points: points @ rotation + shift)
