"""Make a checkpoint fit to hand on: weights alone, with a digest in the file's name."""

import argparse
from pathlib import Path

from mmsxm.apis.mistakes import told_in_a_sentence
from mmsxm.apis.publishing import publish


def main() -> None:
    """Publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', type=Path, help='a checkpoint, or a work dir for its latest')
    parser.add_argument('out', type=Path, help='the file to write; a digest joins its name')
    args = parser.parse_args()
    print(f'Published as {publish(args.checkpoint, args.out)}')


if __name__ == '__main__':
    with told_in_a_sentence():
        main()
