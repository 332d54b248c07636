"""The levels of the pyramid whose predictions are fused (Sec. 4.2)."""

__all__ = ['LEVELS']

LEVELS = ('P3', 'P4', 'P5')  # fine to coarse
