"""Train a network: the same as ``mmsxm train``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('train')
