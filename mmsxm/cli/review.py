"""Review screened bags on a page: the riskiest first, for an operator who decides.

mmsxm review --model CONFIG_OR_EXPORT                          # drop images on the page
mmsxm review --results results.jsonl                           # written by mmsxm screen
mmsxm review --results results.jsonl --model CONFIG_OR_EXPORT

With a network, the page also shows attention. Decisions are appended to --log. See docs/review.md.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmsxm.cli.arguments import make_parser


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser('review', __doc__)
    parser.add_argument('--results', type=Path, help='a file of mmsxm screen')
    parser.add_argument(
        '--model',
        metavar='CONFIG_OR_EXPORT',
        help='a config, the name of a model, or an exported .onnx or .xml',
    )
    parser.add_argument('--checkpoint', help='of the config; a work dir for its latest one')
    parser.add_argument(
        '--log', type=Path, default=Path('decisions.jsonl'), help='of decisions; %(default)s'
    )
    parser.add_argument('--device', help='for torch, such as cuda:0; a GPU where there is one')
    parser.add_argument('--host', default='127.0.0.1', help='address to listen on; %(default)s')
    parser.add_argument('--port', type=int, default=7860, help='%(default)s')
    args = parser.parse_args(argv)
    if not (args.results or args.model):
        parser.error('give --results, --model, or both')
    if args.results and not args.results.is_file():
        parser.error(f'there is no file {args.results}: --results names a file of mmsxm screen')
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Serve the page until it is stopped."""
    args = parse_args(argv)

    from mmsxm.inference.backends import load_backend
    from mmsxm.review.app import serve
    from mmsxm.review.session import Session

    backend = None
    if args.model:
        backend = load_backend(args.model, args.checkpoint, device=args.device)
    serve(Session(args.log, backend, args.results), args.host, args.port)
