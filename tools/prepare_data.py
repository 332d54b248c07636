"""Copy a dataset with smaller images: the same as ``mmsxm prepare``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('prepare')
