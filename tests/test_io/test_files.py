import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mmsxm.io.files import atomic_file, atomic_write, sha256


def test_the_sha256_of_a_file(tmp_path: Path) -> None:
    (tmp_path / 'abc').write_bytes(b'abc')
    assert sha256(tmp_path / 'abc').startswith('ba7816bf8f01cfea')  # FIPS 180-2, B.1


@contextmanager
def no_room() -> Iterator[None]:
    """Limit the size of files to 1,000 bytes, also of one that takes pytest's output."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_keeps_the_old_file_and_leaves_no_other(tmp_path: Path) -> None:
    path = tmp_path / 'new' / 'file'
    atomic_write(path, b'old')
    complaint = r'new/file could not .* needs 1,001 bytes, and [\d,]+ are'
    with no_room(), pytest.raises(OSError, match=complaint):
        atomic_write(path, bytes(1001))
    assert path.read_bytes() == b'old'
    assert os.listdir(path.parent) == ['file']


def test_an_interruption_leaves_no_temporary_file(tmp_path: Path) -> None:
    def stop() -> None:
        with atomic_file(tmp_path / 'file') as unfinished:
            unfinished.touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(('sync', 'steps'), [(True, ['sync', 'name']), (False, ['name'])])
def test_content_is_synced_before_the_rename(
    sync: bool, steps: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(os, 'fsync', lambda _: done.append('sync'))
    monkeypatch.setattr(os, 'replace', lambda *_: done.append('name'))
    atomic_write(tmp_path / 'file', b'', sync)
    assert done == steps


def test_leftovers_of_a_killed_process_are_overwritten(tmp_path: Path) -> None:
    (tmp_path / 'file.part').write_bytes(b'half')
    atomic_write(tmp_path / 'file', b'whole', alone=True)
    assert os.listdir(tmp_path) == ['file']
