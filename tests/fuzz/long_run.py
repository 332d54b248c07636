"""Feed damaged files to every parser, each in a process of its own, and say what came of it.

python tests/fuzz/long_run.py --inputs 100000
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table

FOUND = Path('work_dirs/fuzz/found')  # files that are defects
WARM = 5000  # inputs until imports and caches count as there


def memory() -> float:
    """What this process holds, in MiB."""
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / 2**20


def feed(name: str, inputs: int, start: int, folder: Path) -> dict:
    """Feed one parser; inputs that are defects are kept in :data:`FOUND`."""
    from feeding import Fed
    from mmengine.logging import MMLogger
    from networks import EXPORTED
    from parsers import PARSERS

    warnings.simplefilter('error', RuntimeWarning)
    parser = (PARSERS | EXPORTED)[name]
    MMLogger.get_current_instance().setLevel('ERROR')
    gc.freeze()  # what is imported: to look through it takes longer than a file
    said = {'name': name, 'inputs': 0, 'ours': 0, 'foreign': 0, 'slowest': 0.0, 'growth': 0.0}
    kinds: dict[str, str] = {}

    before = memory()
    for number in range(inputs):
        data = parser.inputs(Random(start + number))
        fed = Fed(parser, folder, data)
        said['inputs'] += 1
        said['slowest'] = max(said['slowest'], fed.seconds)
        said['ours'] += fed.error is not None and not fed.foreign
        if fed.foreign:
            said['foreign'] += 1
            place = traceback.extract_tb(fed.error.__traceback__)[-1]
            kind = f'{type(fed.error).__name__} at {place.filename}:{place.lineno}'
            if kind not in kinds:
                kept = FOUND / f'{name.replace(" ", "_")}-{start + number}'
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_bytes(data)
                kinds[kind] = f'{kept}: {str(fed.error)[:200]}'
        if number == WARM:
            gc.collect()
            before = memory()
    gc.collect()
    said['growth'] = memory() - before
    return {**said, 'kinds': kinds}


def main() -> None:
    """Feed all, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--inputs', type=int, default=100_000, help='to each; %(default)s')
    parser.add_argument('--only', nargs='+', help='names of parsers')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--one', help=argparse.SUPPRESS)  # in this process
    args = parser.parse_args()
    if args.one:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(feed(args.one, args.inputs, args.seed, Path(folder))))
        return
    from networks import EXPORTED
    from parsers import PARSERS

    table = Table('parser', 'inputs', 'ours', 'foreign', 'slowest (ms)', 'growth (MiB)')
    defects = False
    console = Console(markup=False)
    for name in args.only or PARSERS | EXPORTED:
        command = [sys.executable, __file__, '--one', name]
        command += ['--inputs', str(args.inputs), '--seed', str(args.seed)]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:  # what decoders written in C say of broken files is no news
            said = done.stderr.decode(errors='replace').splitlines()[-5:]
            console.print(f'{name}: the process ended with {done.returncode}', *said, sep='\n')
            defects = True
            continue
        said = json.loads(done.stdout.splitlines()[-1])
        defects |= bool(said['foreign'])
        row = [f'{said[key]:,}' for key in ('inputs', 'ours', 'foreign')]
        row += [f'{1000 * said["slowest"]:.0f}', f'{said["growth"]:+.1f}']
        table.add_row(name, *row)
        console.print(name, *row, sep=' | ')
        for kind, kept in said['kinds'].items():
            console.print(f'    {kind}: {kept}', soft_wrap=True)
    console.print(table)
    sys.exit(defects)


if __name__ == '__main__':
    main()
