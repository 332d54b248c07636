"""Serve a network over HTTP: the same as ``mmsxm serve``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('serve')
