"""Count operations and parameters: the same as ``mmsxm complexity``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('complexity')
