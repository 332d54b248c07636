"""Compare two sets of X-ray images, such as simulated bags and those of a scanner.

python tools/compare_sets.py data/simulated data/sixray \
    --probe configs/baselines/mobilenet-v2_sixray.py

Writes a sheet of images of both, the sizes of the items (plot and csv), what the images are like in
numbers (csv), and how well a linear classifier on ImageNet features tells the sets apart, as they
are and with parts of the look taken away.
"""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
from mmengine.logging import MMLogger
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import nn

from mmsxm.apis.datasets.set_comparison import (
    ImageSet,
    compare_boxes,
    compare_images,
    distance,
    measured,
    read_image,
    read_set,
    shared_classes,
)
from mmsxm.apis.datasets.set_probe import VIEWS, features, separability
from mmsxm.apis.running import load_config
from mmsxm.apis.tables import write_csv
from mmsxm.foreign import printable
from mmsxm.registry import MODELS
from mmsxm.visualization.distributions import plot_distributions
from mmsxm.visualization.overlays import caption, sheet

PICTURE_SIDE = 320
MEASURES = {'size': 'root of the share of the image', 'aspect': 'width / height'}


def show(title: str, names: list[str], rows: list[dict[str, Any]]) -> None:
    """Print the medians and quartiles of both sets."""
    first = [key for key in rows[0] if key in ('class', 'measure', 'what')]
    table = Table(*first, *(f'{name}: median (quartiles)' for name in names), 'KS', title=title)
    for row in rows:
        ranges = [
            f'{row[f"{name} 50 %"]:.3g} ({row[f"{name} 25 %"]:.3g}..{row[f"{name} 75 %"]:.3g})'
            for name in names
        ]
        table.add_row(*(printable(row[key]) for key in first), *ranges, f'{row["KS"]:.2f}')
    Console(markup=False, emoji=False).print(table)


def small(path: Path) -> np.ndarray:
    """An image as RGB, for a sheet."""
    image = read_image(path)
    return mmcv.imrescale(image, PICTURE_SIDE / max(image.shape[:2]))


def draw_sheet(names: list[str], chosen: list[list[Path]], out: Path) -> None:
    """Draw images of both sets beside each other, three columns of each."""
    pictures = []
    for row in range(0, min(map(len, chosen)), 3):
        for name, paths in zip(names, chosen, strict=True):
            pictures += [caption(small(path), name) for path in paths[row : row + 3]]
    mmcv.imwrite(sheet(pictures, columns=6)[..., ::-1], str(out))


def plot_boxes(a: ImageSet, b: ImageSet, out: Path) -> None:
    """Plot the sizes and aspects of the items of both sets, class by class."""
    panels = []
    for measure, label in MEASURES.items():
        row = []
        for name in shared_classes(a, b):
            groups = [measured(one, name, measure) for one in (a, b)]
            row.append((f'{name}, KS {distance(*groups):.2f}', label, groups))
        panels.append(row)
    plot_distributions(panels, [a.name, b.name], out)


def pretrained_backbone(config: str) -> nn.Module:
    """The backbone of a config with its weights; ValueError when it starts from random ones."""
    settings = load_config(config).model.backbone
    if (settings.get('init_cfg') or {}).get('type') != 'Pretrained':
        raise ValueError(
            f'the backbone of {config} has no pretrained weights to tell sets apart by'
        )
    MMLogger.get_instance('mmengine', log_level='WARNING')  # not a line for each of its weights
    backbone: nn.Module = MODELS.build(settings)
    backbone.init_weights()  # type: ignore[operator]
    return backbone


def probe(backbone: nn.Module, chosen: list[list[Path]], out: Path) -> list[dict[str, Any]]:
    """Tell the sets apart by features, view by view, and draw the clearest cases of both."""
    rows = []
    for name, view in track(VIEWS.items(), 'Telling the sets apart'):
        seen = [features(backbone, paths, view) for paths in chosen]
        area, scores = separability(seen[0], seen[1])
        rows.append({'seen': name, 'area under the ROC curve': area})
        if name == 'as it is':
            paths = [path for group in chosen for path in group]
            order = np.argsort(scores)
            pictures = [small(paths[i]) for i in (*order[:6], *order[-6:])]
            mmcv.imwrite(sheet(pictures, columns=6)[..., ::-1], str(out))
    return rows


def main() -> None:
    """Compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('sets', nargs=2, help='a folder of images, or a csv of boxes')
    parser.add_argument('--out', type=Path, default='work_dirs/comparison')
    parser.add_argument('--images', type=int, default=200, help='to look at, of each set')
    parser.add_argument('--seed', type=int, default=0, help='which images')
    parser.add_argument(
        '--probe', metavar='CONFIG', help='tell the sets apart by the backbone of this config'
    )
    args = parser.parse_args()
    try:
        compare(args)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f'compare_sets.py: {error}')


def compare(args: argparse.Namespace) -> None:
    """Compare, as the command line says."""
    if args.probe and find_spec('sklearn') is None:  # before minutes of work
        raise ValueError("--probe needs scikit-learn: pip install 'mmsxm[probe]'")
    a, b = (read_set(path) for path in args.sets)
    names = [a.name, b.name]
    if a.name == b.name:
        raise ValueError(f'both sets are called {a.name}: rename one of the folders')
    backbone = pretrained_backbone(args.probe) if args.probe else None
    args.out.mkdir(parents=True, exist_ok=True)

    if boxes := compare_boxes(a, b):
        write_csv(args.out / 'boxes.csv', boxes)
        plot_boxes(a, b, args.out / 'boxes.png')
        show('Items', names, boxes)
    if a.images and b.images:
        rng = np.random.default_rng(args.seed)
        chosen = [
            [one.images[i] for i in rng.permutation(len(one.images))[: args.images]]
            for one in (a, b)
        ]
        draw_sheet(names, [paths[:12] for paths in chosen], args.out / 'images.png')
        images = compare_images((a.name, b.name), chosen[0], chosen[1])
        write_csv(args.out / 'images.csv', images)
        show('Images', names, images)
        if backbone is not None:
            rows = probe(backbone, chosen, args.out / 'clearest.png')
            write_csv(args.out / 'probe.csv', rows)
            table = Table('a linear classifier sees them', 'area under the ROC curve')
            for row in rows:
                table.add_row(row['seen'], f'{row["area under the ROC curve"]:.3f}')
            Console(markup=False, emoji=False).print(table)
    print(f'tables and pictures: {args.out}')


if __name__ == '__main__':
    main()
