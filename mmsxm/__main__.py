"""All tools by one command, wherever the package is installed: ``mmsxm train CONFIG``.

Only the standard library is imported here, so that ``mmsxm doctor`` runs where nothing else does.
"""

import ast
import difflib
import os
import runpy
import sys
from pathlib import Path

from mmsxm import __version__
from mmsxm.paths import MIM, PACKAGE


def find_tools() -> dict[str, Path]:
    """The file behind each command, by the command's name."""
    files = [PACKAGE / 'doctor.py', *MIM.glob('demo/*.py')]
    files += [path for path in MIM.glob('tools/*') if path.suffix in ('.py', '.sh')]
    return {path.stem: path for path in sorted(files, key=lambda path: path.stem)}


def summary(path: Path) -> str:
    """What a tool does: the first line of its docstring, or of a shell script's comment."""
    text = path.read_text(encoding='utf-8')
    if path.suffix == '.sh':
        return text.splitlines()[1].lstrip('# ')
    return (ast.get_docstring(ast.parse(text)) or '').split('\n', 1)[0]


def overview(tools: dict[str, Path]) -> str:
    """The answer to ``mmsxm --help``."""
    width = max(map(len, tools))
    lines = (f'  {name:{width}}  {summary(path)}' for name, path in tools.items())
    return '\n'.join(
        (
            'usage: mmsxm TOOL ...',
            '',
            *lines,
            '',
            'mmsxm TOOL --help tells more. A config may lie anywhere; one that does not is taken',
            f'from {MIM / "configs"}: configs/demo/resnet18.py, or resnet18.py alone.',
        )
    )


def run(name: str, path: Path, args: list[str]) -> None:
    """Run a tool as ``python tools/<name>.py`` does; what it can't import ends in a sentence."""
    if path.suffix == '.sh':
        os.environ.setdefault('PYTHON', sys.executable)
        os.execvp('bash', ['bash', str(path), *args])
    sys.argv = [str(path), *args]
    try:
        runpy.run_path(str(path), run_name='__main__')
    except ImportError as error:
        if (error.name or '').split('.')[0] == 'mmsxm':  # a fault of ours
            raise
        sys.exit(
            f'mmsxm {name}: {error}\n'
            '`mmsxm doctor` says what this environment lacks, and the command that mends it.'
        )


def main() -> None:
    """Run the tool that the command line names."""
    name, *args = sys.argv[1:] or ['--help']
    tools = find_tools()
    if name in ('-h', '--help'):
        print(overview(tools))
    elif name == '--version':
        print(__version__)
    elif name in tools:
        run(name, tools[name], args)
    else:
        close = difflib.get_close_matches(name.removesuffix('.py').replace('-', '_'), tools)
        hint = f'Did you mean {" or ".join(close)}?' if close else 'mmsxm --help lists all.'
        sys.exit(f'mmsxm: there is no tool {name}. {hint}')


if __name__ == '__main__':
    main()
