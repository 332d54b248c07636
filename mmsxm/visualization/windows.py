"""Pictures on a display."""

import matplotlib.pyplot as plt
from mmengine.visualization import Visualizer

__all__ = ['open_window']


def open_window() -> Visualizer:
    """Give what shows pictures in a window, by ``show(rgb, name, wait_time)``.

    Raises:
        ValueError: There is no display.
    """
    if plt.get_backend().lower() == 'agg':  # which would wait for a key for ever
        raise ValueError('There is no display to show pictures on: write them with out_dir.')
    return Visualizer()
