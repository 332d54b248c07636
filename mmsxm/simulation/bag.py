"""A whole bag: the case, clutter, items, and the picture of it.

Every bag has random streams of its own for the scene, the clutter, the items and the noise, all
made from (seed, index). So the same bag comes out whatever was drawn before it and in which
process, and the clutter is the same
whether and whichever items lie in the bag: it can say nothing about them.
"""

from dataclasses import dataclass

import numpy as np

from .clutter import MAKERS, make_bag, make_clothes
from .items import CLASSES, LENGTHS, make_item
from .physics import Floats, Image, detect, pseudo_colour
from .shapes import Part, Patch, Pose, draw, extent

# Goes up with every change that alters pictures, so that an unfinished set is never continued by
# another simulator.
SIMULATOR_VERSION = 1

_SCENE, _CLUTTER, _ITEMS, _NOISE = range(4)
_PHOTONS = 4_000


@dataclass(frozen=True)
class Crowding:
    """How full the bags are.

    Attributes:
        view_cm: Range of the square root of the area that an image shows.
        item_counts: Probabilities of 1, 2, 3... items in a bag that has any.
        class_weights: Probability of each class, in the order of CLASSES.
        repeat: Probability that a further item is of the class of the one before it.
        reach: Shortest and longest item as a share of the view.
        garments: Least and most pieces of clothing.
        things: Least and most other pieces of clutter.
    """

    view_cm: tuple[float, float]
    item_counts: tuple[float, ...]
    class_weights: tuple[float, ...]
    repeat: float
    reach: tuple[float, float]
    garments: tuple[int, int]
    things: tuple[int, int]


CROWDING = {
    # Items per image, class frequencies and sizes as in the annotations of SIXray's positives,
    # rounded.
    'typical': Crowding(
        view_cm=(56, 78),
        item_counts=(0.48, 0.28, 0.13, 0.06, 0.05),
        class_weights=(0.28, 0.18, 0.30, 0.06, 0.18),
        repeat=0.4,
        reach=(0.1, 0.75),
        garments=(2, 5),
        things=(8, 22),
    ),
    # Few and large things: classes can be learnt from small images in minutes.
    'sparse': Crowding(
        view_cm=(36, 44),
        item_counts=(0.65, 0.35),
        class_weights=(0.2, 0.2, 0.2, 0.2, 0.2),
        repeat=0.0,
        reach=(0.27, 0.4),
        garments=(0, 2),
        things=(1, 3),
    ),
}


@dataclass(frozen=True)
class Bag:
    """A picture and what lies in it.

    Attributes:
        image: RGB, (h, w, 3).
        labels: Indices into CLASSES, one an item.
        boxes: Tight boxes of the items' thickness maps, (n, 4), xyxy in 0-based continuous pixels.
        patches: The items' own maps, of which the boxes are.
    """

    image: Image
    labels: tuple[int, ...]
    boxes: Floats
    patches: tuple[Patch, ...]


def simulate_bag(
    seed: int,
    index: int,
    image_size: tuple[int, int] | None = None,
    crowding: str = 'typical',
    with_items: bool = True,
) -> Bag:
    """The bag number `index` of a seed, the same to the byte on every call.

    Args:
        image_size: (h, w) in pixels; without it each bag has a size of its own, about 500 x 600.
        crowding: A key of CROWDING.
        with_items: Without items everything else is the same.

    Raises:
        ValueError: The crowding is unknown or the image smaller than 32 pixels.
    """
    if crowding not in CROWDING:
        raise ValueError(f'crowding {crowding!r} is unknown: choose one of {", ".join(CROWDING)}')
    level = CROWDING[crowding]
    scene, clutter, items, noise = (
        np.random.default_rng([seed, index, stream])
        for stream in (_SCENE, _CLUTTER, _ITEMS, _NOISE)
    )
    own_size = int(scene.integers(420, 601)), int(scene.integers(480, 721))
    height, width = image_size or own_size
    if min(height, width) < 32:
        raise ValueError(
            f'image size {height} x {width} is too small: both sides must be 32 pixels or more'
        )
    pixels_per_cm = float(np.sqrt(height * width) / scene.uniform(*level.view_cm))
    view = width / pixels_per_cm, height / pixels_per_cm
    bag_size = view[0] * scene.uniform(0.75, 0.95), view[1] * scene.uniform(0.7, 0.92)

    attenuation = np.zeros((2, height, width), np.float32)
    for parts, pose in _pack(clutter, level, view, bag_size):
        draw(parts, pose, pixels_per_cm).add_to(attenuation)
    labels: list[int] = []
    patches: list[Patch] = []
    if with_items:
        for name, parts, pose in _choose_items(items, level, view, bag_size):
            patch = draw(parts, pose, pixels_per_cm)
            patch.add_to(attenuation)
            labels.append(CLASSES.index(name))
            patches.append(patch)
    low, high = np.exp(-attenuation)
    image = pseudo_colour(*detect(low, high, _PHOTONS, noise))
    boxes = np.array([patch.box() for patch in patches], np.float32).reshape(-1, 4)
    return Bag(image, tuple(labels), boxes, tuple(patches))


