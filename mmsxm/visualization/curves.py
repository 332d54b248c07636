"""Plots of curves over epochs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from mmsxm.visualization.plot_style import COLORS, draw_panels

__all__ = ['CurvePanel', 'plot_curves']

Curve = tuple[Sequence[float], Sequence[float]]


class CurvePanel(NamedTuple):
    """Panel with the curves of each name, (epochs, values): one, or several of repeated runs.

    Percentages are drawn on the full scale of 0 to 100, losses on a logarithmic scale.
    """

    title: str
    label: str
    curves: Mapping[str, Sequence[Curve]]
    scale: Literal['free', 'percent', 'loss'] = 'free'


def plot_curves(panels: Sequence[CurvePanel], out: Path) -> None:
    """Draw panels side by side.

    If a name has several curves, their mean is drawn over thin single curves.

    Args:
        panels: Panels. A name has the same color in all of them.
        out: PNG file to write.
    """
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

    names = list(dict.fromkeys(name for panel in panels for name in panel.curves))
    with draw_panels(out, 1, len(panels), 2.8, 2.6) as (figure, axes):
        handles = {}
        for panel, axis in zip(panels, axes[0], strict=True):
            for name, curves in panel.curves.items():
                color = COLORS[names.index(name) % len(COLORS)]
                for epochs, values in curves if len(curves) > 1 else ():
                    axis.plot(epochs, values, color, linewidth=0.6, alpha=0.4)
                epochs, values = mean_curve(curves)
                (handles[name],) = axis.plot(
                    epochs, values, color, marker='o', markersize=2.5, label=name
                )
            axis.set(title=panel.title, xlabel='epoch', ylabel=panel.label)
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
            if panel.scale == 'percent':
                axis.set_ylim(0, 100)
            elif panel.scale == 'loss':
                axis.set_yscale('log')
                axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axis.yaxis.set_major_formatter(StrMethodFormatter('{x:g}'))
                axis.yaxis.set_minor_locator(NullLocator())
        low = min(axis.get_xlim()[0] for axis in axes[0])
        high = max(axis.get_xlim()[1] for axis in axes[0])
        for axis in axes[0]:
            axis.set_xlim(low, high)
        entry_width = 0.5 + 0.07 * max(map(len, names))  # inches
        figure.legend(
            [handles[name] for name in names],
            names,
            loc='outside lower center',
            ncols=max(1, min(len(names), int(figure.get_figwidth() / entry_width))),
        )


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """Return the mean of curves at the epochs that all of them have."""
    common = sorted(set.intersection(*(set(epochs) for epochs, _ in curves)))
    tables = [dict(zip(*curve, strict=True)) for curve in curves]
    return common, [float(np.mean([table[epoch] for table in tables])) for epoch in common]
