"""Check the datasets of a config: the same as ``mmsxm check``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('check')
