"""Options of the command line that are merged or rejected."""

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import OPTIMIZERS

from mmsxm.training import config_options
from mmsxm.training.config import load_config

ROOT = Path(__file__).resolve().parents[2]
STAGE2 = ROOT / 'configs/sxmnet_sixray_stage2.py'
OWN = ROOT / 'configs/sxmnet_own_stage2.py'
PLAIN = ROOT / 'configs/baselines/resnet50_sixray.py'


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the logged lines."""
    logged: list[str] = []
    monkeypatch.setattr(config_options, 'print_log', lambda text, *_: logged.append(text))
    return logged


@pytest.mark.parametrize(
    ('option', 'meant'),
    [
        ('train_cfg.max_epoch', 'train_cfg.max_epochs'),
        ('optim_wraper.optimizer.lr', 'optim_wrapper.optimizer.lr'),
        ('optim_wrapper.optimizer.momentm', 'optim_wrapper.optimizer.momentum'),
        ('optim_wrapper.accumulative_count', 'optim_wrapper.accumulative_counts'),
        ('train_dataloader.batchsize', 'train_dataloader.batch_size'),
        ('train_dataloader.dataset.pipeline.3.scales', 'train_dataloader.dataset.pipeline.3.scale'),
        ('model.head.loss_meta_wight', 'model.head.loss_meta_weight'),
        ('model.data_preprocessor.men', 'model.data_preprocessor.mean'),
        ('randomness.sed', 'randomness.seed'),
        ('resum', 'resume'),
        # of classes with **kwargs, and of places without a class
        ('train_dataloader.dataset.positive_only', 'train_dataloader.dataset.positives_only'),
        ('default_hooks.checkpoint.save_bst', 'default_hooks.checkpoint.save_best'),
        ('param_scheduler.milestone', 'param_scheduler.milestones'),
        ('default_hooks.chekpoint.interval', 'default_hooks.checkpoint.interval'),
        # valid in another place
        ('max_epochs', 'train_cfg.max_epochs'),
        ('lr', 'optim_wrapper.optimizer.lr'),
    ],
)
def test_a_misspelled_option_is_rejected_with_a_suggestion(option: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f'^{option}: ') as raised:
        load_config(STAGE2, options={option: 1})
    assert f'Did you mean {meant}?' in str(raised.value)


@pytest.mark.parametrize(
    ('config', 'option', 'places'),
    [
        (STAGE2, 'image_set', 'train_dataloader.dataset.image_set, val_dataloader.dataset.image_'),
        (STAGE2, 'train_pipeline', 'Set train_dataloader.dataset.pipeline, '),
        (STAGE2, 'resize.0.scale', 'train_dataloader.dataset.pipeline.3, '),
        (OWN, 'data.data_root', 'train_dataloader.dataset.data_root, val_dataloader.dataset.data'),
        (OWN, 'classes', 'train_dataloader.dataset.metainfo.classes'),
        (OWN, 'num_classes', 'model.data_preprocessor.num_classes, model.head.num_classes'),
    ],
)
def test_a_variable_of_the_config_file_is_rejected_with_the_places_to_set(
    config: Path, option: str, places: str
) -> None:
    with pytest.raises(ValueError, match='is a variable of the config file') as raised:
        load_config(config, options={option: 1})
    assert places in str(raised.value)


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ('train_dataloader.dataset.pipeline.30.scale', r'has 8 entries\..* not add one'),
        ('train_dataloader.dataset.pipeline.scale', r'has 8 entries'),
        ('custom_hooks.0.type', r'has 0 entries'),
        ('train_dataloader.dataset.pipeline.0', r'has several settings. Set one of them, such'),
        ('model.backbone.depth.of', r'model\.backbone\.depth is 50, which has no settings'),
        ('test_evaluator.0.thr', r'MeanAveragePrecision has no setting thr\. .* prefix'),
        ('train_dataloader.dataset.pipeline.2.size', r'IntuitiveMetaLevel .* It has no settings'),
        ('something', r'the config has no setting something\. Its settings are .* work_dir'),
    ],
)
def test_other_options_that_nothing_reads_are_rejected(option: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_config(STAGE2, options={option: 1})


@pytest.mark.parametrize(
    'options',
    [
        {'experiment_name': 'mine', 'resume': True, 'find_unused_parameters': True},
        {'default_hooks.ema.type': 'EMAHook', 'default_hooks.ema.momentum': 1e-4},
        {'default_hooks.checkpoint.rule': 'greater', 'default_hooks.timer.priority': 'LOW'},
        {'optim_wrapper.clip_grad.max_norm': 35, 'optim_wrapper.accumulative_counts': 2},
        {'train_dataloader.drop_last': True, 'val_cfg.fp16': True},
        {'train_dataloader.dataset.pipeline.3.scale': (64, 64)},
        {'model.backbone.with_cp': True, 'model_wrapper_cfg.type': 'MMDistributedDataParallel'},
        {'compile.options.max_autotune': True, 'log_processor.by_epoch': True},
        {'train_cfg.by_epoch': False, 'train_cfg.max_iters': 3},
        {'train_dataloader.dataset.whatever': 1},  # may be for a base class that mmengine builds
    ],
)
def test_options_can_set_settings_that_the_config_omits(options: dict[str, Any]) -> None:
    cfg = load_config(STAGE2, options=options)
    flat = Config(dict(options))
    for option in options:
        node: Any = cfg
        for key in option.split('.'):
            node = node[int(key)] if isinstance(node, list) else node[key]
        assert node == flat[option]


def test_an_option_can_replace_none() -> None:
    neck = {'type': 'mmsxm.FPN', 'in_channels': [8], 'out_channels': 4}
    options = {f'model.neck.{key}': value for key, value in neck.items()}
    assert load_config(PLAIN, options=options).model.neck == neck


def test_options_can_be_dicts() -> None:
    loader = dict(num_workers=2, batch_size=4)
    assert (
        load_config(STAGE2, options={'train_dataloader': loader}).train_dataloader.batch_size == 4
    )
    with pytest.raises(ValueError, match=r'mean train_dataloader\.batch_size\?'):
        load_config(STAGE2, options={'train_dataloader': dict(batch_sise=4)})


def test_a_new_optimizer_type_drops_settings_it_does_not_accept(lines: list[str]) -> None:
    options = {'optim_wrapper.optimizer.type': 'AdamW', 'optim_wrapper.optimizer.lr': 1e-3}
    optimizer = load_config(STAGE2, options=options).optim_wrapper.optimizer
    assert optimizer == dict(type='AdamW', lr=1e-3, weight_decay=1e-4, fused=True)
    weights = [torch.nn.Parameter(torch.zeros(1))]
    assert isinstance(OPTIMIZERS.build(dict(params=weights, **optimizer)), torch.optim.AdamW)
    (line,) = lines
    assert line == (
        'optim_wrapper.optimizer: dropped momentum, nesterov, which AdamW does not accept.'
    )
    with pytest.raises(ValueError, match='AdamW has no setting momentum'):
        load_config(STAGE2, options={**options, 'optim_wrapper.optimizer.momentum': 0.9})


def test_a_variable_without_known_readers_is_set_with_a_warning(
    lines: list[str],
) -> None:
    assert load_config(STAGE2, options={'threats': 'mine'}).threats == 'mine'
    assert 'may have no effect' in lines[0]
