"""Makes a bank of items for ThreatImageProjection (docs/threat_projection.md).

From a config's training images, or simulated, which needs no images:

mmsxm threat-bank configs/sxmnet_sixray_stage1.py data/threat_bank.npz
mmsxm threat-bank configs/sxmnet_sixray_stage1.py data/simulated.npz --simulated 100
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmsxm.cli.arguments import add_cfg_options, check_positive, make_parser
from mmsxm.simulation import SCANNERS


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser('threat-bank', __doc__)
    parser.add_argument('config', help='whose training images to cut items from, or whose classes')
    parser.add_argument('out', type=Path, help='the file to write, .npz')
    parser.add_argument('--per-class', type=int, default=300, help='items of a class at most')
    parser.add_argument(
        '--simulated', type=int, metavar='N', help='simulate N items of each class instead'
    )
    parser.add_argument('--scanner', choices=list(SCANNERS), help="of the simulation; the site's")
    parser.add_argument('--seed', type=int, default=0, help='of the simulation')
    parser.add_argument('--sheet', type=Path, help='a picture of all items to write')
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    check_positive(parser, args, ('per_class', 'simulated'))
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Make the bank."""
    args = parse_args(argv)

    import mmcv

    from mmsxm.preparing.threat_bank import (
        counts_by_class,
        cut_bank,
        data_classes,
        draw_bank,
        simulate_bank,
        training_set,
    )
    from mmsxm.training.config import load_config

    cfg = load_config(args.config, options=args.cfg_options)
    if args.simulated:
        bank = simulate_bank(data_classes(cfg), args.simulated, args.scanner, args.seed)
    else:
        bank = cut_bank(training_set(cfg), args.per_class)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    bank.save(args.out)
    if args.sheet:
        mmcv.imwrite(draw_bank(bank)[..., ::-1], str(args.sheet))
    counts = ', '.join(f'{name} {count}' for name, count in counts_by_class(bank).items())
    print(f'{args.out}: {len(bank)} items ({counts}); left out: {bank.header["left_out"]}')
