"""Plots of distributions."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

COLORS = ('#c2571a', '#1666b0')


def plot_distributions(
    panels: Sequence[Sequence[tuple[str, str, Sequence[Sequence[float]]]]],
    names: Sequence[str],
    out: Path,
) -> None:
    """Draw the distribution functions of two groups of numbers in a grid of panels.

    Args:
        panels: Rows of panels. Each panel is a title, a label, and the numbers of both groups.
        names: Names of the two groups.
        out: PNG file to write.
    """
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    size = 3.0 * len(panels[0]), 2.6 * len(panels)
    figure, axes = plt.subplots(len(panels), len(panels[0]), figsize=size, squeeze=False)
    for row, row_axes in zip(panels, axes, strict=True):
        for (title, label, groups), axis in zip(row, row_axes, strict=True):
            for name, values, color in zip(names, groups, COLORS, strict=True):
                axis.plot(np.sort(values), np.linspace(0, 1, len(values)), color, label=name)
            axis.set(title=title, xlabel=label, ylim=(0, 1), xscale='log')
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.xaxis.set_major_formatter(StrMethodFormatter('{x:g}'))
            axis.xaxis.set_minor_formatter(NullFormatter())
    axes[0, 0].legend()
    figure.tight_layout()
    figure.savefig(out, dpi=110)
    plt.close(figure)
