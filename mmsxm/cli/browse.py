"""Draw what the network sees after the transforms: image, boxes, ellipses, level."""

from collections.abc import Sequence
from pathlib import Path

from mmsxm.cli.arguments import add_cfg_options, make_parser


def main(argv: Sequence[str] | None = None) -> None:
    """Draw."""
    parser = make_parser('browse', __doc__)
    parser.add_argument('config', help='the config file')
    parser.add_argument('--phase', choices=['train', 'val', 'test'], default='train')
    parser.add_argument('--number', type=int, default=16, help='how many images')
    parser.add_argument('--epoch', type=int, default=0, help='whose crops and flips to show')
    parser.add_argument(
        '--out', type=Path, default='work_dirs/browse.png', help='the picture to write'
    )
    add_cfg_options(parser)
    args = parser.parse_args(argv)

    import mmcv

    from mmsxm.training.browsing import browse
    from mmsxm.training.config import load_config
    from mmsxm.visualization.overlays import sheet

    cfg = load_config(args.config, options=args.cfg_options)
    pictures = browse(cfg, args.phase, args.number, args.epoch)
    mmcv.imwrite(sheet(pictures)[..., ::-1], str(args.out))
    print(f'{len(pictures)} images of the {args.phase} set drawn to {args.out}')
