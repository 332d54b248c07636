"""Compare two sets of X-ray images, such as simulated and scanned bags.

mmsxm compare-sets data/simulated data/sixray \
    --probe configs/baselines/mobilenet-v2_sixray.py

Writes a contact sheet of both sets, the sizes of the items (plot and CSV), and image statistics
(CSV). With --probe, a linear classifier on ImageNet features tries to tell the sets apart. It runs
on the images as they are, and with aspects of their appearance removed.
"""

import argparse
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmsxm.cli.arguments import make_parser


def show(title: str, names: list[str], rows: list[dict[str, Any]]) -> None:
    """Print the medians and quartiles of both sets."""
    from rich.console import Console
    from rich.table import Table

    from mmsxm.io.safe_parsing import printable

    labels = [key for key in rows[0] if key in ('class', 'measure', 'what')]
    table = Table(*labels, *(f'{name}: median (quartiles)' for name in names), 'KS', title=title)
    for row in rows:
        ranges = [
            f'{row[f"{name} 50%"]:.3g} ({row[f"{name} 25%"]:.3g}..{row[f"{name} 75%"]:.3g})'
            for name in names
        ]
        table.add_row(*(printable(row[key]) for key in labels), *ranges, f'{row["KS"]:.2f}')
    Console(markup=False, emoji=False).print(table)


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the arguments and compare."""
    parser = make_parser('compare-sets', __doc__)
    parser.add_argument('sets', nargs=2, help='folder of images, or CSV file of boxes')
    parser.add_argument(
        '--out',
        type=Path,
        default='work_dirs/comparison',
        help='output folder (default: %(default)s)',
    )
    parser.add_argument('--images', type=int, default=200, help='images to read from each set')
    parser.add_argument('--seed', type=int, default=0, help='seed for choosing the images')
    parser.add_argument(
        '--probe',
        metavar='CONFIG',
        help='measure how well features of the backbone of CONFIG tell the sets apart',
    )
    args = parser.parse_args(argv)
    compare(args)


def compare(args: argparse.Namespace) -> None:
    """Compare with parsed arguments."""
    import numpy as np
    from rich.console import Console
    from rich.table import Table

    from mmsxm.comparison.set_comparison import compare_boxes, compare_images, read_set
    from mmsxm.comparison.set_pictures import draw_sheet, plot_boxes, pretrained_backbone, probe
    from mmsxm.io.files import write_csv

    if args.probe and find_spec('sklearn') is None:  # fail before minutes of work
        raise ValueError("--probe needs scikit-learn: pip install 'mmsxm[probe]'")
    a, b = (read_set(path) for path in args.sets)
    names = [a.name, b.name]
    if a.name == b.name:
        raise ValueError(f'Both sets are named {a.name}. Rename one of the folders.')
    backbone = pretrained_backbone(args.probe) if args.probe else None
    args.out.mkdir(parents=True, exist_ok=True)

    if boxes := compare_boxes(a, b):
        write_csv(args.out / 'boxes.csv', boxes)
        plot_boxes(a, b, args.out / 'boxes.png')
        show('Items', names, boxes)
    if a.images and b.images:
        rng = np.random.default_rng(args.seed)
        chosen = [
            [image_set.images[i] for i in rng.permutation(len(image_set.images))[: args.images]]
            for image_set in (a, b)
        ]
        draw_sheet(names, [paths[:12] for paths in chosen], args.out / 'images.png')
        images = compare_images((a.name, b.name), chosen[0], chosen[1])
        write_csv(args.out / 'images.csv', images)
        show('Images', names, images)
        if backbone is not None:
            rows = probe(backbone, chosen, args.out / 'clearest.png')
            write_csv(args.out / 'probe.csv', rows)
            table = Table('input of the linear classifier', 'area under the ROC curve')
            for row in rows:
                table.add_row(row['seen'], f'{row["area under the ROC curve"]:.3f}')
            Console(markup=False, emoji=False).print(table)
    print(f'Wrote tables and pictures to {args.out}')
