"""Convert ImageNet weights: the same as ``mmsxm convert-weights``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('convert-weights')
