"""Where the files of an installation are is known in one place."""

import subprocess
import sys

from mmsxm import paths


def test_one_module_names_the_folder_of_configs_and_tools() -> None:
    naming = [path.name for path in paths.PACKAGE.rglob('*.py') if "'.mim'" in path.read_text()]
    assert naming == ['paths.py']


def test_the_command_imports_nothing_that_must_be_installed() -> None:
    """-S leaves the installed packages out."""
    code = f'import sys; sys.path.insert(0, {str(paths.PACKAGE.parent)!r}); import mmsxm.__main__'
    command = [sys.executable, '-I', '-S', '-c', f'{code}, mmsxm.doctor']
    assert subprocess.run(command, check=False).returncode == 0
