"""Sites (what travels on the belt of a place) and crowding (how much of it is in an image)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mmsxm.simulation.items import OPIXRAY_ITEMS, SIXRAY_ITEMS, ItemKind

LUGGAGE = ('bag', 'tray', 'loose')  # loose: objects lie directly on the belt


@dataclass(frozen=True)
class Site:
    """Place with its scanner and the objects on its belt.

    Attributes:
        scanner: Scanner of the place, a key of SCANNERS.
        items: Kinds of items by class, in the order of labels.
        item_counts: Probabilities of 1, 2, 3... items in an image that has any.
        repeat: Probability that a further item has the class of the previous one. Otherwise, its
            class is drawn again and may be the same.
        luggage: Weights of LUGGAGE.
        groups: Probabilities of 1, 2, 3... pieces of luggage in an image.
        passing: Largest share of the image width by which luggage may extend beyond its left and
            right border.
        things: Factor for the number of clutter objects in `Crowding`.
        favours: Factors for the weights of kinds of CLUTTER.
    """

    scanner: str
    items: Mapping[str, ItemKind]
    item_counts: tuple[float, ...]
    repeat: float
    luggage: tuple[float, float, float]
    groups: tuple[float, ...]
    passing: float
    things: float = 1.0
    favours: Mapping[str, float] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels."""
        return tuple(self.items)


SITES = {
    # items per image as in the annotations of SIXray's positives, rounded
    'sixray': Site(
        scanner='sixray',
        items=SIXRAY_ITEMS,
        item_counts=(0.48, 0.28, 0.13, 0.06, 0.05),
        repeat=0.4,
        luggage=(0.85, 0.0, 0.15),
        groups=(0.82, 0.14, 0.04),
        passing=0.0,
    ),
    # 8,885 images contain 8,920 (class, image) pairs
    'opixray': Site(
        scanner='opixray',
        items=OPIXRAY_ITEMS,
        item_counts=(0.996, 0.004),
        repeat=0.0,
        luggage=(0.25, 0.75, 0.0),
        groups=(0.45, 0.35, 0.2),
        passing=0.25,
        # travelers unpack their electronics and carry few tools
        things=0.5,
        favours={
            **dict.fromkeys(('laptop', 'phone', 'gadget'), 4.0),
            **dict.fromkeys(('screws', 'small metal', 'block', 'rods', 'plate', 'sockets'), 0.2),
            **dict.fromkeys(('screwdrivers', 'hex keys', 'bits', 'dumbbell', 'springs'), 0.1),
        },
    ),
}


@dataclass(frozen=True)
class Crowding:
    """Number of objects in an image, their size and their overlap.

    Attributes:
        zoom: Span of an image as a share of what the scanner usually shows.
        garments: Minimum and maximum number of garments in luggage of 60 x 40 cm. Smaller luggage
            contains fewer.
        things: Minimum and maximum number of other clutter objects, likewise.
        reach: Shortest and longest item as a share of the span of the image.
        overlap: Position of items among eight candidates. 0 is usually the emptiest one and always
            one of the emptier half, 0.5 is any, 1 is usually the fullest one and always one of the
            fuller half.
        single: Whether there is only one piece of luggage with at most two items, and all classes
            are equally frequent.
    """

    zoom: float
    garments: tuple[int, int]
    things: tuple[int, int]
    reach: tuple[float, float]
    overlap: float
    single: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.overlap <= 1:
            raise ValueError(f'overlap is {self.overlap:g}, but it must be from 0 to 1.')
        for name, (least, most) in (('garments', self.garments), ('things', self.things)):
            if not 0 <= least <= most:
                raise ValueError(
                    f'{name} are {least} to {most}. Give the minimum first, which must be 0 or '
                    'more.'
                )


CROWDING = {
    'typical': Crowding(zoom=1.0, garments=(2, 5), things=(6, 20), reach=(0.05, 0.75), overlap=0.5),
    # few large objects, so that classes can be learned from small images within minutes
    'sparse': Crowding(
        zoom=0.6, garments=(0, 2), things=(0, 3), reach=(0.32, 0.46), overlap=0.0, single=True
    ),
    'dense': Crowding(zoom=1.0, garments=(4, 8), things=(18, 40), reach=(0.05, 0.75), overlap=0.8),
}
