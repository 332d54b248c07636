"""Clutter of a bag, and the bag itself, built from parts.

Nothing here is, or looks like, a prohibited item of SIXray or OPIXray. To add a kind of clutter,
add its function to `CLUTTER`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mmsxm.simulation.clutter.appliances import batteries, camera, charger, hair_dryer, mouse, torch
from mmsxm.simulation.clutter.bags import make_bag
from mmsxm.simulation.clutter.cables import cable, coil, earphones, power_strip
from mmsxm.simulation.clutter.cases import make_tray
from mmsxm.simulation.clutter.clothing import belt, cap, hanger, make_clothes, umbrella
from mmsxm.simulation.clutter.containers import bottle, flask, glass_bottle, jar, lotion, spray, tin
from mmsxm.simulation.clutter.electronics import gadget, laptop, phone
from mmsxm.simulation.clutter.food import can, carton, chocolate, fruit, lunch_box, pouch_of_powder
from mmsxm.simulation.clutter.footwear import shoes
from mmsxm.simulation.clutter.household import (
    ball,
    blocks,
    book,
    bowl,
    cutlery,
    folder,
    notebook,
    papers,
    plush,
    roll,
    toy_car,
)
from mmsxm.simulation.clutter.metal import (
    block,
    carabiner,
    dumbbell,
    plate,
    rods,
    screws,
    small_metal,
    springs,
)
from mmsxm.simulation.clutter.personal import (
    coins,
    glasses,
    jewellery,
    keys,
    lighter,
    pens,
    wallet,
    watch,
)
from mmsxm.simulation.clutter.toiletry import (
    comb_and_brush,
    cosmetics,
    perfume,
    pouch,
    soap,
    tube_of_paste,
)
from mmsxm.simulation.clutter.tools import (
    bits,
    hex_keys,
    organiser,
    padlock,
    screwdrivers,
    sockets,
    tape_measure,
)
from mmsxm.simulation.shapes import Part

__all__ = ['CLUTTER', 'ClutterKind', 'make_bag', 'make_clothes', 'make_tray']


class ClutterKind(NamedTuple):
    """Function that makes clutter, in cm around the origin, and its relative frequency."""

    make: Callable[[np.random.Generator], list[Part]]
    weight: float


CLUTTER = {
    # much small metal, some electronics, some bottles: as in SIXray's images, by eye
    'small metal': ClutterKind(small_metal, 4),
    'screws': ClutterKind(screws, 3),
    'keys': ClutterKind(keys, 4),
    'coins': ClutterKind(coins, 4),
    'padlock': ClutterKind(padlock, 2),
    'springs': ClutterKind(springs, 1),
    'plate': ClutterKind(plate, 1.5),
    'block': ClutterKind(block, 2),
    'rods': ClutterKind(rods, 2.5),
    'carabiner': ClutterKind(carabiner, 1.5),
    'dumbbell': ClutterKind(dumbbell, 0.5),
    'screwdrivers': ClutterKind(screwdrivers, 3),
    'hex keys': ClutterKind(hex_keys, 1.5),
    'sockets': ClutterKind(sockets, 1.5),
    'bits': ClutterKind(bits, 1),
    'organiser': ClutterKind(organiser, 1),
    'tape measure': ClutterKind(tape_measure, 1),
    'umbrella': ClutterKind(umbrella, 4),
    'belt': ClutterKind(belt, 3),
    'shoes': ClutterKind(shoes, 4),
    'cap': ClutterKind(cap, 1),
    'hanger': ClutterKind(hanger, 1),
    'glasses': ClutterKind(glasses, 2),
    'watch': ClutterKind(watch, 2),
    'jewellery': ClutterKind(jewellery, 2),
    'wallet': ClutterKind(wallet, 2.5),
    'lighter': ClutterKind(lighter, 1.5),
    'pens': ClutterKind(pens, 4),
    'cosmetics': ClutterKind(cosmetics, 2.5),
    'comb or brush': ClutterKind(comb_and_brush, 2),
    'pouch': ClutterKind(pouch, 3),
    'perfume': ClutterKind(perfume, 1.5),
    'tube': ClutterKind(tube_of_paste, 2.5),
    'soap': ClutterKind(soap, 1),
    'bottle': ClutterKind(bottle, 6),
    'glass bottle': ClutterKind(glass_bottle, 1.5),
    'flask': ClutterKind(flask, 3),
    'spray': ClutterKind(spray, 2),
    'lotion': ClutterKind(lotion, 2.5),
    'jar': ClutterKind(jar, 2),
    'tin': ClutterKind(tin, 1.5),
    'can': ClutterKind(can, 2.5),
    'carton': ClutterKind(carton, 2.5),
    'powder': ClutterKind(pouch_of_powder, 2.5),
    'fruit': ClutterKind(fruit, 3),
    'chocolate': ClutterKind(chocolate, 1),
    'lunch box': ClutterKind(lunch_box, 1.5),
    'laptop': ClutterKind(laptop, 3),
    'phone': ClutterKind(phone, 4),
    'gadget': ClutterKind(gadget, 3),
    'charger': ClutterKind(charger, 4),
    'batteries': ClutterKind(batteries, 2.5),
    'camera': ClutterKind(camera, 1.5),
    'hair dryer': ClutterKind(hair_dryer, 1),
    'torch': ClutterKind(torch, 2),
    'mouse': ClutterKind(mouse, 1.5),
    'cable': ClutterKind(cable, 4),
    'coil': ClutterKind(coil, 1),
    'earphones': ClutterKind(earphones, 3),
    'power strip': ClutterKind(power_strip, 1.5),
    'book': ClutterKind(book, 3),
    'notebook': ClutterKind(notebook, 2.5),
    'papers': ClutterKind(papers, 2),
    'folder': ClutterKind(folder, 1.5),
    'toy car': ClutterKind(toy_car, 1),
    'building blocks': ClutterKind(blocks, 0.7),
    'plush toy': ClutterKind(plush, 0.7),
    'ball': ClutterKind(ball, 1),
    'bowl': ClutterKind(bowl, 1.5),
    'cutlery': ClutterKind(cutlery, 1.5),
    'roll': ClutterKind(roll, 1.5),
}
