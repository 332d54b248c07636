"""Shared style of all plots: color-blind-safe colors and minimal axes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# palette of Okabe and Ito, without yellow, which is hard to see on white
COLORS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#56B4E9', '#E69F00', '#000000')
STYLE: dict[Any, Any] = {
    'font.size': 9,
    'axes.titlesize': 9,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.axisbelow': True,
    'axes.grid': True,
    'grid.color': '#e5e5e5',
    'grid.linewidth': 0.6,
    'legend.frameon': False,
    'legend.fontsize': 8,
}


@contextmanager
def draw_panels(
    out: Path, rows: int, columns: int, width: float, height: float, dpi: int = 200
) -> Iterator['tuple[Figure, np.ndarray]']:
    """Yield a figure and its axes (rows, columns) to draw on, and write it as PNG at the end.

    Args:
        out: PNG file to write.
        rows: Number of rows of panels.
        columns: Number of columns of panels.
        width: Width of a panel, in inches.
        height: Height of a panel, in inches.
        dpi: Pixels per inch.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(columns * width, rows * height), layout='constrained')
        yield figure, figure.subplots(rows, columns, squeeze=False)
        figure.savefig(out, dpi=dpi)
