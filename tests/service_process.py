"""mmsxm serve in a process of its own, for tests of signals, addresses and updates."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from service_output import printed_address

# a station has neither PyTorch nor OpenMMLab
COMMAND = (
    'import sys; sys.modules.update(dict.fromkeys(("torch", "mmengine", "mmcv", "mmpretrain")));'
    'from mmsxm.cli.main import run; run("serve")'
)


def start(*args: object) -> subprocess.Popen[str]:
    """Start the command."""
    return subprocess.Popen(
        [sys.executable, '-c', COMMAND, *map(str, args)], stderr=subprocess.PIPE, text=True
    )


@contextmanager
def running(*args: object, port: int = 0) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the command, by default on any port; yield its process and address."""
    process = start(*args, '--port', port)
    try:
        assert process.stderr is not None
        yield process, printed_address(process.stderr)
    finally:
        process.kill()
        process.wait()
