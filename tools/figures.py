"""Draw figures of the paper: the same as ``mmsxm figures``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('figures')
