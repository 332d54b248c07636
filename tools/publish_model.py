"""Publish a checkpoint: the same as ``mmsxm publish``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('publish')
