"""Compare two sets of X-ray images: the same as ``mmsxm compare-sets``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('compare-sets')
