"""Review screened bags on a web page, the riskiest first, and record decisions.

mmsxm review --model CONFIG_OR_EXPORT                          # drop images on the page
mmsxm review --results results.jsonl                           # from mmsxm screen
mmsxm review --results results.jsonl --model CONFIG_OR_EXPORT

With a network, the page also shows attention. Decisions are appended to --log. With --alarms-only,
bags without an alarm are never shown. See docs/review.md.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmsxm.cli.arguments import add_address_options, add_device_option, check_port, make_parser


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser('review', __doc__)
    parser.add_argument('--results', type=Path, help='results file of mmsxm screen')
    parser.add_argument(
        '--model',
        metavar='CONFIG_OR_EXPORT',
        help='config, name of a model, or exported .onnx or .xml file',
    )
    parser.add_argument(
        '--checkpoint', help='checkpoint of the config, or a work directory to use its latest one'
    )
    parser.add_argument(
        '--log',
        type=Path,
        default=Path('decisions.jsonl'),
        help='decision log (default: %(default)s)',
    )
    parser.add_argument(
        '--alarms-only', action='store_true', help='never show bags without an alarm'
    )
    add_device_option(parser)
    add_address_options(parser, 7860)
    parser.add_argument(
        '--allow-host',
        action='append',
        default=[],
        metavar='NAME',
        help='host name under which a proxy or other machines reach the page; repeatable',
    )
    args = parser.parse_args(argv)
    if not (args.results or args.model):
        parser.error('give --results, --model, or both')
    check_port(parser, args.port)
    if args.results and not args.results.is_file():
        parser.error(
            f'{args.results} is not a file: set --results to a results file of mmsxm screen'
        )
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Serve the page until stopped."""
    args = parse_args(argv)

    from mmsxm.inference.backends import load_backend
    from mmsxm.io.addresses import is_loopback, listen, url_of
    from mmsxm.review.server import serve
    from mmsxm.review.session import Session

    backend = None
    if args.model:
        backend = load_backend(args.model, args.checkpoint, device=args.device)
    session = Session(args.log, backend, args.results)
    with listen(args.host, args.port, 'The page') as listener:
        if not is_loopback(listener.getsockname()[0]):
            print(
                f'Warning: everyone who reaches {args.host} can see the bags and decide on them. '
                'Put a proxy with a login in front of the page.',
                file=sys.stderr,
            )
        print(f'Review page: {url_of(listener)} (stop it with Ctrl-C)', flush=True)
        serve(session, listener, args.allow_host, args.alarms_only)
