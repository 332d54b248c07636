"""Simulated X-ray images of bags: physics, objects built from parts, scanners, whole datasets."""

from mmsxm.imaging.pseudo_color import show
from mmsxm.simulation.bag import Bag, simulate_bag, visible_share
from mmsxm.simulation.dataset import write_opixray, write_sixray
from mmsxm.simulation.physics import MATERIALS, Material, linear_attenuation
from mmsxm.simulation.scanner import Scanner, measure, picture
from mmsxm.simulation.scanner_profiles import SCANNERS, load_scanners, scanner_from
from mmsxm.simulation.sites import CROWDING, SITES, Crowding, Site

__all__ = [
    'CROWDING',
    'MATERIALS',
    'SCANNERS',
    'SITES',
    'Bag',
    'Crowding',
    'Material',
    'Scanner',
    'Site',
    'linear_attenuation',
    'load_scanners',
    'measure',
    'picture',
    'scanner_from',
    'show',
    'simulate_bag',
    'visible_share',
    'write_opixray',
    'write_sixray',
]
