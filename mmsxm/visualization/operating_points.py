"""ROC and PR curves and score reliability, from the tables written by ``OperatingPoints``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmsxm.evaluation.thresholds import wilson_interval
from mmsxm.io.safe_parsing import read_csv
from mmsxm.visualization.plot_style import COLORS, draw_panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ['plot_operating_points']

Table = dict[str, np.ndarray]  # columns of numbers


def plot_operating_points(folder: Path) -> list[Path]:
    """Draw ``roc.png``, ``precision_recall.png`` and ``reliability.png`` next to the tables.

    Args:
        folder: Folder that contains ``curves.csv`` and ``reliability.csv``.

    Returns:
        The files that were written.
    """
    curves = read_tables(folder / 'curves.csv')
    outs = [folder / name for name in ('roc.png', 'precision_recall.png', 'reliability.png')]
    plot_roc(curves, outs[0])
    plot_precision_recall(curves, outs[1])
    plot_reliability(read_tables(folder / 'reliability.csv'), outs[2])
    return outs


def read_tables(path: Path) -> dict[str, Table]:
    """Read a CSV file of numbers as one table for each value of its column ``class``.

    Empty cells are nan.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not such a CSV file.
    """
    lines = read_csv(path)
    _, (_, *keys) = next(lines, (1, ['']))
    rows: dict[str, list[list[float]]] = {}
    for line, (name, *cells) in lines:
        try:
            values = [float(cell or 'nan') for cell in cells]
        except ValueError as error:
            raise ValueError(f'{path}:{line}: {error}') from error
        if len(values) != len(keys):
            raise ValueError(
                f'{path}:{line}: there are {len(values)} numbers for the columns {keys}. Run the '
                'test again to write the file.'
            )
        rows.setdefault(name, []).append(values)
    return {name: dict(zip(keys, np.array(values).T, strict=True)) for name, values in rows.items()}


def plot_roc(curves: Mapping[str, Table], out: Path) -> None:
    """Draw detection over false positives.

    The axis of false positives is logarithmic because low rates are what matters.
    """
    rates = {name: table['false_positive_rate'] for name, table in curves.items()}
    seen = np.concatenate([*rates.values(), [1.0]])
    lowest = float(seen[seen > 0].min())  # the rate of a single false alarm
    with draw_panels(out, 1, 1, 5.2, 3.6) as (_, axes):
        axis = axes[0, 0]
        for (name, table), style in zip(curves.items(), _line_styles(curves), strict=True):
            if np.isnan(rates[name]).all() or np.isnan(table['detection_rate']).all():
                continue
            x = np.concatenate(([0.0], rates[name])).clip(lowest / 2)
            y = np.concatenate(([0.0], table['detection_rate']))
            axis.plot(x, y, label=_label(name), **style)
        for rate in (0.9, 0.95, 0.99):
            axis.axhline(rate, color='#777777', linewidth=0.7, linestyle=':', zorder=0)
        axis.set(
            title='dotted: 90, 95 and 99% detection',
            xlabel='false positives among images without the item, logarithmic',
            ylabel='detected among images with the item',
            xscale='log',
            xlim=(lowest / 2, 1),
            ylim=(0, 1.01),
        )
        _in_percent(axis)


def plot_precision_recall(curves: Mapping[str, Table], out: Path) -> None:
    """Draw precision over detection, in the steps that average precision sums up."""
    with draw_panels(out, 1, 1, 5.2, 3.6) as (_, axes):
        axis = axes[0, 0]
        for (name, table), style in zip(curves.items(), _line_styles(curves), strict=True):
            if np.isnan(table['detection_rate']).all():
                continue
            axis.plot(
                np.concatenate(([0.0], table['detection_rate'])),
                np.concatenate((table['precision'][:1], table['precision'])),
                label=_label(name),
                drawstyle='steps-pre',
                **style,
            )
        axis.set(
            xlabel='recall: detected among images with the item',
            ylabel='precision: correct among alarms',
            xlim=(0, 1),
            ylim=(0, 1.01),
        )
        _in_percent(axis)


def plot_reliability(tables: Mapping[str, Table], out: Path) -> None:
    """Draw how often scores are correct, one panel per class, with 95% confidence intervals."""
    columns = min(len(tables), 3)
    rows = -(-len(tables) // columns)
    with draw_panels(out, rows, columns, 2.3, 2.3) as (figure, axes):
        for axis in axes.flat[len(tables) :]:
            axis.set_axis_off()
        for (name, table), axis in zip(tables.items(), axes.flat, strict=False):
            share = table['positives'] / table['images']
            counts = zip(table['positives'], table['images'], strict=True)
            low, high = np.transpose([wilson_interval(count, of) for count, of in counts])
            axis.plot([0, 1], [0, 1], color='#999999', linewidth=0.8, linestyle=':')
            axis.errorbar(
                table['mean_score'],
                share,
                yerr=(np.maximum(share - low, 0), np.maximum(high - share, 0)),
                color=COLORS[0],
                marker='o',
                markersize=3,
                linewidth=1,
                elinewidth=0.8,
            )
            axis.set(
                title=f'{_label(name)}, {int(table["images"].sum()):,} images',
                xlim=(-0.03, 1.03),
                ylim=(-0.03, 1.03),
                aspect='equal',
            )
        figure.supxlabel('mean score', fontsize=9)
        figure.supylabel('share of images with the item', fontsize=9)


def _label(name: str) -> str:
    return name.replace('_', ' ')


def _line_styles(names: Mapping[str, object]) -> Sequence[dict]:
    """Return a color for each class, and a heavy black line for the bag as a whole."""
    classes = [dict(color=COLORS[i % (len(COLORS) - 1)], linewidth=1.2) for i in range(len(names))]
    return [*classes[:-1], dict(color='#000000', linewidth=1.8)][: len(names)]  # the bag is last


def _in_percent(axis: 'Axes') -> None:
    """Finish a panel of curves: percent on both axes, and a legend next to it."""
    from matplotlib.ticker import FuncFormatter

    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter(FuncFormatter(lambda share, _: f'{100 * share:g}%'))
    if axis.get_legend_handles_labels()[0]:
        axis.legend(loc='center left', bbox_to_anchor=(1.01, 0.5))
