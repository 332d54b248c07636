from collections.abc import Callable
from pathlib import Path

import pytest

from mmsxm.apis.mistakes import told_in_a_sentence
from mmsxm.apis.running import load_config
from mmsxm.engine.optim import merge_groups
from mmsxm.registry import DATASETS


def test_what_we_say_ends_the_program_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended, told_in_a_sentence():
        load_config(tmp_path / 'absent.py')
    assert str(ended.value.code).split(': ')[1].startswith('There is no config file ')


@pytest.mark.usefixtures('scope')
def test_a_registry_that_raises_it_again_is_left_out(tmp_path: Path) -> None:
    cfg = dict(type='mmsxm.SIXray', data_root=str(tmp_path))
    with pytest.raises(SystemExit) as ended, told_in_a_sentence():
        DATASETS.build(cfg)
    said = str(ended.value.code)
    assert 'there is no ' in said
    assert 'class `SIXray`' not in said


@pytest.mark.parametrize(
    'defect',
    [
        lambda: int('three'),
        lambda: merge_groups([{}]),  # a key that our code looks up in vain
    ],
)
def test_defects_keep_their_traceback(defect: Callable[[], object]) -> None:
    with pytest.raises((ValueError, KeyError)), told_in_a_sentence():
        defect()


def test_a_config_that_builds_on_none(tmp_path: Path) -> None:
    (tmp_path / 'own.py').write_text("_base_ = './coco_xray_none.py'")
    with pytest.raises(FileNotFoundError, match=r'own\.py builds on .*coco_xray_none\.py, which'):
        load_config(tmp_path / 'own.py')
