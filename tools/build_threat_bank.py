"""Build a bank of items for ThreatImageProjection: the same as ``mmsxm threat-bank``."""

from mmsxm.cli.main import run

if __name__ == '__main__':
    run('threat-bank')
