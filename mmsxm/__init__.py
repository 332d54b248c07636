"""SXMNet for X-ray images of bags: a plugin for MMEngine and MMPretrain.

Import only the standard library here, so that ``mmsxm doctor`` runs in a broken environment.
"""

import os
from pathlib import Path

__all__ = ['CONFIGS', 'MIM', 'PACKAGE', '__version__']

__version__ = '0.1.0'

# folders of the installation
PACKAGE = Path(__file__).resolve().parent
MIM = PACKAGE / '.mim'  # links in a clone, files in a wheel
CONFIGS = (MIM / 'configs').resolve()

# ONNX Runtime reports its use to Microsoft unless this is set before its import
os.environ.setdefault('ORT_DISABLE_TELEMETRY', '1')
