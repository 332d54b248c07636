"""Screen images of bags: the same as ``mmsxm screen``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('screen')
