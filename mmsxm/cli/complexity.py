"""Print the multiply-accumulates and parameters of networks, one line per config."""

import json
from collections.abc import Sequence

from mmsxm.cli.arguments import make_parser
from mmsxm.conventions import CROPPED


def main(argv: Sequence[str] | None = None) -> None:
    """Count and print."""
    parser = make_parser('complexity', __doc__)
    parser.add_argument('configs', nargs='+', help='config files')
    parser.add_argument(
        '--size',
        type=int,
        nargs=2,
        metavar=('H', 'W'),
        help=f"image size; by default the config's input_size, or {CROPPED} without one",
    )
    parser.add_argument('--json', action='store_true', help='print one JSON object per line')
    args = parser.parse_args(argv)

    from mmsxm.training.complexity import count
    from mmsxm.training.config import load_config

    if not args.json:
        print(f'{"GMACs":>7}  {"params (M)":>10}  config')
    for path in args.configs:
        cfg = load_config(path)
        side = cfg.get('input_size', CROPPED)
        gmacs, params_m = count(cfg, tuple(args.size or (side, side)))
        if args.json:
            row = {'config': path, 'gmacs': round(gmacs, 3), 'params_m': round(params_m, 3)}
            print(json.dumps(row))
        else:
            print(f'{gmacs:7.3f}  {params_m:10.3f}  {path}')
