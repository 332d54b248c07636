"""Draw training samples as the network sees them: image, boxes, ellipses and level."""

from collections.abc import Sequence
from pathlib import Path

from mmsxm.cli.arguments import add_cfg_options, make_parser


def main(argv: Sequence[str] | None = None) -> None:
    """Draw samples to one picture."""
    parser = make_parser('browse', __doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--phase', choices=['train', 'val', 'test'], default='train')
    parser.add_argument('--number', type=int, default=16, help='number of images')
    parser.add_argument(
        '--epoch', type=int, default=0, help='epoch whose random crops and flips are shown'
    )
    parser.add_argument('--out', type=Path, default='work_dirs/browse.png', help='output picture')
    add_cfg_options(parser)
    args = parser.parse_args(argv)

    import mmcv

    from mmsxm.training.browsing import browse
    from mmsxm.training.config import load_config
    from mmsxm.visualization.overlays import sheet

    cfg = load_config(args.config, options=args.cfg_options)
    pictures = browse(cfg, args.phase, args.number, args.epoch)
    mmcv.imwrite(sheet(pictures)[..., ::-1], str(args.out))
    print(f'Wrote {len(pictures)} images of the {args.phase} set to {args.out}')
