"""The installed command: ``mmsxm TOOL``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmsxm import __main__ as command
from mmsxm import __version__

ROOT = Path(__file__).resolve().parents[1]


def mmsxm(*args: str, cwd: Path, bare: bool = False, **env: str) -> subprocess.CompletedProcess:
    """Run the command in a folder; ``bare`` where nothing but Python is installed."""
    bare_python = [sys.executable, '-S'] if bare else [sys.executable]
    return subprocess.run(
        [*bare_python, '-m', 'mmsxm', *args],
        cwd=cwd,
        env={**os.environ, 'PYTHONPATH': str(ROOT), **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_lists_every_tool_with_what_it_does(tmp_path: Path) -> None:
    done = mmsxm(cwd=tmp_path, bare=True)
    assert done.returncode == 0, done.stderr
    assert mmsxm('--help', cwd=tmp_path, bare=True).stdout == done.stdout
    listed = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if line[:2] == '  ')
    tools = [path for path in (ROOT / 'tools').iterdir() if path.suffix in ('.py', '.sh')]
    assert set(listed) == {path.stem for path in tools} | {'doctor', 'review'}
    assert all(line.endswith('.') for line in listed.values())
    assert (
        listed['train']
        == 'Train a network from its config; with --stages, the stage before it first.'
    )


def test_version(tmp_path: Path) -> None:
    assert mmsxm('--version', cwd=tmp_path, bare=True).stdout == f'{__version__}\n'


def test_the_doctor_runs_where_nothing_is_installed(tmp_path: Path) -> None:
    done = mmsxm('doctor', cwd=tmp_path, bare=True)
    assert done.returncode == 1, done.stderr
    assert 'mend it with: pip install' in done.stdout


def test_a_tool_of_another_name_is_suggested(tmp_path: Path) -> None:
    for typed in ('browse-dataset', 'browse_datset', 'browse_dataset.py'):
        done = mmsxm(typed, cwd=tmp_path, bare=True)
        assert done.returncode == 1
        said = f'mmsxm: there is no tool {typed}. Did you mean browse_dataset'
        assert done.stderr.startswith(said)
    assert 'mmsxm --help lists all' in mmsxm('qqq', cwd=tmp_path, bare=True).stderr


def test_what_a_tool_lacks_ends_in_a_sentence(tmp_path: Path) -> None:
    done = mmsxm('train', 'configs/demo/resnet18.py', cwd=tmp_path, bare=True)
    assert done.returncode == 1
    assert 'Traceback' not in done.stderr
    assert "mmsxm train: No module named 'mmengine'\n`mmsxm doctor` says" in done.stderr


@pytest.fixture
def own_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tool that says how it was called, in an installation of its own."""
    monkeypatch.setattr(command, 'MIM', tmp_path)
    monkeypatch.setattr(sys, 'argv', ['mmsxm', 'hello', '--to', 'the world'])
    monkeypatch.setattr(os, 'environ', dict(os.environ))
    path = tmp_path / 'tools' / 'hello.py'
    path.parent.mkdir()
    return path


def test_arguments_and_exit_code_are_the_tools(
    own_tool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_tool.write_text('import sys\nprint(__name__, *sys.argv, sep=chr(10))\nsys.exit(3)\n')
    with pytest.raises(SystemExit) as stop:
        command.main()
    assert stop.value.code == 3
    assert capsys.readouterr().out.splitlines() == ['__main__', str(own_tool), '--to', 'the world']


def test_a_fault_of_ours_keeps_its_traceback(own_tool: Path) -> None:
    own_tool.write_text('from mmsxm.files import nothing_of_that_name\n')
    with pytest.raises(ImportError, match='nothing_of_that_name'):
        command.main()


def test_launchers_take_the_python_of_the_command(
    own_tool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_tool.with_suffix('.sh').touch()
    os.environ.pop('PYTHON', None)
    started: list[str] = []
    monkeypatch.setattr(os, 'execvp', lambda program, args: started.extend(args) or sys.exit())
    with pytest.raises(SystemExit):
        command.main()
    assert started == ['bash', str(own_tool.with_suffix('.sh')), '--to', 'the world']
    assert os.environ['PYTHON'] == sys.executable
