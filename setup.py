"""Everything static stands in pyproject.toml; this file adds ``mmsxm/.mim``.

MIM reads it, and so does the command ``mmsxm``.
"""

import os
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.egg_info import egg_info

ROOT = Path(__file__).resolve().parent


class EggInfoWithMim(egg_info):
    """Link configs and tools into the package, where setuptools collects files.

    Every kind of installation runs ``egg_info`` first: editable, wheel and sdist.
    """

    def run(self) -> None:
        """Make ``mmsxm/.mim`` anew, then go on."""
        mim = ROOT / 'mmsxm' / '.mim'
        shutil.rmtree(mim, ignore_errors=True)
        mim.mkdir()
        for name in ('configs', 'tools', 'model-index.yml'):
            source = ROOT / name
            if not source.exists():
                continue
            try:
                (mim / name).symlink_to(os.path.relpath(source, mim))
            except OSError:  # Windows without the right to make links
                copy = shutil.copytree if source.is_dir() else shutil.copyfile
                copy(source, mim / name)
        super().run()


setup(cmdclass={'egg_info': EggInfoWithMim})
