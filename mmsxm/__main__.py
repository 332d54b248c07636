"""``python -m mmsxm``, the same as the command ``mmsxm``."""

from mmsxm.cli.main import main

if __name__ == '__main__':
    main()
