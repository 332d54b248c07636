"""An image: luggage, clutter, items, and the picture that a scanner takes of them.

Every image has random streams of its own for the scene, the clutter, the items and the noise, all
made from (seed, index). So the same image comes out whatever was drawn before it and in which
process, and the clutter is the same whether and whichever items lie in it: it can say nothing
about them.
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

# Goes up with every change that alters pictures, so that an unfinished set is never continued by
# another simulator.
SIMULATOR_VERSION = 3

_SCENE, _CLUTTER, _ITEMS, _NOISE = range(4)
_SMALLEST = 32  # pixels of an image's side


@dataclass(frozen=True)
class Bag:
    """A picture and what lies in it.

    Attributes:
        image: RGB, (h, w, 3).
        classes: The names of all labels.
        labels: Indices into classes, one an item.
        boxes: Tight boxes of the items' thickness maps, (n, 4), xyxy in 0-based continuous pixels.
        patches: The items' own maps within the image, of which the boxes are.
        visible: The visible share of each item, see `visible_share`.
        scanner: What took the picture.
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
    """The image number `index` of a seed, the same to the byte on every call.

    Args:
        image_size: (h, w) in pixels; without it each image has a size of its scanner's.
        crowding: A key of CROWDING, or one's own.
        with_items: Without items everything else is the same.
        site: A key of SITES.
        scanner: A key of SCANNERS, or scanners that take turns by weight; by default the site's.

    Raises:
        ValueError: A key is unknown, a number negative or the image smaller than 32 pixels.
    """
    if min(seed, index) < 0:
        raise ValueError(f'seed={seed} and index={index}: both must be 0 or more')
    belt, level, machines = _known(site, crowding, scanner)
    scene, clutter, items, noise = (
        np.random.default_rng([seed, index, stream])
        for stream in (_SCENE, _CLUTTER, _ITEMS, _NOISE)
    )
    weights = np.array([machine.weight for machine in machines])
    machine = machines[int(scene.choice(len(machines), p=weights / weights.sum()))]
    own_size = _side(scene, machine.heights), _side(scene, machine.widths)
    height, width = image_size or own_size
    if min(height, width) < _SMALLEST:
        raise ValueError(
            f'image size {height} x {width} is too small: both sides must be {_SMALLEST} pixels '
            'or more'
        )
    span = scene.uniform(*machine.view_cm) * level.zoom
    pixels_per_cm = float(np.sqrt(height * width) / span)
    view = width / pixels_per_cm, height / pixels_per_cm
    pieces = lay_out(scene, belt, level, view)

    attenuation = np.zeros((2, height, width), np.float32)
    for parts, pose in pack(clutter, pieces, belt, level):
        draw(parts, pose, pixels_per_cm, machine.energies).add_to(attenuation)
    labels: list[int] = []
    patches: list[Patch] = []
    if with_items:
        for label, parts, pose in choose_items(items, belt, level, view):
            turned = draw(parts, pose, pixels_per_cm, machine.energies)
            patch = place(items, turned, pieces, attenuation, pixels_per_cm, level.overlap)
            patch.add_to(attenuation)
            labels.append(label)
            patches.append(_cut(patch, height, width))
    visible = tuple(visible_share(patch, attenuation) for patch in patches)
    image = picture(attenuation, machine, pixels_per_cm, noise)
    boxes = np.array([patch.box() for patch in patches], np.float32).reshape(-1, 4)
    return Bag(image, belt.classes, tuple(labels), boxes, tuple(patches), visible, machine)


def _side(rng: np.random.Generator, limits: tuple[int, int]) -> int:
    """A side in pixels; one that is fixed takes as much from the generator as any other."""
    least, most = limits
    drawn = int(rng.integers(least, max(most, least + 1) + 1))
    return min(drawn, most)


def visible_share(patch: Patch, attenuation: Floats) -> float:
    """How much of an item is not hidden: 1 if it lies alone.

    It is the share of the item's attenuation (both energies' sum) that stands in pixels where the
    item weakens the rays at least as much as all else along them, before or behind it.

    Args:
        patch: The item's maps, within the image.
        attenuation: That of everything in the image, the item included, (2, h, w).
    """
    h, w = patch.thickness.shape
    own = patch.attenuation.sum(0)
    there = attenuation[:, patch.y : patch.y + h, patch.x : patch.x + w].sum(0)
    return float(own[2 * own >= there].sum() / own.sum())


def _cut(patch: Patch, height: int, width: int) -> Patch:
    """The part of a patch that lies within an image."""
    h, w = patch.thickness.shape
    top, left = max(-patch.y, 0), max(-patch.x, 0)
    inside = np.s_[..., top : min(h, height - patch.y), left : min(w, width - patch.x)]
    return Patch(patch.x + left, patch.y + top, patch.attenuation[inside], patch.thickness[inside])


def _known(
    site: str, crowding: str | Crowding, scanner: str | Sequence[Scanner] | None
) -> tuple[Site, Crowding, Sequence[Scanner]]:
    if site not in SITES:
        raise ValueError(f'site {site!r} is unknown: choose one of {", ".join(SITES)}')
    if isinstance(crowding, str):
        if crowding not in CROWDING:
            raise ValueError(
                f'crowding {crowding!r} is unknown: choose one of {", ".join(CROWDING)}'
            )
        crowding = CROWDING[crowding]
    return SITES[site], crowding, known_scanners(scanner or SITES[site].scanner)
