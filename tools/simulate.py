"""Simulate datasets of X-ray images of bags: the same as ``mmsxm simulate``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('simulate')
