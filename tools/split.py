"""Split annotated images into three lists: the same as ``mmsxm split``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('split')
