"""The command ``mmsxm``, in its own process if that matters."""

import ast
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mmsxm import __version__
from mmsxm.cli import main as command

ROOT = Path(__file__).resolve().parents[1]
PYTHON_COMMANDS = [name for name in command.COMMANDS if command.find_module(name).suffix == '.py']


def mmsxm(*args: str, cwd: Path, bare: bool = False, **env: str) -> subprocess.CompletedProcess:
    """Run the command in a folder; ``bare`` runs without any installed package."""
    bare_python = [sys.executable, '-S'] if bare else [sys.executable]
    return subprocess.run(
        [*bare_python, '-m', 'mmsxm', *args],
        cwd=cwd,
        env={**os.environ, 'PYTHONPATH': str(ROOT), **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_lists_every_command_with_its_summary(tmp_path: Path) -> None:
    done = mmsxm(cwd=tmp_path, bare=True)
    assert done.returncode == 0, done.stderr
    assert mmsxm('--help', cwd=tmp_path, bare=True).stdout == done.stdout
    listed = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if line[:2] == '  ')
    assert tuple(listed) == command.COMMANDS
    assert all(line.endswith('.') for line in listed.values())
    assert listed['train'] == 'Train a network from its config; --stages trains Stage I first.'


def test_every_module_is_a_command_and_every_file_of_tools_runs_one() -> None:
    modules = {path.stem for path in (ROOT / 'mmsxm' / 'cli').glob('*.py')}
    shared = {'__init__', 'arguments', 'main'}
    assert {
        name.replace('-', '_') for name in PYTHON_COMMANDS if name != 'doctor'
    } == modules - shared
    run = {
        ast.literal_eval(path.read_text().split('run(')[1].split(')')[0])
        for path in (ROOT / 'tools').glob('*.py')
    }
    assert run == {name for name in PYTHON_COMMANDS if name != 'doctor'}


@pytest.mark.parametrize('name', [name for name in PYTHON_COMMANDS if name != 'doctor'])
def test_help_loads_neither_torch_nor_openmmlab(name: str, tmp_path: Path) -> None:
    """Importing them takes seconds."""
    code = (
        'import sys\n'
        'from mmsxm.cli.main import run\n'
        f'try: run({name!r}, ["--help"])\n'
        'finally: print("loaded:", *{"torch", "mmengine", "mmcv", "mmpretrain"} & {*sys.modules})'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f'usage: mmsxm {name} ')
    assert done.stdout.splitlines()[-1].strip() == 'loaded:'


def test_a_terminal_shows_no_output_of_other_packages(tmp_path: Path) -> None:
    """OneDL packages report a missing optional package, and mmcv warns about its light build."""
    done = mmsxm('complexity', 'configs/demo/resnet18.py', '--size', '64', '64', cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ''
    assert [line.split()[-1] for line in done.stdout.splitlines()] == [
        'config',
        'configs/demo/resnet18.py',
    ]


def test_version(tmp_path: Path) -> None:
    assert mmsxm('--version', cwd=tmp_path, bare=True).stdout == f'{__version__}\n'


def test_the_doctor_runs_where_nothing_is_installed(tmp_path: Path) -> None:
    done = mmsxm('doctor', cwd=tmp_path, bare=True)
    assert done.returncode == 1, done.stderr
    assert 'fix it with: pip install' in done.stdout


@pytest.mark.parametrize(
    ('typed', 'meant'),
    [('browse_datset', 'browse'), ('tarin', 'train'), ('compare-set', 'compare-sets')],
)
def test_a_similar_command_is_suggested(tmp_path: Path, typed: str, meant: str) -> None:
    done = mmsxm(typed, cwd=tmp_path, bare=True)
    assert done.returncode == 1
    assert done.stderr == f'mmsxm: there is no command {typed}. Did you mean {meant}?\n'


def test_an_unknown_command_refers_to_the_list(tmp_path: Path) -> None:
    assert (
        'Run `mmsxm --help` to list all commands.' in mmsxm('qqq', cwd=tmp_path, bare=True).stderr
    )


def test_names_of_the_files_in_tools_still_work(tmp_path: Path) -> None:
    for typed, name in (('check_dataset', 'check'), ('compare_sets', 'compare-sets')):
        assert mmsxm(typed, '--help', cwd=tmp_path).stdout.startswith(f'usage: mmsxm {name} ')


def test_a_missing_package_ends_in_one_message(tmp_path: Path) -> None:
    done = mmsxm('train', 'configs/demo/resnet18.py', cwd=tmp_path, bare=True)
    assert done.returncode == 1
    assert 'Traceback' not in done.stderr
    assert "mmsxm train: No module named 'torch'\nRun `mmsxm doctor`: it lists" in done.stderr


@pytest.fixture
def own_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that replaces the module of the command ``complexity``."""

    def write(text: str) -> None:
        (tmp_path / 'complexity.py').write_text(text)
        sys.modules.pop('mmsxm.cli.complexity', None)
        path = [str(tmp_path), *sys.modules['mmsxm.cli'].__path__]
        monkeypatch.setattr('mmsxm.cli.__path__', path)

    yield write
    sys.modules.pop('mmsxm.cli.complexity', None)


def test_arguments_and_exit_code_are_passed_through(
    own_command: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    own_command('def main(argv):\n    print(*argv)\n    return 3\n')
    with pytest.raises(SystemExit) as stop:
        command.run('complexity', ['--to', 'the world'])
    assert stop.value.code == 3
    assert capsys.readouterr().out == '--to the world\n'


def test_characters_that_the_output_cannot_encode_are_escaped(
    own_command: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    own_command("def main(argv):\n    print('Größe, \u526a\u5200', flush=True)\n")
    output = io.BytesIO()
    monkeypatch.setattr(sys, 'stdout', io.TextIOWrapper(output, encoding='cp1252', newline=''))
    command.run('complexity', [])
    assert output.getvalue() == 'Größe, '.encode('cp1252') + b'\\u526a\\u5200\n'


def test_a_defect_keeps_its_traceback(own_command: Callable[[str], None]) -> None:
    own_command('from mmsxm.io.files import nothing_of_that_name\n')
    with pytest.raises(ImportError, match='nothing_of_that_name'):
        command.run('complexity', [])


def test_a_command_can_use_another_exit_code_for_failures(
    own_command: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The default exit code 1 of Python would mean an alarm, or an error in the data."""
    monkeypatch.setitem(command.FAILURES, 'complexity', 2)
    for text, message in (
        ('def main(argv):\n    return 1 / 0\n', 'ZeroDivisionError'),
        ("raise ImportError('libGL.so.1')\n", 'libGL.so.1'),
    ):
        own_command(text)
        with pytest.raises(SystemExit) as stop:
            command.run('complexity', [])
        assert stop.value.code == 2
        assert message in capsys.readouterr().err


def test_launchers_use_the_python_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, 'environ', dict(os.environ))
    os.environ.pop('PYTHON', None)
    started: list[str] = []
    monkeypatch.setattr(os, 'execvp', lambda program, args: started.extend(args) or sys.exit())
    with pytest.raises(SystemExit):
        command.run('dist-train', ['config.py', '2'])
    script = command.MIM / 'tools' / 'dist_train.sh'
    assert started == ['bash', str(script), 'config.py', '2']
    assert os.environ['PYTHON'] == sys.executable
