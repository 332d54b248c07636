import re
from collections import Counter
from pathlib import Path

import pytest

from mmsxm.training.config import load_config
from mmsxm.training.installed_configs import CONFIGS, find_config


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in another folder than that of the project, as users do."""
    monkeypatch.chdir(tmp_path)


def test_configs_are_found_by_the_names_in_the_documentation() -> None:
    for name in ('configs/demo/resnet18.py', 'demo/resnet18.py', 'resnet18.py'):
        assert find_config(name) == CONFIGS / 'demo/resnet18.py'


def test_a_user_file_takes_precedence(tmp_path: Path) -> None:
    own = tmp_path / 'configs' / 'demo' / 'resnet18.py'
    own.parent.mkdir(parents=True)
    own.touch()
    assert find_config('configs/demo/resnet18.py').samefile(own)
    assert find_config('resnet18.py') == CONFIGS / 'demo/resnet18.py'


def test_config_names_are_unique() -> None:
    names = Counter(path.name for path in CONFIGS.rglob('*.py') if '_base_' not in path.parts)
    assert names.most_common(1)[0][1] == 1


@pytest.mark.parametrize(
    ('name', 'meant'),
    [
        ('configs/sxmnet_sixray_stage_2.py', 'configs/sxmnet_sixray_stage2.py'),
        ('configs/chr_sixray.py', 'configs/baselines/chr_sixray.py'),  # of another folder
        ('/nowhere/resnet18.py', 'configs/demo/resnet18.py'),
    ],
)
def test_a_missing_config_is_named_with_a_suggestion(name: str, meant: str) -> None:
    with pytest.raises(
        FileNotFoundError, match=re.escape(f'no config file {name}. Did you mean')
    ) as error:
        find_config(name)
    assert str(error.value).endswith(f'{meant}?')


@pytest.mark.parametrize(
    'name', ['', '.', 'configs', '../setup.py', 'configs/_base_/models/fpn.py']
)
def test_only_configs_are_found(name: str) -> None:
    with pytest.raises(FileNotFoundError):
        find_config(name)


def test_a_config_of_a_project_inherits_from_an_installed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv('MMSXM_CONFIGS', raising=False)
    config = tmp_path / 'longer.py'
    config.write_text(
        "_base_ = '{{$MMSXM_CONFIGS:configs}}/demo/resnet18.py'\ntrain_cfg = dict(max_epochs=77)\n"
    )
    cfg = load_config(config)
    assert cfg.train_cfg.max_epochs == 77
    assert cfg.model == load_config('demo/resnet18.py').model
