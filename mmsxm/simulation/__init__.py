"""Simulated X-ray images of bags: physics, things made of parts, whole bags, data sets."""

from .bag import CROWDING, Bag, Crowding, simulate_bag
from .dataset import write_sixray
from .items import CLASSES
from .physics import MATERIALS, Material, detect, pseudo_colour, transmission

__all__ = [
    'CLASSES',
    'CROWDING',
    'MATERIALS',
    'Bag',
    'Crowding',
    'Material',
    'detect',
    'pseudo_colour',
    'simulate_bag',
    'transmission',
    'write_sixray',
]
