"""Let atheris look for files that lead a parser into code that no other one has reached.

pip install atheris    # on Linux; it has wheels for some versions of Python
python tests/fuzz/guided_run.py --parser 'boxes (xml)' --seconds 300

It stops at the first defect and leaves the file behind, as crash-<digest>. What reached new code is
kept, and the next run starts from it.
"""

import argparse
import sys
from pathlib import Path
from random import Random

PACKAGES = ['mmsxm', 'xml', 'csv', 'json', 'PIL', 'zipfile', 'numpy.lib']  # to look into
SEEDS = 200  # damaged files to begin with


def main() -> None:
    """Fuzz one parser."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--parser', required=True, help='a name of tests/fuzz/parsers.py')
    parser.add_argument('--seconds', type=int, default=60)
    parser.add_argument(
        '--folder', type=Path, default='work_dirs/fuzz', help='for what it found; %(default)s'
    )
    args = parser.parse_args()
    try:
        import atheris
    except ImportError:
        sys.exit('guided_run.py: pip install atheris')
    with atheris.instrument_imports(include=PACKAGES):
        from feeding import Fed
        from parsers import PARSERS
    if args.parser not in PARSERS:
        sys.exit(f'guided_run.py: there is no {args.parser!r}: choose from {", ".join(PARSERS)}')

    chosen = PARSERS[args.parser]
    folder = args.folder / args.parser.replace(' ', '_')
    corpus = folder / 'corpus'
    corpus.mkdir(parents=True, exist_ok=True)
    for number in range(SEEDS):
        (corpus / str(number)).write_bytes(chosen.inputs(Random(number)))

    def one(data: bytes) -> None:
        fed = Fed(chosen, folder, data)
        if fed.foreign and fed.error:
            raise fed.error

    limits = [f'-max_total_time={args.seconds}', '-timeout=10', '-rss_limit_mb=4096']
    places = [f'-artifact_prefix={folder}/', str(corpus)]
    atheris.Setup([sys.argv[0], *limits, *places], one)
    atheris.Fuzz()  # and leave


if __name__ == '__main__':
    main()
