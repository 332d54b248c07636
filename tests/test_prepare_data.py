"""The command line of prepared copies."""

import shutil
from collections.abc import Callable
from pathlib import Path

from forked_tools import run_tool


def test_a_copy_is_made_and_its_losses_are_named(
    simulate: Callable[..., Path], tmp_path: Path
) -> None:
    raw, copy = tmp_path / 'raw', tmp_path / 'copy'
    shutil.copytree(simulate(4, 2, negatives=3), raw)
    (raw / 'JPEGImage' / 'N00002.jpg').write_bytes(b'no image')
    done = run_tool('prepare_data.py', 'sixray', raw, copy, '--size', 48)
    assert done.returncode == 1
    last = done.stdout.strip().splitlines()[-1]
    assert last.startswith(f'{copy}: prepared 8 images and verified 0 in ')
    assert f'{raw}/JPEGImage/N00002.jpg: the file is not an image' in done.stderr
    assert 'mmsxm prepare: skipped 1 unreadable images' in done.stderr
    assert 'Traceback' not in done.stderr

    (raw / 'JPEGImage' / 'N00002.jpg').unlink()
    done = run_tool('prepare_data.py', 'sixray', raw, copy, '--size', 48)
    assert done.returncode == 0, done.stderr
    assert 'prepared 0 images and verified 8 in' in done.stdout
