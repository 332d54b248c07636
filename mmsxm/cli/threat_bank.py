"""Build a bank of items for ThreatImageProjection (docs/threat_projection.md).

Cut the items from the training images of a config, or simulate them, which needs no images:

mmsxm threat-bank configs/sxmnet_sixray_stage1.py data/threat_bank.npz
mmsxm threat-bank configs/sxmnet_sixray_stage1.py data/simulated.npz --simulated 100
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmsxm.cli.arguments import add_cfg_options, check_positive, make_parser
from mmsxm.simulation import SCANNERS


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser('threat-bank', __doc__)
    parser.add_argument(
        'config', help='config with the training images to cut from, or the classes to simulate'
    )
    parser.add_argument('out', type=Path, help='output file, .npz')
    parser.add_argument(
        '--per-class',
        type=int,
        default=300,
        help='maximum number of items per class (default: %(default)s)',
    )
    parser.add_argument(
        '--simulated', type=int, metavar='N', help='simulate N items of each class instead'
    )
    parser.add_argument(
        '--scanner',
        choices=list(SCANNERS),
        help='scanner of the simulation (default: the one for the classes)',
    )
    parser.add_argument('--seed', type=int, default=0, help='seed of the simulation')
    parser.add_argument('--sheet', type=Path, help='also write a picture of all items')
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    check_positive(parser, args, ('per_class', 'simulated'))
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Build the bank."""
    args = parse_args(argv)

    import mmcv

    from mmsxm.engine.pixel_mapping import config_mapping
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
        bank = cut_bank(training_set(cfg), args.per_class, config_mapping(cfg))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    bank.save(args.out)
    if args.sheet:
        mmcv.imwrite(draw_bank(bank)[..., ::-1], str(args.sheet))
    counts = ', '.join(f'{name} {count}' for name, count in counts_by_class(bank).items())
    print(f'Wrote {args.out}: {len(bank)} items ({counts}); skipped: {bank.header["left_out"]}')
