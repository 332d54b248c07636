"""Test a checkpoint: the same as ``mmsxm test``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('test')
