"""Generate the labels of MF-N: the same as ``mmsxm meta-labels``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('meta-labels')
