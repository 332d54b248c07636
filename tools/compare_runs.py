"""Compare two sets of training runs: the same as ``mmsxm compare-runs``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('compare-runs')
