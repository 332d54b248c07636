"""Prohibited items of SIXray and OPIXray, built from parts.

Each function makes an item of a given length along the x axis, centered near the origin, with
random proportions. To add a class, add an entry. Its length is in cm, as measured by a ruler.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mmsxm.simulation.items.guns import make_gun
from mmsxm.simulation.items.knives import make_knife, make_straight_knife
from mmsxm.simulation.items.pliers import make_pliers
from mmsxm.simulation.items.pocket_knives import (
    make_folding_knife,
    make_multitool,
    make_utility_knife,
)
from mmsxm.simulation.items.scissors import make_carried_scissors, make_scissors
from mmsxm.simulation.items.wrenches import make_wrench
from mmsxm.simulation.shapes import Part


class ItemKind(NamedTuple):
    """Class of items.

    Attributes:
        make: Function that makes the parts of an item from its length in cm and a random generator.
        length: Median length in cm, and standard deviation of the log length.
        weight: Share of the class among all items.
    """

    make: Callable[[float, np.random.Generator], list[Part]]
    length: tuple[float, float]
    weight: float


# Lengths reproduce the diagonals of SIXray's boxes in views of 46 to 90 cm. Shares are SIXray's.
SIXRAY_ITEMS = {
    'Gun': ItemKind(make_gun, (17.4, 0.18), 0.28),
    'Knife': ItemKind(make_knife, (39.0, 0.15), 0.17),
    'Pliers': ItemKind(make_pliers, (16.6, 0.37), 0.31),
    'Scissors': ItemKind(make_scissors, (12.4, 0.44), 0.06),
    'Wrench': ItemKind(make_wrench, (21.3, 0.56), 0.18),
}
# Lengths are those of the few measurable items in OPIXray's images, in views of about 103 cm.
# Shares are those of its 8,920 labels.
OPIXRAY_ITEMS = {
    'Folding_Knife': ItemKind(make_folding_knife, (15.5, 0.2), 0.22),
    'Straight_Knife': ItemKind(make_straight_knife, (20.5, 0.3), 0.12),
    'Scissor': ItemKind(make_carried_scissors, (17.5, 0.25), 0.21),
    'Utility_Knife': ItemKind(make_utility_knife, (14.5, 0.15), 0.22),
    'Multi-tool_Knife': ItemKind(make_multitool, (12.0, 0.2), 0.23),
}
