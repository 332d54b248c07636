"""Reproduce tables of the paper: the same as ``mmsxm reproduce``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('reproduce')
