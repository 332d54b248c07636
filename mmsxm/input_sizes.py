"""Sizes of the network's input in the paper's configs, in pixels of a side.

``configs/_base_/datasets/sixray.py`` sets the same ones, with their source.
"""

__all__ = ['CROPPED', 'RESIZED']

RESIZED, CROPPED = 256, 224
