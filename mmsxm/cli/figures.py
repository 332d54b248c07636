"""Draw figures of the paper (PNG) from runs of mmsxm reproduce, with their numbers (CSV).

mmsxm figures --figure 4 --suite sixray-mini --seeds 0,1,2
mmsxm figures --figure 4 --boxes boxes.csv --out results/sixray
mmsxm figures --figure curves --runs work_dirs/demo/evidence

4: the pyramid level that the labels assign to images, and the level that networks trust; --boxes
draws only the MF-I labels of a CSV file of boxes. 5: the attention of networks; pictures of real
bags go to the work directory of the suite. 6: the loss of each attention map in Stage I.
curves: training curves of any runs, by epoch.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmsxm.cli.arguments import make_parser, numbers


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser('figures', __doc__)
    parser.add_argument(
        '--figure', required=True, choices=['4', '5', '6', 'curves'], help='what to draw'
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument('--suite', help='name of a suite, or a suite file')
    source.add_argument('--boxes', help='CSV file of boxes, for figure 4')
    source.add_argument(
        '--runs', nargs='+', type=Path, help='work directories or records, for curves'
    )
    parser.add_argument('--seeds', default='0', help='comma-separated seeds')
    parser.add_argument(
        '--work-dir', help='work directory of all runs (default: work_dirs/reproduce/<suite>)'
    )
    parser.add_argument(
        '--out', type=Path, help='output folder (default: results/<suite>, or results)'
    )
    args = parser.parse_args(argv)
    if (args.figure == 'curves') != bool(args.runs) or (args.boxes and args.figure != '4'):
        parser.error(
            'the options do not match --figure: curves needs --runs, 4 needs --suite or --boxes, '
            '5 and 6 need --suite'
        )
    args.seeds = numbers(parser, '--seeds', args.seeds)
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Draw the figure."""
    args = parse_args(argv)

    from rich.console import Console

    from mmsxm.reproduction.attention_gallery import draw_attention
    from mmsxm.reproduction.level_figure import draw_box_levels, draw_levels
    from mmsxm.reproduction.reproduction import Reproduction
    from mmsxm.reproduction.suites import find_suite
    from mmsxm.reproduction.training_curves import draw_attention_losses, draw_curves

    draw_for_suite = {'4': draw_levels, '5': draw_attention, '6': draw_attention_losses}
    out = args.out or Path('results')
    if args.runs:
        paths = draw_curves(args.runs, out)
    elif args.boxes:
        paths = draw_box_levels(args.boxes, out)
    else:
        suite = find_suite(args.suite)
        out = args.out or out / suite.stem
        work_dir = args.work_dir or f'work_dirs/reproduce/{suite.stem}'
        reproduction = Reproduction(suite, work_dir, out / 'runs')
        paths = draw_for_suite[args.figure](reproduction, args.seeds, out)
    for path in paths:
        Console().print(f'Wrote {path}')
