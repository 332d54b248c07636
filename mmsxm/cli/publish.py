"""Write a checkpoint for sharing: weights only, with a digest in the file name."""

from collections.abc import Sequence
from pathlib import Path

from mmsxm.cli.arguments import make_parser


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the arguments and publish."""
    parser = make_parser('publish', __doc__)
    parser.add_argument(
        'checkpoint', type=Path, help='checkpoint, or a work directory to use its latest one'
    )
    parser.add_argument('out', type=Path, help='output file; a digest is added to its name')
    args = parser.parse_args(argv)

    from mmsxm.inference.publishing import publish

    print(f'Published as {publish(args.checkpoint, args.out)}')
