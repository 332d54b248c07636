"""Test a checkpoint: mean average precision (mAP) and pointing of the attention."""

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmsxm.cli.arguments import add_cfg_options, make_parser


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser('test', __doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint, or a work directory to use its latest one')
    parser.add_argument('--work-dir', help='folder for the log')
    parser.add_argument(
        '--out', help='results file: .csv for the scores of all images, .json or .pkl'
    )
    parser.add_argument(
        '--out-item',
        choices=['metrics', 'pred'],
        default='pred',
        help='what to write to --out: the metrics, or all predictions (.pkl or .csv)',
    )
    add_cfg_options(parser)
    parser.add_argument('--amp', action='store_true', help='test in reduced precision')
    parser.add_argument('--show-dir', help='folder for pictures of the predictions')
    parser.add_argument('--show', action='store_true', help='show the predictions in a window')
    parser.add_argument('--interval', type=int, default=1, metavar='N', help='show every Nth image')
    parser.add_argument('--wait-time', type=float, default=2, help='seconds per window')
    parser.add_argument(
        '--no-pin-memory', action='store_true', help='do not pin the memory of the dataloaders'
    )
    parser.add_argument(
        '--tta',
        action='store_true',
        help='average the scores of several views: the tta_pipeline of the config, or the image '
        'and its mirror image',
    )
    parser.add_argument(
        '--groups',
        help='CSV file with a column "name" and a group column: report AP within groups, with '
        'bootstrap intervals',
    )
    parser.add_argument('--group-column', help='column of --groups that contains the groups')
    parser.add_argument(
        '--operating-points',
        metavar='DIR',
        help='also report false positives at fixed detection rates; write tables and curves to DIR',
    )
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    args = parser.parse_args(argv)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if args.tta and (args.show or args.show_dir):
        parser.error(
            '--tta tests several views of each image, which cannot be drawn: remove --tta, or '
            'remove --show and --show-dir'
        )
    if bool(args.groups) != bool(args.group_column):
        parser.error('--groups and --group-column go together: use both or neither')
    if args.out and args.out_item == 'pred' and not args.out.endswith(('.csv', '.pkl', '.pickle')):
        parser.error(
            f'--out {args.out} is not a .csv or .pkl file, which predictions need: change it, or '
            'add --out-item metrics for a .json file'
        )
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the arguments and test."""
    args = parse_args(argv)

    from mmsxm.compat import leave_process_group

    try:
        test(args)
    finally:
        leave_process_group()


def show(metrics: Mapping[str, float | None], classes: Sequence[str]) -> None:
    """Print the main metrics of each class, because the log has all of them in one line."""
    from mmsxm.evaluation.metric_rows import metric_rows
    from mmsxm.io.safe_parsing import printable

    rows = metric_rows(metrics, classes)
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    if not columns:
        return
    table = Table('', title='In percent', show_edge=False)
    for column in columns:
        table.add_column(column, justify='right', no_wrap=True)
    for name, row in rows.items():
        values = [row.get(column) for column in columns]
        cells = ['' if value is None else f'{value:.1f}' for value in values]
        table.add_row(Text(printable(name)), *cells)
    Console().print(table)


def test(args: argparse.Namespace) -> None:
    """Test with parsed arguments."""
    import mmengine
    from mmengine.dist import is_main_process

    from mmsxm.engine.runner_state import dismiss_workers
    from mmsxm.training.config import load_config, set_dataloaders, use_autocast_in_test
    from mmsxm.training.test import add_metric, build_test, use_tta
    from mmsxm.visualization.operating_points import plot_operating_points

    cfg = load_config(
        args.config, work_dir=args.work_dir, options=args.cfg_options, launcher=args.launcher
    )
    if args.no_pin_memory:
        set_dataloaders(cfg, pin_memory=False)
    if args.amp:
        use_autocast_in_test(cfg)
    if args.tta:
        use_tta(cfg)
    if args.show or args.show_dir:
        cfg.default_hooks.pictures = dict(
            type='mmsxm.PredictionPictureHook',
            out_dir=args.show_dir,
            show=args.show,
            wait_time=args.wait_time,
            interval=args.interval,
        )
    if args.groups:
        grouped = dict(
            type='mmsxm.GroupedAveragePrecision', groups=args.groups, column=args.group_column
        )
        add_metric(cfg, grouped)
    if args.operating_points:
        add_metric(cfg, dict(type='mmsxm.OperatingPoints', out=args.operating_points))
    if args.out and args.out_item == 'pred':
        dump = (
            dict(type='mmsxm.ScoreTable', out=args.out)
            if args.out.endswith('.csv')
            else dict(type='DumpResults', out_file_path=args.out)
        )
        add_metric(cfg, dump)
    runner = build_test(cfg, args.checkpoint)
    metrics = runner.test()
    dismiss_workers(runner)
    if is_main_process():
        show(metrics, runner.test_dataloader.dataset.metainfo.get('classes') or ())
    if args.operating_points and is_main_process():
        plot_operating_points(Path(args.operating_points))
    if args.out and args.out_item == 'metrics' and is_main_process():
        mmengine.dump(metrics, args.out)
