"""Errors that a user can fix print one line; bugs keep their traceback."""

import ntpath
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.config import Config

from mmsxm.cli import screen, train
from mmsxm.engine.optim import merge_groups
from mmsxm.errors import exit_on_user_error
from mmsxm.io.safe_parsing import parse_json
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
    assert message.startswith('mmsxm train: The list ')
    assert ' does not exist' in message
    assert 'class `SIXray`' not in message


def test_a_system_error_names_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), exit_on_user_error('mmsxm review'):
        (tmp_path / 'none.jsonl').read_text()
    assert capsys.readouterr().err == (
        f'mmsxm review: {tmp_path}/none.jsonl: No such file or directory\n'
    )


def _fail_while_handling_another_error() -> None:
    try:
        parse_json('{')
    except ValueError:
        int('three')


@pytest.mark.parametrize(
    'defect',
    [
        _fail_while_handling_another_error,
        lambda: int('three'),
        lambda: merge_groups([{}]),  # a KeyError inside the package
    ],
)
def test_defects_keep_their_traceback(defect: Callable[[], object]) -> None:
    with pytest.raises((ValueError, KeyError)), exit_on_user_error('mmsxm train'):
        defect()


def test_a_config_with_a_missing_base(tmp_path: Path) -> None:
    (tmp_path / 'own.py').write_text("_base_ = './coco_xray_none.py'")
    with pytest.raises(
        FileNotFoundError, match=r'own\.py builds on .*coco_xray_none\.py, which does'
    ):
        load_config(tmp_path / 'own.py')


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('README.md', '# mmsxm', r'README\.md is not a config: its name must end in'),
        ('own.py', 'model = dict(', r'own\.py is not a valid config: .*Fix that line'),
    ],
)
def test_a_file_that_is_not_a_config(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        load_config(tmp_path / name)


@pytest.mark.parametrize('option', ['max_epochs', 'a=[1,2'])
def test_an_option_that_is_not_key_and_value(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        train.parse_args(['config.py', '--cfg-options', option])
    assert ended.value.code == 2
    assert f'--cfg-options {option}: use key=value' in capsys.readouterr().err


def test_results_and_their_table_are_two_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table would replace the results."""
    out = str(tmp_path / 'r.jsonl')
    with pytest.raises(SystemExit):
        screen.parse_args([str(tmp_path), '--model', 'a.onnx', '--out', out, '--csv', out])
    assert 'must be different files' in capsys.readouterr().err


def test_a_pattern_of_names_contains_no_folder_of_this_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    required = [str(tmp_path), '--model', 'a.onnx', '--out', str(tmp_path / 'r.jsonl')]
    for pattern in ('day/*.png', ''):
        with pytest.raises(SystemExit):
            screen.parse_args([*required, '--include', pattern])
        assert f'invalid --include {pattern!r}' in capsys.readouterr().err
    assert screen.parse_args([*required, '--include', 'day\\*.png']).include == ['day\\*.png']
    monkeypatch.setattr(os.path, 'basename', ntpath.basename)
    with pytest.raises(SystemExit):
        screen.parse_args([*required, '--include', 'day\\*.png'])


def test_scaling_rates_needs_a_batch_size_to_scale_from() -> None:
    args = train.parse_args(['config.py', '--auto-scale-lr'])
    with pytest.raises(ValueError, match='Set auto_scale_lr=dict'):
        train.apply_flags(Config(dict(auto_scale_lr=None)), args)
