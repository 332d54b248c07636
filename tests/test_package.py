"""The package itself: where its files are, and what its import needs."""

import subprocess
import sys

from mmsxm import PACKAGE


def test_one_module_names_the_folder_of_configs_and_tools() -> None:
    naming = [path for path in PACKAGE.rglob('*.py') if "'.mim'" in path.read_text()]
    assert naming == [PACKAGE / '__init__.py']


def test_the_command_imports_nothing_that_must_be_installed() -> None:
    """-S leaves the installed packages out."""
    code = f'import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); import mmsxm.__main__'
    command = [sys.executable, '-I', '-S', '-c', f'{code}, mmsxm.doctor']
    assert subprocess.run(command, check=False).returncode == 0