def _pack(
    rng: np.random.Generator,
    level: Crowding,
    view: tuple[float, float],
    bag_size: tuple[float, float],
) -> list[tuple[list[Part], Pose]]:
    """The empty bag and its clutter, each in its place."""
    centre = view[0] / 2, view[1] / 2
    lean = rng.normal(0, 0.06)
    packed = [(make_bag(rng, *bag_size), Pose(*centre, lean))]
    for _ in range(rng.integers(level.garments[0], level.garments[1] + 1)):
        parts = make_clothes(rng, *rng.uniform(0.35, 0.9, 2) * bag_size)
        packed.append((parts, _lay(rng, parts, view, bag_size, turned=False)))
    for _ in range(rng.integers(level.things[0], level.things[1] + 1)):
        parts = MAKERS[rng.integers(len(MAKERS))](rng)
        packed.append((parts, _lay(rng, parts, view, bag_size)))
    return packed


def _choose_items(
    rng: np.random.Generator,
    level: Crowding,
    view: tuple[float, float],
    bag_size: tuple[float, float],
) -> list[tuple[str, list[Part], Pose]]:
    """Items, their classes and places: each takes the one of four places that covers least."""
    span = float(np.sqrt(view[0] * view[1]))
    # Open handles reach further than the length: turned any way, an item stays within the image.
    longest = min(level.reach[1] * span, 0.75 * min(view))
    chosen: list[tuple[str, list[Part], Pose]] = []
    for i in range(1 + rng.choice(len(level.item_counts), p=level.item_counts)):
        name = CLASSES[rng.choice(len(CLASSES), p=level.class_weights)]
        if i > 0 and rng.random() < level.repeat:
            name = chosen[-1][0]
        median, deviation = LENGTHS[name]
        length = float(
            np.clip(median * np.exp(rng.normal(0, deviation)), level.reach[0] * span, longest)
        )
        parts = make_item(name, length, rng)
        others = [extent(p, pose) for _, p, pose in chosen]
        poses = [_lay(rng, parts, view, bag_size) for _ in range(4)]
        covered = [sum(_overlap(extent(parts, pose), other) for other in others) for pose in poses]
        chosen.append((name, parts, poses[int(np.argmin(covered))]))
    return chosen


def _lay(
    rng: np.random.Generator,
    parts: list[Part],
    view: tuple[float, float],
    bag_size: tuple[float, float],
    turned: bool = True,
) -> Pose:
    """A pose that keeps a thing within the bag's rectangle, or in its middle if it is larger."""
    tilt = min(abs(rng.normal(0, 0.35)), 1.0)
    pose = Pose(
        angle=rng.uniform(0, 2 * np.pi) if turned else rng.normal(0, 0.2),
        tilt=tilt,
        tilt_axis=rng.uniform(0, np.pi),
        flip=bool(rng.random() < 0.5),
    )
    x0, y0, x1, y1 = extent(parts, pose)
    free_x, free_y = max(bag_size[0] - (x1 - x0), 0), max(bag_size[1] - (y1 - y0), 0)
    return pose._replace(
        x=view[0] / 2 + rng.uniform(-0.5, 0.5) * free_x - (x0 + x1) / 2,
        y=view[1] / 2 + rng.uniform(-0.5, 0.5) * free_y - (y0 + y1) / 2,
    )


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    return max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
