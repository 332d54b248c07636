"""Export a network: the same as ``mmsxm export``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('export')
