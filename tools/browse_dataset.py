"""Draw the images that the network sees: the same as ``mmsxm browse``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('browse')
