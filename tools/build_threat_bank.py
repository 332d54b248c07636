"""Makes a bank of items for ThreatImageProjection (docs/threat_projection.md).

From a config's training images, or simulated, which needs no images:

python tools/build_threat_bank.py configs/sxmnet_sixray_stage1.py data/threat_bank.npz
python tools/build_threat_bank.py configs/sxmnet_sixray_stage1.py data/simulated.npz --simulated 100
"""

import argparse
import sys
from pathlib import Path

import mmcv
from mmengine.config import DictAction

from mmsxm.apis.datasets.threat_bank import (
    counts_by_class,
    cut_bank,
    data_classes,
    draw_bank,
    simulate_bank,
    training_set,
)
from mmsxm.apis.running import load_config
from mmsxm.simulation import SCANNERS


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='whose training images to cut items from, or whose classes')
    parser.add_argument('out', type=Path, help='the file to write, .npz')
    parser.add_argument('--per-class', type=int, default=300, help='items of a class at most')
    parser.add_argument(
        '--simulated', type=int, metavar='N', help='simulate N items of each class instead'
    )
    parser.add_argument('--scanner', choices=list(SCANNERS), help="of the simulation; the site's")
    parser.add_argument('--seed', type=int, default=0, help='of the simulation')
    parser.add_argument('--sheet', type=Path, help='a picture of all items to write')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, help='settings to override, key=value'
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    try:
        if args.per_class < 1 or (args.simulated is not None and args.simulated < 1):
            raise ValueError('--per-class and --simulated must be 1 or more')
        cfg = load_config(args.config, options=args.cfg_options)
        if args.simulated:
            bank = simulate_bank(data_classes(cfg), args.simulated, args.scanner, args.seed)
        else:
            bank = cut_bank(training_set(cfg), args.per_class)
    except (ValueError, FileNotFoundError) as error:
        sys.exit(f'build_threat_bank.py: {error}')
    args.out.parent.mkdir(parents=True, exist_ok=True)
    bank.save(args.out)
    if args.sheet:
        mmcv.imwrite(draw_bank(bank)[..., ::-1], str(args.sheet))
    counts = ', '.join(f'{name} {count}' for name, count in counts_by_class(bank).items())
    print(f'{args.out}: {len(bank)} items ({counts}); left out: {bank.header["left_out"]}')


if __name__ == '__main__':
    main()
