"""The command ``mmsxm``: one entry point for every command, in a clone or an installed package.

Import only the standard library here, so that ``mmsxm doctor`` runs in a broken environment and
``mmsxm COMMAND --help`` is immediate.
"""

import ast
import difflib
import importlib
import importlib.util
import io
import itertools
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from mmsxm import MIM, PACKAGE, __version__
from mmsxm.errors import exit_on_user_error

__all__ = ['COMMANDS', 'GROUPS', 'find_module', 'main', 'overview', 'run', 'summary']

GROUPS = {
    'Start': ('demo', 'doctor'),
    'Data': (
        'simulate',
        'split',
        'prepare',
        'check',
        'browse',
        'compare-sets',
        'threat-bank',
    ),
    'Train': ('train', 'convert-weights', 'publish', 'meta-labels'),
    'Evaluate': ('test', 'calibrate', 'compare-runs', 'complexity', 'cross-scanner'),
    'Deploy': ('export', 'screen', 'serve', 'review'),
    'Paper': ('reproduce', 'figures'),
    'Launch on many processes': ('dist-train', 'dist-test', 'slurm-train', 'slurm-test'),
}
COMMANDS = tuple(name for names in GROUPS.values() for name in names)
# command names up to version 0.1, after the files in tools/
RENAMED = {
    'prepare_data': 'prepare',
    'check_dataset': 'check',
    'browse_dataset': 'browse',
    'build_threat_bank': 'threat-bank',
    'publish_model': 'publish',
    'generate_meta_labels': 'meta-labels',
}


# exit codes of commands for which 1 has a meaning: an alarm, or errors in the data
FAILURES = {'check': 2, 'screen': 2}


def find_module(name: str) -> Path:
    """Return the file of a command: a module of this package, or a launcher script."""
    if name == 'doctor':
        return PACKAGE / 'doctor.py'
    file = name.replace('-', '_')
    if name.startswith(('dist-', 'slurm-')):
        return MIM / 'tools' / f'{file}.sh'
    return PACKAGE / 'cli' / f'{file}.py'


def description(path: Path) -> str:
    """Return the docstring of a command, or the first comment of its script."""
    text = path.read_text(encoding='utf-8')
    if path.suffix != '.sh':
        return ast.get_docstring(ast.parse(text)) or ''
    comment = itertools.takewhile(lambda line: line.startswith('#'), text.splitlines()[1:])
    return '\n'.join(line.lstrip('# ') for line in comment)


def summary(path: Path) -> str:
    """Return the first line of the description of a command."""
    return description(path).split('\n', 1)[0]


def overview() -> str:
    """Return the text of ``mmsxm --help``."""
    width = max(map(len, COMMANDS))
    lines = ['usage: mmsxm COMMAND ...']
    for title, names in GROUPS.items():
        lines += ['', f'{title}:']
        lines += [
            f'  {name:{width}}  {summary(path)}'
            for name in names
            if (path := find_module(name)).is_file()
        ]
    lines += [
        '',
        'Run `mmsxm COMMAND --help` for the options of a command. If a config is not a file in',
        f'the current folder, it is looked up in {MIM / "configs"}:',
        'configs/demo/resnet18.py, demo/resnet18.py and resnet18.py name the same config.',
        "Configs of your own inherit from '{{$MMSXM_CONFIGS:configs}}/demo/resnet18.py'.",
    ]
    return '\n'.join(lines)


def run(name: str, args: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code.

    User errors and missing packages print a short message to standard error. A failed command exits
    with 1, except those of :data:`FAILURES`.

    Args:
        name: One of :data:`COMMANDS`.
        args: Arguments of the command; by default those of this process.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a file or log of Windows has a code page, which lacks characters of names
        sys.stdout.reconfigure(errors='backslashreplace')
    path = find_module(name)
    args = list(sys.argv[1:] if args is None else args)
    if path.suffix == '.sh':
        os.environ.setdefault('PYTHON', sys.executable)
        os.execvp('bash', ['bash', str(path), *args])
    failure = FAILURES.get(name, 1)  # known before the import, which may fail
    try:
        module = importlib.import_module(
            'mmsxm.doctor' if name == 'doctor' else f'mmsxm.cli.{path.stem}'
        )
        with exit_on_user_error(f'mmsxm {name}', failure):
            code = module.main(args)
    except ImportError as error:
        if (error.name or '').split('.')[0] == 'mmsxm':  # a bug in this package
            raise
        print(
            f'mmsxm {name}: {error}\n'
            'Run `mmsxm doctor`: it lists what is missing and the command that installs it.',
            file=sys.stderr,
        )
        sys.exit(failure)
    except Exception:
        if failure == 1:  # Python exits with 1 by itself
            raise
        traceback.print_exc()
        sys.exit(failure)
    if code:
        sys.exit(code)


def main() -> None:
    """Run the command named on the command line."""
    name, *args = sys.argv[1:] or ['--help']
    name = RENAMED.get(name, name)
    if name.replace('_', '-') in COMMANDS:
        run(name.replace('_', '-'), args)
    elif name in ('-h', '--help'):
        print(overview())
    elif name == '--version':
        print(__version__)
    else:
        typed = name.removesuffix('.py').replace('_', '-')
        known = {old.replace('_', '-'): new for old, new in RENAMED.items()}
        known |= {command: command for command in COMMANDS}
        similar = difflib.get_close_matches(typed, known, n=1)
        hint = (
            f'Did you mean {known[similar[0]]}?'
            if similar
            else 'Run `mmsxm --help` to list all commands.'
        )
        sys.exit(f'mmsxm: there is no command {name}. {hint}')
