"""Run the demo: the same as ``mmsxm demo``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('demo')
