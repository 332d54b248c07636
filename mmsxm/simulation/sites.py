"""What comes along on the belts of different places, and how much of it lies in an image."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mmsxm.simulation.items import OPIXRAY_ITEMS, SIXRAY_ITEMS, ItemKind

# Of luggage: a bag, a tray, things that lie loose on the belt.
LUGGAGE = ('bag', 'tray', 'loose')


@dataclass(frozen=True)
class Site:
    """What comes along on the belt of a place.

    Attributes:
        scanner: The place's own, a key of SCANNERS.
        items: Kinds of items by class, in the order of labels.
        item_counts: Probabilities of 1, 2, 3... items in an image that has any.
        repeat: Probability that a further item takes the class of the one before it; else its class
            is drawn anew, which may be the same again.
        luggage: Weights of LUGGAGE.
        groups: Probabilities of 1, 2, 3... pieces of luggage in an image.
        passing: How far luggage may reach beyond the image's left and right, as a share of it.
        things: How many pieces of clutter, compared with what `Crowding` says.
        favours: How often a kind of CLUTTER comes, compared with its weight.
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
        """The names of the labels."""
        return tuple(self.items)


SITES = {
    # Items per image as in the annotations of SIXray's positives, rounded.
    'sixray': Site(
        scanner='sixray',
        items=SIXRAY_ITEMS,
        item_counts=(0.48, 0.28, 0.13, 0.06, 0.05),
        repeat=0.4,
        luggage=(0.85, 0.0, 0.15),
        groups=(0.82, 0.14, 0.04),
        passing=0.0,
    ),
    # 8,885 images hold 8,920 (class, image) pairs.
    'opixray': Site(
        scanner='opixray',
        items=OPIXRAY_ITEMS,
        item_counts=(0.996, 0.004),
        repeat=0.0,
        luggage=(0.25, 0.75, 0.0),
        groups=(0.45, 0.35, 0.2),
        passing=0.25,
        # Travellers unpack their electronics, and carry few tools.
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
    """How much lies in an image, how large and how far over each other.

    Attributes:
        zoom: The span of an image as a share of what the scanner usually shows.
        garments, things: Least and most pieces of clothing and of other clutter in luggage of
            60 x 40 cm; smaller luggage holds fewer.
        reach: Shortest and longest item as a share of the image's span.
        overlap: Where items lie, of eight places: 0 mostly in the emptiest and always in one of
            the emptier half, 0.5 anywhere, 1 mostly in the fullest and always in one of the fuller
            half.
        single: One piece of luggage, at most two items, all classes equally often.
    """

    zoom: float
    garments: tuple[int, int]
    things: tuple[int, int]
    reach: tuple[float, float]
    overlap: float
    single: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.overlap <= 1:
            raise ValueError(f'overlap is {self.overlap:g}: it must be from 0 to 1')
        for name, (least, most) in (('garments', self.garments), ('things', self.things)):
            if not 0 <= least <= most:
                raise ValueError(f'{name} are {least} to {most}: name the least first, 0 or more')


CROWDING = {
    'typical': Crowding(zoom=1.0, garments=(2, 5), things=(6, 20), reach=(0.05, 0.75), overlap=0.5),
    # Few and large things: classes can be learnt from small images in minutes.
    'sparse': Crowding(
        zoom=0.6, garments=(0, 2), things=(0, 3), reach=(0.32, 0.46), overlap=0.0, single=True
    ),
    'dense': Crowding(zoom=1.0, garments=(4, 8), things=(18, 40), reach=(0.05, 0.75), overlap=0.8),
}
