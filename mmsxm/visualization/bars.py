"""Grouped bar charts of how often each choice was made, and by whom."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmsxm.visualization.plot_style import COLORS, draw_panels

__all__ = ['BarPanel', 'plot_bars']


class BarPanel(NamedTuple):
    """Panel with the share of each choice in percent for each chooser, (runs, choices)."""

    title: str
    shares: Mapping[str, np.ndarray]


def plot_bars(panels: Sequence[BarPanel], choices: Sequence[str], out: Path) -> None:
    """Draw the mean share of each choice over runs.

    Whiskers reach from the lowest to the highest run.

    Args:
        panels: Panels, drawn side by side. A chooser has the same color in all of them.
        choices: Names along the x axis.
        out: PNG file to write.
    """
    choosers = list(dict.fromkeys(name for panel in panels for name in panel.shares))
    with draw_panels(out, 1, len(panels), 3.4, 2.6) as (figure, axes):
        handles = {}
        for panel, axis in zip(panels, axes[0], strict=True):
            width = 0.8 / len(panel.shares)
            for number, (name, shares) in enumerate(panel.shares.items()):
                mean = shares.mean(axis=0)
                # the mean of equal shares may be rounded above or below them
                whiskers = np.maximum([mean - shares.min(axis=0), shares.max(axis=0) - mean], 0)
                bars = handles[name] = axis.bar(
                    np.arange(len(choices)) + (number + 0.5) * width - 0.4,
                    mean,
                    0.92 * width,
                    yerr=whiskers if len(shares) > 1 else None,
                    capsize=2,
                    error_kw=dict(linewidth=0.8),
                    color=COLORS[choosers.index(name)],
                )
                axis.bar_label(bars, fmt='%.0f', padding=2, fontsize=7)
            axis.set(title=panel.title, xticks=range(len(choices)), xticklabels=choices)
            axis.set(ylim=(0, 108), yticks=range(0, 101, 20), ylabel='% of images')
            axis.grid(visible=False, axis='x')
        figure.legend(
            list(handles.values()), list(handles), loc='outside lower center', ncols=len(handles)
        )
