"""Make a checkpoint fit to hand on: weights alone, with a digest in the file's name."""

from collections.abc import Sequence
from pathlib import Path

from mmsxm.cli.arguments import make_parser


def main(argv: Sequence[str] | None = None) -> None:
    """Publish."""
    parser = make_parser('publish', __doc__)
    parser.add_argument('checkpoint', type=Path, help='a checkpoint, or a work dir for its latest')
    parser.add_argument('out', type=Path, help='the file to write; a digest joins its name')
    args = parser.parse_args(argv)

    from mmsxm.inference.publishing import publish

    print(f'Published as {publish(args.checkpoint, args.out)}')
