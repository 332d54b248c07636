"""One setting for the mapping of gray values in all pipelines, kept in checkpoints."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mmengine.config import Config

from mmsxm.engine.hooks.pixel_mapping import PixelMappingHook
from mmsxm.engine.pixel_mapping import (
    LOADER,
    adopt_trained_mapping,
    config_mapping,
    require_trained_mapping,
    trained_mapping,
)
from mmsxm.imaging.pixel_mapping import UPPER_BITS, PixelMapping
from mmsxm.imaging.preprocessing import Preprocessing
from mmsxm.reproduction.settings_digest import digest
from mmsxm.training.config import load_config

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
CONFIG = CONFIGS / 'evidence_sixray.py'
WINDOW = {'window': (0, 4095)}


def loaders(cfg: Config) -> list[Any]:
    pipelines = [cfg[f'{split}_dataloader'].dataset.pipeline for split in ('train', 'val', 'test')]
    return [t for pipeline in pipelines for t in pipeline if t.type == LOADER]


def meta(**settings: object) -> dict[str, str]:
    return {'cfg': load_config(CONFIG, options=settings).pretty_text}


def test_a_setting_reaches_all_pipelines_and_screening(tmp_path: Path) -> None:
    path = tmp_path / 'leaf.py'
    path.write_text(f"_base_ = '{CONFIG}'\nwindow = (0, 4095)\npseudo_color = 'opixray'\n")
    cfg = load_config(path)
    mapping = PixelMapping((0, 4095), 'opixray')
    assert [PixelMapping.from_dict(loader) for loader in loaders(cfg)] == [mapping] * 3
    assert Preprocessing.from_config(cfg).mapping == mapping
    assert Preprocessing.from_dict(Preprocessing.from_config(cfg).to_dict()).mapping == mapping


def test_without_a_setting_nothing_changes() -> None:
    cfg = load_config(CONFIG)
    assert all(set(loader) == {'type'} for loader in loaders(cfg))
    assert set(Preprocessing.from_config(cfg).to_dict()) == {
        'size',
        'interpolation',
        'background',
        'margin',
    }


def test_our_reader_is_the_same_setting_as_that_of_earlier_runs() -> None:
    cfg, earlier = load_config(CONFIG), load_config(CONFIG)
    for loader in loaders(earlier):
        loader.type = 'LoadImageFromFile'
    assert digest(cfg) == digest(earlier)
    assert digest(load_config(CONFIG, options=WINDOW)) != digest(cfg)


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ({'window': (9, 1)}, 'low < high'),
        ({'window': 'wide'}, 'two numbers'),
        ({'pseudo_color': 'rainbow'}, 'Choose one of'),
    ],
)
def test_an_invalid_setting_is_refused(option: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_config(CONFIG, options=option)


def test_a_pipeline_that_mmcv_reads_is_refused() -> None:
    pipeline = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]
    options = {'val_dataloader.dataset.pipeline': pipeline, **WINDOW}
    with pytest.raises(ValueError, match='but val_dataloader has 0'):
        load_config(CONFIG, options=options)


def test_a_runner_that_ignores_the_setting_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / 'leaf.py'
    path.write_text(f"_base_ = '{CONFIG}'\nwindow = (0, 4095)\n")
    hook = PixelMappingHook()
    hook.before_run(SimpleNamespace(cfg=load_config(path)))
    hook.before_run(SimpleNamespace(cfg=Config.fromfile(CONFIG)))
    with pytest.raises(ValueError, match='train_dataloader does not: the setting was not applied'):
        hook.before_run(SimpleNamespace(cfg=Config.fromfile(path)))


def test_a_copy_of_a_config_can_be_reset_to_the_default(tmp_path: Path) -> None:
    copy = tmp_path / 'copy.py'
    load_config(CONFIG, options={**WINDOW, 'pseudo_color': 'opixray'}).dump(copy)
    default = {'window': None, 'pseudo_color': UPPER_BITS.pseudo_color}
    cfg = load_config(copy, options=default)
    assert [PixelMapping.from_dict(loader) for loader in loaders(cfg)] == [UPPER_BITS] * 3
    assert trained_mapping({'cfg': cfg.pretty_text}) == UPPER_BITS
    assert digest(cfg) == digest(load_config(CONFIG))


def test_a_default_that_is_set_allows_other_readers() -> None:
    pipeline = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]
    load_config(CONFIG, options={'val_dataloader.dataset.pipeline': pipeline, 'window': None})


def test_a_runner_whose_pipelines_have_a_mapping_of_their_own_is_stopped() -> None:
    cfg = load_config(CONFIG)
    loaders(cfg)[1].window = (0, 9)
    with pytest.raises(ValueError, match=r'val_dataloader does not: the setting was not applied'):
        PixelMappingHook().before_run(SimpleNamespace(cfg=cfg))


def test_a_checkpoint_contains_its_mapping() -> None:
    assert trained_mapping(meta(**WINDOW)) == PixelMapping((0, 4095))
    assert trained_mapping(meta()) == UPPER_BITS
    assert trained_mapping({}) is None
    assert trained_mapping({'cfg': 'window = open("x")'}) is None


def test_a_config_without_a_mapping_takes_that_of_the_checkpoint() -> None:
    cfg = load_config(CONFIG)
    adopt_trained_mapping(cfg, meta(**WINDOW), 'demo', 'a.pth')
    assert config_mapping(cfg) == PixelMapping((0, 4095))
    assert Preprocessing.from_config(cfg).mapping == PixelMapping((0, 4095))
    untouched = load_config(CONFIG, options=WINDOW)
    adopt_trained_mapping(untouched, {}, 'demo', 'weights.pth')
    assert config_mapping(untouched) == PixelMapping((0, 4095))


@pytest.mark.parametrize('check', [adopt_trained_mapping, require_trained_mapping])
@pytest.mark.parametrize('trained', [{}, {'window': (0, 9)}])
def test_another_mapping_than_in_training_is_refused(check: Any, trained: dict[str, Any]) -> None:
    cfg = load_config(CONFIG, options=WINDOW)
    with pytest.raises(ValueError, match=r'a.pth was trained with window=.*demo has window=\(0, 4'):
        check(cfg, meta(**trained), 'demo', 'a.pth')


def test_a_test_needs_the_mapping_of_the_checkpoint() -> None:
    with pytest.raises(ValueError, match='was trained with'):
        require_trained_mapping(load_config(CONFIG), meta(**WINDOW), 'demo', 'a.pth')


@pytest.mark.parametrize('resumes', [True, False])
def test_training_resumes_with_its_own_mapping_and_warns_of_a_start_from_another_one(
    resumes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(
        'mmsxm.engine.hooks.pixel_mapping.print_log', lambda message, *_: logged.append(message)
    )
    cfg = load_config(CONFIG, options=WINDOW)
    runner = SimpleNamespace(cfg=cfg, _train_loop=object(), _resume=resumes, _load_from='a.pth')
    hook = PixelMappingHook()
    hook.after_load_checkpoint(runner, {'meta': meta(**WINDOW)})
    hook.after_load_checkpoint(runner, {'state_dict': {}})
    assert logged == []
    message = r'a\.pth was trained with window=None.* has window=\(0'
    if resumes:
        with pytest.raises(ValueError, match=message):
            hook.after_load_checkpoint(runner, {'meta': meta()})
    else:
        hook.after_load_checkpoint(runner, {'meta': meta()})
        assert re.search(message, logged[0])
