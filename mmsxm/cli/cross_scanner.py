"""Train on each of several scanners' simulated bags, test on all of them: what a change costs.

mmsxm cross-scanner --scanners sixray opixray

The seed of the bags is the same for every scanner, so that they hold the same items and nearly the
same clutter; how large things show depends on the scanner's view. Writes a table of mAP, a row for
the scanner of training and a column for that of the test, also as csv.
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
    """The config on one scanner's bags."""
    from mmsxm.training.config import DATALOADERS, load_config

    cfg = load_config(config, work_dir=str(work_dir))
    for name in DATALOADERS:
        cfg[name].dataset.update(data_root=str(root), image_set='10')
    return cfg


def claim(args: argparse.Namespace) -> None:
    """Note what networks in the work directory learn from; ValueError if it holds others."""
    keys = ('config', 'train', 'test', 'size', 'crowding', 'seed')
    settings = json.dumps({key: getattr(args, key) for key in keys}, indent=1) + '\n'
    note = args.work_dir / 'settings.json'
    if note.exists() and note.read_text() != settings:
        raise ValueError(
            f'{args.work_dir} holds networks of other settings ({note} tells): delete it or name '
            'another --work-dir'
        )
    args.work_dir.mkdir(parents=True, exist_ok=True)
    note.write_text(settings)


def main(argv: Sequence[str] | None = None) -> None:
    """Simulate, train, test, write."""
    parser = make_parser('cross-scanner', __doc__)
    parser.add_argument('config', nargs='?', default='configs/demo/resnet18.py')
    parser.add_argument(
        '--scanners',
        nargs='+',
        default=['sixray', 'opixray'],
        help=f'{", ".join(SCANNERS)}, or config files',
    )
    parser.add_argument('--train', type=int, default=1200, help='bags to train on')
    parser.add_argument('--test', type=int, default=300, help='bags to test on')
    parser.add_argument('--size', type=int, nargs=2, default=(128, 128), help='of an image: H W')
    parser.add_argument('--crowding', choices=list(CROWDING), default='sparse')
    parser.add_argument('--seed', type=int, default=0, help='of the bags')
    parser.add_argument('--workers', type=int, default=os.cpu_count(), help='to simulate with')
    parser.add_argument('--data', type=Path, default='data/scanners', help='folder for the bags')
    parser.add_argument('--work-dir', type=Path, default='work_dirs/cross_scanner')
    args = parser.parse_args(argv)

    from rich.console import Console
    from rich.table import Table

    from mmsxm.engine.runner_state import dismiss_workers
    from mmsxm.io.files import write_csv
    from mmsxm.training.test import build_test
    from mmsxm.training.train import finished_epochs, resume, train

    names = [Path(scanner).stem for scanner in args.scanners]
    if len(set(names)) < len(names):
        raise ValueError(f'scanners are told apart by their names, but got {", ".join(names)}')
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
    for trained in names:
        work_dir = args.work_dir / trained
        cfg = load(args.config, args.data / trained, work_dir)
        if finished_epochs(work_dir) < cfg.train_cfg.max_epochs:
            resume(cfg)
            train(cfg)
        row: dict[str, float | str] = {'trained on': trained}
        for tested in names:
            runner = build_test(load(args.config, args.data / tested, work_dir), str(work_dir))
            row[tested] = runner.test()['xray/mAP']
            dismiss_workers(runner)
        rows.append(row)

    table = Table('trained on', *(f'tested on {name}' for name in names))
    for row in rows:
        table.add_row(str(row['trained on']), *(f'{row[name]:.1f}' for name in names))
    Console().print(table)
    write_csv(args.work_dir / 'mAP.csv', rows)
