"""Draw what the network sees after the transforms: image, boxes, ellipses, level."""

import argparse
from pathlib import Path

import mmcv
from mmengine.config import DictAction

from mmsxm.apis.browsing import browse
from mmsxm.apis.mistakes import told_in_a_sentence
from mmsxm.apis.running import load_config
from mmsxm.visualization.overlays import sheet


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='the config file')
    parser.add_argument('--phase', choices=['train', 'val', 'test'], default='train')
    parser.add_argument('--number', type=int, default=16, help='how many images')
    parser.add_argument('--epoch', type=int, default=0, help='whose crops and flips to show')
    parser.add_argument(
        '--out', type=Path, default='work_dirs/browse.png', help='the picture to write'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, help='settings to override, key=value'
    )
    args = parser.parse_args()

    cfg = load_config(args.config, options=args.cfg_options)
    pictures = browse(cfg, args.phase, args.number, args.epoch)
    mmcv.imwrite(sheet(pictures)[..., ::-1], str(args.out))
    print(f'{len(pictures)} images of the {args.phase} set drawn to {args.out}')


if __name__ == '__main__':
    with told_in_a_sentence():
        main()
