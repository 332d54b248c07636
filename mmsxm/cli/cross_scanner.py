"""Train on simulated bags of each scanner and test on all: the cost of changing scanners.

mmsxm cross-scanner --scanners sixray opixray

All scanners share the seed, so their bags contain the same items and nearly the same clutter. The
size of things in the image depends on the scanner's view. Writes a table of mAP, also as CSV: one
row per training scanner and one column per test scanner.
"""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmsxm.cli.arguments import make_parser
from mmsxm.simulation import CROWDING, SCANNERS, scanner_from, write_sixray

if TYPE_CHECKING:
    from mmengine.config import Config


def load(config: str, root: Path, work_dir: Path) -> 'Config':
    """Load the config for the bags of one scanner."""
    from mmsxm.training.config import DATALOADERS, load_config

    cfg = load_config(config, work_dir=str(work_dir))
    for name in DATALOADERS:
        cfg[name].dataset.update(data_root=str(root), image_set='10')
    return cfg


def claim(args: argparse.Namespace) -> None:
    """Record the settings of the networks in the work directory.

    Raises:
        ValueError: The work directory contains networks trained with other settings.
    """
    keys = ('config', 'train', 'test', 'size', 'crowding', 'seed')
    settings = json.dumps({key: getattr(args, key) for key in keys}, indent=1) + '\n'
    settings_file = args.work_dir / 'settings.json'
    if settings_file.exists() and settings_file.read_text() != settings:
        raise ValueError(
            f'{args.work_dir} contains networks trained with other settings, see {settings_file}. '
            'Delete it or use another --work-dir.'
        )
    args.work_dir.mkdir(parents=True, exist_ok=True)
    settings_file.write_text(settings)


def main(argv: Sequence[str] | None = None) -> None:
    """Simulate, train, test and write the table."""
    parser = make_parser('cross-scanner', __doc__)
    parser.add_argument(
        'config',
        nargs='?',
        default='configs/demo/resnet18.py',
        help='config file (default: %(default)s)',
    )
    parser.add_argument(
        '--scanners',
        nargs='+',
        default=['sixray', 'opixray'],
        help=f'names ({", ".join(SCANNERS)}) or config files',
    )
    parser.add_argument('--train', type=int, default=1200, help='number of training bags')
    parser.add_argument('--test', type=int, default=300, help='number of test bags')
    parser.add_argument('--size', type=int, nargs=2, default=(128, 128), help='image size: H W')
    parser.add_argument('--crowding', choices=list(CROWDING), default='sparse')
    parser.add_argument('--seed', type=int, default=0, help='seed of the bags')
    parser.add_argument(
        '--workers', type=int, default=os.cpu_count(), help='processes for the simulation'
    )
    parser.add_argument(
        '--data', type=Path, default='data/scanners', help='output folder for the bags'
    )
    parser.add_argument(
        '--work-dir',
        type=Path,
        default='work_dirs/cross_scanner',
        help='output folder for networks and the table (default: %(default)s)',
    )
    args = parser.parse_args(argv)

    from rich.console import Console
    from rich.table import Table

    from mmsxm.engine.runner_state import dismiss_workers
    from mmsxm.io.files import write_csv
    from mmsxm.training.test import build_test
    from mmsxm.training.train import finished_epochs, resume, train

    names = [Path(scanner).stem for scanner in args.scanners]
    if len(set(names)) < len(names):
        raise ValueError(
            f'Scanner names must be unique, but got {", ".join(names)}. Rename a config file.'
        )
    claim(args)
    for name, scanner in zip(names, args.scanners, strict=True):
        write_sixray(
            args.data / name,
            train=args.train,
            test=args.test,
            seed=args.seed,
            workers=args.workers,
            image_size=tuple(args.size),
            crowding=args.crowding,
            scanner=scanner_from(scanner),
        )
    rows = []
    for train_scanner in names:
        work_dir = args.work_dir / train_scanner
        cfg = load(args.config, args.data / train_scanner, work_dir)
        if finished_epochs(work_dir) < cfg.train_cfg.max_epochs:
            resume(cfg)
            train(cfg)
        row: dict[str, float | str] = {'trained on': train_scanner}
        for test_scanner in names:
            test_cfg = load(args.config, args.data / test_scanner, work_dir)
            runner = build_test(test_cfg, str(work_dir))
            row[test_scanner] = runner.test()['xray/mAP']
            dismiss_workers(runner)
        rows.append(row)

    table = Table('trained on', *(f'tested on {name}' for name in names))
    for row in rows:
        table.add_row(str(row['trained on']), *(f'{row[name]:.1f}' for name in names))
    Console().print(table)
    write_csv(args.work_dir / 'mAP.csv', rows)
