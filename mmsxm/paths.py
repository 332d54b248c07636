"""Where the files of an installation are. Imports only the standard library."""

from pathlib import Path

__all__ = ['CONFIGS', 'MIM', 'PACKAGE']

PACKAGE = Path(__file__).resolve().parent
MIM = PACKAGE / '.mim'  # links in a clone, files in a wheel
CONFIGS = (MIM / 'configs').resolve()
