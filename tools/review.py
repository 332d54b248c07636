"""Serve the review page: the same as ``mmsxm review``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('review')
