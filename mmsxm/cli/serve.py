"""Serve a network over HTTP: images in, the records of mmsxm screen out.

mmsxm serve demo.onnx
mmsxm serve CONFIG CHECKPOINT --host 0.0.0.0 --token-file token.txt

SIGTERM or Ctrl-C stops the service: it answers the requests that it accepted, and exits with 0.
See docs/serving.md.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mmsxm.cli.arguments import (
    add_address_options,
    add_runtime_options,
    check_port,
    check_positive,
    make_parser,
)
from mmsxm.imaging.images import MAX_PIXELS

if TYPE_CHECKING:
    from mmsxm.inference.backends import Backend
    from mmsxm.serving.service import Limits

MEGABYTE = 1_000_000


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser('serve', __doc__)
    parser.add_argument('model', help='config, name of a model, or exported .onnx or .xml file')
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='checkpoint of the config, or a work directory to use its latest one',
    )
    add_address_options(parser, 8000)
    parser.add_argument(
        '--token-file',
        type=Path,
        metavar='FILE',
        help='file with the token that every request must carry, except those to /health',
    )
    parser.add_argument(
        '--insecure',
        action='store_true',
        help='allow requests without a token on an address that other machines can reach',
    )
    add_runtime_options(parser)
    parser.add_argument(
        '--queue',
        type=int,
        default=64,
        help='largest number of queued images; further requests get 503 (default: %(default)s)',
    )
    parser.add_argument(
        '--max-images',
        type=int,
        default=32,
        help='largest number of images per request (default: %(default)s)',
    )
    parser.add_argument(
        '--max-megabytes',
        type=int,
        default=32,
        help='largest request body in megabytes (default: %(default)s)',
    )
    parser.add_argument(
        '--max-pixels',
        type=int,
        default=MAX_PIXELS,
        help='refuse larger images with 413 (default: %(default)s)',
    )
    parser.add_argument(
        '--engine', choices=['local', 'ray'], default='local', help='this machine or a Ray cluster'
    )
    parser.add_argument(
        '--replicas',
        type=int,
        default=1,
        help='networks on the Ray cluster (default: %(default)s)',
    )
    args = parser.parse_args(argv)
    numbers = 'threads workers batch_size queue max_images max_megabytes max_pixels replicas'
    check_positive(parser, args, numbers.split())
    check_port(parser, args.port)
    if args.replicas > 1 and args.engine != 'ray':
        parser.error(f'--replicas {args.replicas} needs --engine ray')
    return args


def serve(args: argparse.Namespace) -> None:
    """Serve with parsed arguments until stopped."""
    try:
        from mmsxm.serving.access import read_token
        from mmsxm.serving.request_guard import accepted_hosts
        from mmsxm.serving.service import Limits, ScreeningService
    except ModuleNotFoundError as error:
        raise ImportError(
            f"mmsxm serve needs {error.name}, which is not installed: pip install 'mmsxm[serve]'"
        ) from error
    from mmsxm.inference.backends import load_backend
    from mmsxm.io.addresses import is_local, listen, url_of

    token = read_token(args.token_file) if args.token_file else None
    if token is None and not args.insecure and not is_local(args.host):
        raise ValueError(
            f'Anyone who can reach {args.host} could use the service. Add --token-file FILE, or '
            '--insecure if a firewall protects it.'
        )
    limits = Limits(args.queue, args.max_images, args.max_megabytes * MEGABYTE, args.max_pixels)
    load = partial(
        load_backend, args.model, args.checkpoint, args.backend, args.device, args.threads
    )
    if args.engine == 'ray':
        serve_on_cluster(args, load, limits, token)
        return
    from mmsxm.serving.app import build_app
    from mmsxm.serving.server import serve

    service = ScreeningService(load(), limits, args.workers, args.batch_size)
    with listen(args.host, args.port) as listener:
        name, url = service.backend.info.name, url_of(listener).rstrip('/')
        print(f'mmsxm serve: {name} on {url}', file=sys.stderr)
        serve(build_app(service, token, accepted_hosts(args.host)), service, listener)
    print(
        f'mmsxm serve: stopped. Requests: {service.accepted} accepted, {service.answered} answered',
        file=sys.stderr,
    )


def serve_on_cluster(
    args: argparse.Namespace, load: 'partial[Backend]', limits: 'Limits', token: str | None
) -> None:
    """Serve with Ray until stopped."""
    from mmsxm.serving.ray_engine import serve_with_ray

    def started() -> None:
        place = f'http://{args.host}:{args.port}'
        print(f'mmsxm serve: {args.replicas} replicas behind {place}', file=sys.stderr)

    serve_with_ray(
        load,
        args.host,
        args.port,
        args.replicas,
        limits=limits,
        workers=args.workers,
        batch_size=args.batch_size,
        token=token,
        started=started,
    )
    print('mmsxm serve: stopped', file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the arguments and serve."""
    serve(parse_args(argv))
