"""Commands run in a fork of the test process, which has already imported everything.

A new interpreter needs seconds to import PyTorch and mmpretrain. test_command.py and the test of
the wheel check that a tool starts in a new one.
"""

import multiprocessing
import os
import runpy
import sys
import tempfile
from multiprocessing import forkserver
from pathlib import Path
from subprocess import CompletedProcess

ROOT = Path(__file__).resolve().parents[1]


def run_tool(tool: str, *args: object, cwd: Path = ROOT, **env: str) -> CompletedProcess[str]:
    """Run ``tools/<tool>`` like ``subprocess.run``: exit status, stdout and stderr."""
    with tempfile.TemporaryFile('w+') as out, tempfile.TemporaryFile('w+') as errors:

        def work() -> None:
            os.chdir(cwd)
            os.environ.update(env)
            for stream, file in ((1, out), (2, errors)):
                os.dup2(file.fileno(), stream)
            sys.stdout, sys.stderr = (os.fdopen(number, 'w', closefd=False) for number in (1, 2))
            # a fork server that an earlier test started is not a child of this process
            server = forkserver._forkserver
            server._forkserver_pid = server._forkserver_alive_fd = None
            server._forkserver_address = None
            sys.argv = [f'tools/{tool}', *map(str, args)]
            runpy.run_path(str(ROOT / 'tools' / tool), run_name='__main__')

        process = multiprocessing.get_context('fork').Process(target=work)
        process.start()
        process.join()
        texts = []
        for file in (out, errors):
            file.seek(0)
            texts.append(file.read())
    return CompletedProcess([tool, *map(str, args)], process.exitcode or 0, *texts)
