"""ONNX Runtime in a process of its own, because it decides at its import what it reports."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('onnxruntime', reason='needs the extra [onnx]')
pytest.importorskip('onnx', reason='needs the extra [onnx]')

from networks import tiny_onnx

CODE = """
import sys
from mmsxm.inference.backends import load_backend
load_backend(sys.argv[1], threads=1)
"""
# each of these turns its telemetry off by itself
QUIET = ('CI', 'GITHUB_ACTIONS', 'ORT_DISABLE_TELEMETRY', 'ORT_RUNNING_UNIT_TESTS')


def test_telemetry_is_off(tmp_path: Path) -> None:
    (tmp_path / 'tiny.onnx').write_bytes(tiny_onnx())
    home = tmp_path / 'home'
    home.mkdir()
    env = {name: value for name, value in os.environ.items() if name not in QUIET}
    env |= {'HOME': str(home), 'XDG_CACHE_HOME': str(home)}
    subprocess.run([sys.executable, '-c', CODE, tmp_path / 'tiny.onnx'], env=env, check=True)
    # with telemetry, ONNX Runtime stores the identifier of the machine and a queue of events here
    assert list(home.rglob('*')) == []
