"""Lookup of checkpoints by file or work directory."""

from pathlib import Path

import pytest

from mmsxm.engine.checkpoints import find_checkpoint


def test_a_file_is_its_own_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / 'weights.pth'
    path.touch()
    assert find_checkpoint(path) == str(path)


def test_a_work_dir_gives_its_latest_checkpoint(tmp_path: Path) -> None:
    for epoch in (1, 2):
        path = tmp_path / f'epoch_{epoch}.pth'
        path.touch()
        (tmp_path / 'last_checkpoint').write_text(str(path))
    assert find_checkpoint(tmp_path) == str(path)


def test_a_work_dir_without_a_record_gives_its_last_epoch(tmp_path: Path) -> None:
    for epoch in (9, 10):
        (tmp_path / f'epoch_{epoch}.pth').touch()
    assert find_checkpoint(tmp_path) == str(tmp_path / 'epoch_10.pth')


def test_the_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HOME', str(tmp_path))
    (tmp_path / 'weights.pth').touch()
    assert find_checkpoint('~/weights.pth') == str(tmp_path / 'weights.pth')


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('', r'^There is no checkpoint at .*: it is a folder without a checkpoint\. Name a '),
        ('absent', r'^There is no checkpoint at .*/absent\. Name a checkpoint, or the work dir'),
    ],
)
def test_a_missing_checkpoint_is_an_error(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=message):
        find_checkpoint(tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r'checkpoint.*\. Train it first$'):
        find_checkpoint(tmp_path / name, 'Train it first')
