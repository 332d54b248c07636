"""Train and test across scanners: the same as ``mmsxm cross-scanner``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('cross-scanner')
