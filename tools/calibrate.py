"""Choose thresholds: the same as ``mmsxm calibrate``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('calibrate')
