"""Errors that a user can fix print one line; bugs keep their traceback."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mmsxm.engine.optim import merge_groups
from mmsxm.errors import exit_on_user_error
from mmsxm.registry import DATASETS
from mmsxm.training.config import load_config


def test_an_error_of_this_package_ends_the_program_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, exit_on_user_error('mmsxm train', 2):
        load_config(tmp_path / 'absent.py')
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith('mmsxm train: There is no config file ')


@pytest.mark.usefixtures('scope')
def test_text_added_by_a_registry_is_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cfg = dict(type='mmsxm.SIXray', data_root=str(tmp_path))
    with pytest.raises(SystemExit), exit_on_user_error('mmsxm train'):
        DATASETS.build(cfg)
    message = capsys.readouterr().err
    assert 'there is no ' in message
    assert 'class `SIXray`' not in message


def test_a_system_error_names_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), exit_on_user_error('mmsxm review'):
        (tmp_path / 'none.jsonl').read_text()
    assert capsys.readouterr().err == (
        f'mmsxm review: {tmp_path}/none.jsonl: No such file or directory\n'
    )


@pytest.mark.parametrize(
    'defect',
    [
        lambda: int('three'),
        lambda: merge_groups([{}]),  # a KeyError inside the package
    ],
)
def test_defects_keep_their_traceback(defect: Callable[[], object]) -> None:
    with pytest.raises((ValueError, KeyError)), exit_on_user_error('mmsxm train'):
        defect()


def test_a_config_with_a_missing_base(tmp_path: Path) -> None:
    (tmp_path / 'own.py').write_text("_base_ = './coco_xray_none.py'")
    with pytest.raises(FileNotFoundError, match=r'own\.py builds on .*coco_xray_none\.py, which'):
        load_config(tmp_path / 'own.py')
