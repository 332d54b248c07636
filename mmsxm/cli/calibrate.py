"""Choose a threshold per class on labeled images and store it in a copy of the checkpoint.

mmsxm calibrate CONFIG CHECKPOINT --loader val --detection-rate 0.95

Instead of a checkpoint, you can calibrate an .xml file of mmsxm export. Do so for int8 files, whose
scores differ from those of the checkpoint.

The network sees the whole image, as in screening. Thresholds chosen on test images make the test
results look too good, so calibrate on images that are not in the test set.
"""

import argparse
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from mmsxm.cli.arguments import add_cfg_options, make_parser

if TYPE_CHECKING:
    from mmengine.config import Config

    from mmsxm.calibration.fit import Achieved
    from mmsxm.datasets import XrayDataset
    from mmsxm.evaluation import Scores
    from mmsxm.evaluation.thresholds import Criterion


EXPORTED = '.xml'


def share(text: str) -> float:
    """Parse a number between 0 and 1."""
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f'{text} is not between 0 and 1')
    return value


def class_share(text: str) -> tuple[str, float]:
    """Parse a class and its rate, such as ``Gun=0.99``."""
    name, equals, rate = text.rpartition('=')
    if not equals:
        raise argparse.ArgumentTypeError(f'{text} is not CLASS=RATE, such as Gun=0.99')
    return name, share(rate)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser('calibrate', __doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        'checkpoint',
        help='checkpoint, a work directory to use its latest one, or an exported .xml file',
    )
    images = parser.add_mutually_exclusive_group(required=True)
    images.add_argument(
        '--loader', choices=['val', 'test'], help='dataloader of the config to calibrate on'
    )
    images.add_argument(
        '--scores', help='CSV file of scores from an earlier --save-scores, instead of images'
    )
    goal = parser.add_mutually_exclusive_group(required=True)
    goal.add_argument(
        '--detection-rate', type=share, help='detection rate of each class, such as 0.95'
    )
    goal.add_argument(
        '--false-positive-rate', type=share, help='false-positive rate of each class, such as 0.01'
    )
    goal.add_argument('--best-f1', action='store_true', help='maximize the F1 score of each class')
    parser.add_argument(
        '--class-rates',
        type=class_share,
        nargs='+',
        default=[],
        metavar='CLASS=RATE',
        help='rates of single classes, in place of that of --detection-rate or '
        '--false-positive-rate, such as Gun=0.99',
    )
    parser.add_argument(
        '--scaling', choices=['temperature', 'platt'], help='scale scores to probabilities'
    )
    parser.add_argument(
        '--out', type=Path, help='output file (default: CHECKPOINT-calibrated.pth or .xml)'
    )
    parser.add_argument('--save-scores', help='CSV file to write the scores of all images to')
    parser.add_argument('--device', help='PyTorch device, such as cuda')
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    if args.best_f1 and args.class_rates:
        parser.error('--class-rates needs --detection-rate or --false-positive-rate')
    names = [name for name, _ in args.class_rates]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        parser.error(f'--class-rates names {", ".join(repeated)} more than once')
    return args


def criteria_of(args: argparse.Namespace) -> 'tuple[Criterion, dict[str, Criterion]]':
    """Return the criterion that the options choose thresholds by, and those of single classes."""
    from mmsxm.evaluation.thresholds import BestF1, DetectionRate, FalsePositiveRate

    if args.best_f1:
        return BestF1(), {}
    of_rate = DetectionRate if args.detection_rate else FalsePositiveRate
    common = of_rate(args.detection_rate or args.false_positive_rate)
    return common, {name: of_rate(rate) for name, rate in args.class_rates}


def build_images(cfg: 'Config', loader: str) -> 'XrayDataset':
    """Build the labeled dataset of a loader, without its pipeline."""
    from mmsxm.registry import DATASETS

    settings = cfg[f'{loader}_dataloader'].dataset
    dataset: XrayDataset = DATASETS.build({**settings, 'pipeline': []})
    return dataset


def image_paths(dataset: 'XrayDataset') -> set[str]:
    """Return the absolute paths of all images.

    File names alone can be the same in two datasets.
    """
    return {os.path.abspath(dataset.get_data_info(i)['img_path']) for i in range(len(dataset))}


