"""Simulation of one image: luggage, clutter, items, and the picture that a scanner takes of them.

Each image has separate random streams for the scene, the clutter, the items and the noise, all
derived from (seed, index). The image therefore does not depend on what was drawn before it, or in
which process. The clutter does not depend on the items, so it contains no information about them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmsxm.simulation.packing import choose_items, lay_out, pack, place
from mmsxm.simulation.physics import Floats, Image
from mmsxm.simulation.scanner import Scanner, picture
from mmsxm.simulation.scanner_profiles import known_scanners
from mmsxm.simulation.shapes import Patch, draw
from mmsxm.simulation.sites import CROWDING, SITES, Crowding, Site

# Increase with each change that alters images, so that no other simulator continues an unfinished
# set.
SIMULATOR_VERSION = 3

_SCENE, _CLUTTER, _ITEMS, _NOISE = range(4)
_SMALLEST = 32  # minimum side of an image in pixels


@dataclass(frozen=True)
class Bag:
    """Image and its items.

    Attributes:
        image: RGB, ``(h, w, 3)``.
        classes: Names of all labels.
        labels: Indices into classes, one for each item.
        boxes: Tight boxes of the items' thickness maps, ``(n, 4)``, xyxy in 0-based continuous
            pixels.
        patches: Maps of the items within the image, from which the boxes are computed.
        visible: Visible share of each item, see `visible_share`.
        scanner: Scanner that took the image.
    """

    image: Image
    classes: tuple[str, ...]
    labels: tuple[int, ...]
    boxes: Floats
    patches: tuple[Patch, ...]
    visible: tuple[float, ...]
    scanner: Scanner


def simulate_bag(
    seed: int,
    index: int,
    image_size: tuple[int, int] | None = None,
    crowding: str | Crowding = 'typical',
    with_items: bool = True,
    site: str = 'sixray',
    scanner: str | Sequence[Scanner] | None = None,
) -> Bag:
    """Simulate image number `index` of a seed. Each call returns the same bytes.

    Args:
        seed: Seed of the set.
        index: Number of the image.
        image_size: (h, w) in pixels. By default, the scanner determines the size of each image.
        crowding: Key of CROWDING, or a custom Crowding.
        with_items: Whether to add items. Everything else is the same without them.
        site: Key of SITES.
        scanner: Key of SCANNERS, or scanners to choose from by weight. By default, the scanner of
            the site.

    Raises:
        ValueError: A key is unknown, a number is negative or the image is smaller than 32 pixels.
    """
    if min(seed, index) < 0:
        raise ValueError(f'seed={seed} and index={index} must both be 0 or more.')
    belt, level, machines = _resolve(site, crowding, scanner)
    scene, clutter, items, noise = (
        np.random.default_rng([seed, index, stream])
        for stream in (_SCENE, _CLUTTER, _ITEMS, _NOISE)
    )
    weights = np.array([machine.weight for machine in machines])
    machine = machines[int(scene.choice(len(machines), p=weights / weights.sum()))]
    scanner_size = _side(scene, machine.heights), _side(scene, machine.widths)
    height, width = image_size or scanner_size
    if min(height, width) < _SMALLEST:
        raise ValueError(
            f'The image size {height} x {width} is too small. Both sides must be {_SMALLEST} '
            'pixels or more.'
        )
    span = scene.uniform(*machine.view_cm) * level.zoom
    pixels_per_cm = float(np.sqrt(height * width) / span)
    view = width / pixels_per_cm, height / pixels_per_cm
    pieces = lay_out(scene, belt, level, view)

    attenuation = np.zeros((2, height, width), np.float32)  # (2, h, w)
    for parts, pose in pack(clutter, pieces, belt, level):
        draw(parts, pose, pixels_per_cm, machine.energies).add_to(attenuation)
    labels: list[int] = []
    patches: list[Patch] = []
    if with_items:
        for label, parts, pose in choose_items(items, belt, level, view):
            posed = draw(parts, pose, pixels_per_cm, machine.energies)
            patch = place(items, posed, pieces, attenuation, pixels_per_cm, level.overlap)
            patch.add_to(attenuation)
            labels.append(label)
            patches.append(_crop(patch, height, width))
    visible = tuple(visible_share(patch, attenuation) for patch in patches)
    image = picture(attenuation, machine, pixels_per_cm, noise)  # (h, w, 3)
    boxes = np.array([patch.box() for patch in patches], np.float32).reshape(-1, 4)  # (n, 4)
    return Bag(image, belt.classes, tuple(labels), boxes, tuple(patches), visible, machine)


def _side(rng: np.random.Generator, limits: tuple[int, int]) -> int:
    """Draw a side in pixels. A fixed side consumes as many random numbers as any other."""
    least, most = limits
    drawn = int(rng.integers(least, max(most, least + 1) + 1))
    return min(drawn, most)


def visible_share(patch: Patch, attenuation: Floats) -> float:
    """Return how much of an item is not hidden. The share is 1 if nothing overlaps the item.

    It is the share of the item's attenuation (sum of both energies) in pixels where the item
    attenuates the rays at least as much as everything else along them, in front of or behind it.

    Args:
        patch: Maps of the item within the image.
        attenuation: Attenuation of everything in the image, including the item, ``(2, h, w)``.
    """
    h, w = patch.thickness.shape
    of_item = patch.attenuation.sum(0)  # (h, w)
    of_all = attenuation[:, patch.y : patch.y + h, patch.x : patch.x + w].sum(0)  # (h, w)
    return float(of_item[2 * of_item >= of_all].sum() / of_item.sum())


def _crop(patch: Patch, height: int, width: int) -> Patch:
    """Return the part of a patch that lies within an image."""
    h, w = patch.thickness.shape
    top, left = max(-patch.y, 0), max(-patch.x, 0)
    inside = np.s_[..., top : min(h, height - patch.y), left : min(w, width - patch.x)]
    return Patch(patch.x + left, patch.y + top, patch.attenuation[inside], patch.thickness[inside])


def _resolve(
    site: str, crowding: str | Crowding, scanner: str | Sequence[Scanner] | None
) -> tuple[Site, Crowding, Sequence[Scanner]]:
    """Look up a site, a crowding and the scanners by their keys."""
    if site not in SITES:
        raise ValueError(f'Site {site!r} is unknown. Choose one of {", ".join(SITES)}.')
    if isinstance(crowding, str):
        if crowding not in CROWDING:
            raise ValueError(
                f'Crowding {crowding!r} is unknown. Choose one of {", ".join(CROWDING)}.'
            )
        crowding = CROWDING[crowding]
    return SITES[site], crowding, known_scanners(scanner or SITES[site].scanner)
