"""One setting for the input size of all pipelines."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from mmsxm.engine.hooks.input_size import InputSizeHook
from mmsxm.engine.input_size import crop_sizes
from mmsxm.training.config import load_config

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


def sizes(cfg: Config) -> set[tuple[int, int]]:
    pipelines = [cfg[f'{split}_dataloader'].dataset.pipeline for split in ('train', 'val', 'test')]
    resized = [t.scale[0] for pipeline in pipelines for t in pipeline if t.type == 'Resize']
    return set(zip(resized, 3 * list(crop_sizes(cfg)), strict=True))


@pytest.fixture
def leaf(tmp_path: Path) -> Path:
    path = tmp_path / 'leaf.py'
    path.write_text(f"_base_ = '{CONFIGS}/evidence_sixray.py'\ninput_size = 320\n")
    return path


def test_a_config_sets_the_size_of_all_pipelines(leaf: Path) -> None:
    assert sizes(load_config(leaf)) == {(366, 320)}


def test_an_option_sets_the_size() -> None:
    cfg = load_config(CONFIGS / 'sxmnet_sixray_stage2.py', options={'input_size': 448})
    assert sizes(cfg) == {(512, 448)}


def test_without_the_setting_sizes_stay() -> None:
    assert sizes(load_config(CONFIGS / 'evidence_sixray.py')) == {(256, 224)}


@pytest.mark.parametrize('size', [0, 'large', 2.5, True])
def test_what_is_not_a_size_is_refused(size: object) -> None:
    with pytest.raises(ValueError, match='positive number of pixels'):
        load_config(CONFIGS / 'evidence_sixray.py', options={'input_size': size})


def test_other_spellings_of_sizes_and_views_are_set_too(leaf: Path) -> None:
    with leaf.open('a') as file:
        file.write(
            'tta_pipeline = [\n'
            '    dict(type="Resize", scale=256),\n'
            '    dict(type="mmsxm.CenterCrop", crop_size=[224, 224]),\n'
            ']\n'
        )
    cfg = load_config(leaf)
    assert [cfg.tta_pipeline[0].scale, cfg.tta_pipeline[1].crop_size] == [(366, 366), 320]
    assert crop_sizes(cfg) == {320}


def test_a_wrapped_dataset_is_refused(leaf: Path) -> None:
    with leaf.open('a') as file:
        file.write(
            'train_dataloader = dict(dataset=dict(\n'
            '    _delete_=True, type="RepeatDataset", times=2,\n'
            '    dataset=dict(type="mmsxm.SIXray")))\n'
        )
    with pytest.raises(ValueError, match='wrapped dataset has its own'):
        load_config(leaf)


def test_a_pipeline_without_a_crop_is_refused(leaf: Path) -> None:
    with leaf.open('a') as file:
        file.write('train_dataloader = dict(dataset=dict(pipeline=[dict(type="PackInputs")]))\n')
    with pytest.raises(ValueError, match='train_dataloader has 0 and 0'):
        load_config(leaf)


def test_a_runner_that_ignores_the_setting_is_stopped(leaf: Path) -> None:
    hook = InputSizeHook()
    hook.before_run(SimpleNamespace(cfg=load_config(leaf)))
    with pytest.raises(ValueError, match='input_size=320, but a pipeline crops to 224'):
        hook.before_run(SimpleNamespace(cfg=Config.fromfile(leaf)))