def score_images(
    cfg: 'Config', checkpoint: Path, loader: str, device: str | None, console: Console
) -> 'tuple[Scores, dict[str, Any]]':
    """Score the images of a loader; return the scores and their origin."""
    from mmsxm.calibration.station_scores import station_scores
    from mmsxm.datasets.meta_label_file import source_of
    from mmsxm.inference.backends import Backend, load_backend
    from mmsxm.inference.backends.torch_backend import TorchBackend

    # load the network first: a missing one fails at once, whereas reading images takes time
    backend: Backend
    if checkpoint.suffix == EXPORTED:
        backend = load_backend(checkpoint, device=device)
        workers = 0  # processes would be forked with the threads of OpenVINO
    else:
        backend = TorchBackend(cfg, checkpoint, device, calibrated=False)
        workers = 2
    dataset = build_images(cfg, loader)
    tested = dataset if loader == 'test' else build_images(cfg, 'test')
    shared = len(image_paths(dataset) & image_paths(tested))
    if shared:
        console.print(
            f'Warning: {shared:,} of {len(dataset):,} images are in the test set of the config. '
            'Test results with these thresholds will look too good. Calibrate on other images.',
            style='yellow',
        )
    source = source_of(dataset)
    origin = {
        'list': source.list_file,
        'list_sha256': source.list_sha256,
        'images_in_test_set': shared,
    }
    return station_scores(backend, dataset, workers=workers), origin


def show(rows: 'list[Achieved]', console: Console) -> None:
    """Print what each threshold achieves."""
    from rich.box import SIMPLE
    from rich.table import Table

    from mmsxm.io.safe_parsing import printable

    table = Table(box=SIMPLE, show_edge=False)
    for column in ('class', 'with / without', 'threshold', 'detected, %', 'false alarms, %'):
        table.add_column(column, no_wrap=True)
    for row in rows:
        if row is rows[-1]:  # the row for whole bags
            table.add_section()
        table.add_row(
            printable(row.name),
            f'{row.positives:,} / {row.negatives:,}',
            with_interval(row.threshold, row.threshold_interval),
            with_interval(row.detection_rate, row.detection_interval, scale=100),
            with_interval(row.false_positive_rate, row.false_positive_interval, scale=100),
        )
    console.print(table)


def with_interval(value: float, interval: tuple[float, float], scale: float = 1) -> str:
    """Format a number and, below it, its interval."""
    if math.isnan(value):
        return '-'
    low, high = interval
    return f'{scale * value:.3g}\n[{scale * low:.3g}, {scale * high:.3g}]'


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the arguments and calibrate."""
    args = parse_args(argv)
    run(args)


def refuse_scaling(args: argparse.Namespace, source: Path) -> None:
    """Raise ValueError for ``--scaling``, which an exported file does not support."""
    if args.scaling:
        raise ValueError(
            f'{source} contains its scaling, so it gets thresholds only. Remove --scaling; to '
            'scale scores, calibrate the checkpoint with --scaling and export it again.'
        )


def run(args: argparse.Namespace) -> None:
    """Calibrate with parsed arguments."""
    from mmsxm.calibration.exported import require_other_file, store_thresholds
    from mmsxm.calibration.fit import calibrate, store_calibration
    from mmsxm.engine.checkpoints import find_checkpoint
    from mmsxm.evaluation import read_scores, write_scores
    from mmsxm.training.config import load_config

    console = Console(markup=False, emoji=False)  # class names may contain markup
    checkpoint = Path(find_checkpoint(args.checkpoint))
    is_exported = checkpoint.suffix == EXPORTED
    suffix = EXPORTED if is_exported else '.pth'
    out = args.out or checkpoint.with_name(f'{checkpoint.stem}-calibrated{suffix}')
    if is_exported:
        refuse_scaling(args, checkpoint)
        require_other_file(checkpoint, out)
    if args.loader:
        cfg = load_config(args.config, options=args.cfg_options)
        scores, origin = score_images(cfg, checkpoint, args.loader, args.device, console)
    else:
        scores, origin = read_scores(args.scores), {'scores': Path(args.scores).name}
    if args.save_scores:
        write_scores(args.save_scores, scores)
    criterion, exceptions = criteria_of(args)
    calibration, rows = calibrate(scores, criterion, args.scaling, origin, exceptions=exceptions)
    if is_exported:
        store_thresholds(checkpoint, calibration, out)
    else:
        store_calibration(checkpoint, calibration, out)

    console.print(
        f'Thresholds for {calibration.origin["criterion"]}, from {len(scores.names):,} images, '
        'with 95% intervals:'
    )
    show(rows, console)
    if args.scaling:
        before, after = (calibration.origin[f'log_loss_{when}'] for when in ('before', 'after'))
        console.print(f'{args.scaling} scaling: log loss {before:.4f} before, {after:.4f} after')
    console.print(f'Stored in {out}')
