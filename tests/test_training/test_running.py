import logging
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner

from mmsxm.training.config import (
    DATALOADERS,
    first_stage,
    load_config,
    set_dataloaders,
    use_autocast,
    use_autocast_in_test,
)
from mmsxm.training.test import _TestRunner, use_tta
from mmsxm.training.train import _TrainRunner, finished_epochs, resume, train_stages


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / 'configs' / 'sub' / 'stage2.py'
    path.parent.mkdir(parents=True)
    path.write_text(
        "default_hooks = dict(handover=dict(type='mmsxm.StageTransferHook', "
        "first='configs/sub/stage1.py'))\n"
        "load_from = 'work_dirs/stage1'\n"
        'train_dataloader = dict(batch_size=2, pin_memory=True)\n'
        'val_dataloader = None\n'
        'optim_wrapper = dict(optimizer=dict(lr=0.1))\n'
    )
    return path


def save_epoch(work_dir: Path, epoch: int) -> Path:
    work_dir.mkdir(parents=True, exist_ok=True)
    path = work_dir / f'epoch_{epoch}.pth'
    torch.save({'meta': {'epoch': epoch}, 'state_dict': {}}, path)
    (work_dir / 'last_checkpoint').write_text(str(path))
    return path


# ---------------------------------------------------------------------------- reading


def test_the_work_dir_of_the_command_line_takes_precedence(config_file: Path) -> None:
    assert load_config(config_file).work_dir == 'work_dirs/stage2'
    own = {'work_dir': 'from_config', 'optim_wrapper.optimizer.lr': 0.5}
    cfg = load_config(config_file, options=own)
    assert cfg.work_dir == 'from_config'
    assert cfg.optim_wrapper.optimizer.lr == 0.5
    assert load_config(config_file, work_dir='mine', options=own).work_dir == 'mine'


def test_a_missing_config_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'absent\.py'):
        load_config(tmp_path / 'absent.py')


def test_only_existing_data_loaders_are_changed(config_file: Path) -> None:
    cfg = load_config(config_file)
    set_dataloaders(cfg, pin_memory=False)
    assert cfg.train_dataloader == dict(batch_size=2, pin_memory=False)
    assert cfg.val_dataloader is None


def test_workers_are_not_persistent_if_there_are_none(tmp_path: Path) -> None:
    base = Path(__file__).resolve().parents[2] / 'configs/sxmnet_sixray_stage2.py'
    options = {f'{name}.num_workers': 0 for name in DATALOADERS}
    cfg = load_config(base, options=options)
    for name in DATALOADERS:
        loader = {key: cfg[name][key] for key in ('num_workers', 'persistent_workers')}
        torch.utils.data.DataLoader([0], **loader)
    assert load_config(base).train_dataloader.persistent_workers


@pytest.mark.parametrize(
    ('cuda', 'bfloat16', 'wrapper'),
    [
        (False, False, 'mmsxm.AutocastOptimWrapper'),
        (True, True, 'mmsxm.AutocastOptimWrapper'),
        (True, False, 'AmpOptimWrapper'),
    ],
)
def test_autocast_uses_the_dtype_that_the_device_supports(
    cuda: bool, bfloat16: bool, wrapper: str, config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: cuda)
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda including_emulation: bfloat16)
    optimizer = dict(type='SGD', lr=0.1, fused=True)
    cfg = load_config(config_file, options={'optim_wrapper.optimizer': optimizer})
    use_autocast(cfg)
    assert cfg.optim_wrapper.type == wrapper
    scaled = wrapper == 'AmpOptimWrapper'
    assert ('loss_scale' in cfg.optim_wrapper) == scaled
    assert ('fused' in cfg.optim_wrapper.optimizer) != scaled


@pytest.mark.parametrize(('bfloat16', 'wanted'), [(True, torch.bfloat16), (False, torch.float16)])
def test_a_test_on_a_gpu_uses_the_dtype_of_training(
    bfloat16: bool, wanted: torch.dtype, config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda including_emulation: bfloat16)
    cfg = load_config(config_file, options={'test_cfg': {}})
    use_autocast(cfg)
    assert ('Autocast' in cfg.optim_wrapper.type) == (wanted == torch.bfloat16)
    use_autocast_in_test(cfg)
    assert cfg.test_cfg.fp16
    # the test loop of mmengine sets no dtype, so it uses the default of torch
    monkeypatch.setattr(Runner, 'test', lambda _: torch.get_autocast_dtype('cuda'))
    runner = _TestRunner.__new__(_TestRunner)
    before = torch.get_autocast_dtype('cuda')
    assert runner.test() == wanted
    assert torch.get_autocast_dtype('cuda') == before


@pytest.mark.parametrize('gains', [True, False])
def test_a_test_uses_reduced_precision_if_the_device_supports_it(
    gains: bool, config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('mmsxm.training.config.gains_by_bfloat16', lambda device: gains)
    cfg = load_config(config_file, options={'test_cfg': {}})
    use_autocast_in_test(cfg)
    assert cfg.test_cfg.fp16 is gains


# ---------------------------------------------------------------------------- stages


def test_the_first_stage_is_found_next_to_the_second(config_file: Path) -> None:
    config_file.with_name('stage1.py').touch()
    cfg = load_config(config_file)
    assert first_stage(cfg) == config_file.with_name('stage1.py')
    del cfg.default_hooks['handover']['first']
    assert first_stage(cfg) is None


def test_the_first_stage_of_a_config_in_another_folder(config_file: Path, tmp_path: Path) -> None:
    elsewhere = config_file.rename(tmp_path / 'own.py')
    # relative to the current folder
    assert first_stage(load_config(elsewhere)) == Path('configs/sub/stage1.py')


def test_a_user_folder_can_be_named_configs(tmp_path: Path) -> None:
    own = tmp_path / 'configs' / 'own.py'
    own.parent.mkdir()
    base = Path(__file__).resolve().parents[2] / 'configs/sxmnet_sixray_stage2.py'
    own.write_text(f"_base_ = '{base}'\n")
    first = first_stage(load_config(own))
    assert first is not None
    assert load_config(first).model.get('head') is None  # Stage I, the installed one


def test_finished_epochs(tmp_path: Path) -> None:
    assert finished_epochs(tmp_path / 'absent') == 0
    assert finished_epochs(tmp_path) == 0
    save_epoch(tmp_path, 1)
    path = save_epoch(tmp_path, 2)
    assert finished_epochs(tmp_path) == 2
    path.unlink()  # last_checkpoint still contains its path
    assert finished_epochs(tmp_path) == 1


def test_resuming(config_file: Path, tmp_path: Path) -> None:
    cfg = load_config(config_file, work_dir=str(tmp_path / 'work'))
    resume(cfg)
    # there is nothing to resume yet: training starts as configured
    assert not cfg.get('resume')
    assert cfg.load_from == 'work_dirs/stage1'

    path = save_epoch(tmp_path / 'work', 1)
    resume(cfg)
    assert cfg.resume
    assert cfg.load_from == str(path)

    resume(cfg, str(path))
    assert cfg.resume
    assert cfg.load_from == str(path)


def test_resuming_from_a_work_dir(config_file: Path, tmp_path: Path) -> None:
    path = save_epoch(tmp_path / 'other', 2)
    cfg = load_config(config_file, work_dir=str(tmp_path / 'work'))
    resume(cfg, str(tmp_path / 'other'))
    assert cfg.resume
    assert cfg.load_from == str(path)
    with pytest.raises(FileNotFoundError, match=r'no checkpoint to resume from in .*configs'):
        resume(cfg, str(tmp_path / 'configs'))


@pytest.mark.parametrize(('counts', 'rate'), [(1, 0.05), (4, 0.2)])
def test_the_rate_is_scaled_with_all_images_of_a_step(counts: int, rate: float) -> None:
    runner = _TrainRunner.__new__(_TrainRunner)
    runner.cfg = Config(dict(optim_wrapper=dict(accumulative_counts=counts)))
    runner.logger = logging.getLogger(__name__)
    runner._world_size, runner.param_schedulers = 1, None
    runner._train_dataloader = dict(batch_size=32)
    weights = [torch.nn.Parameter(torch.zeros(1))]
    wrapper = OptimWrapper(torch.optim.SGD(weights, lr=0.1), accumulative_counts=counts)
    runner.scale_lr(wrapper, dict(enable=True, base_batch_size=64))
    assert wrapper.optimizer.param_groups[0]['lr'] == pytest.approx(rate)
    runner.scale_lr(wrapper, dict(enable=False, base_batch_size=64))
    runner.scale_lr(wrapper, None)
    assert wrapper.optimizer.param_groups[0]['lr'] == pytest.approx(rate)


class Trained:
    """Stand-in for ``train`` that saves a checkpoint."""

    def __init__(self) -> None:
        self.work_dirs: list[str] = []
        self.resumed: list[bool] = []

    def __call__(self, cfg: Config) -> None:
        self.work_dirs.append(Path(cfg.work_dir).name)
        self.resumed.append(bool(cfg.get('resume')))
        save_epoch(Path(cfg.work_dir), cfg.train_cfg.max_epochs)


def stages(tmp_path: Path) -> tuple[Config, Config]:
    first = Config(dict(work_dir=str(tmp_path / 's1'), train_cfg=dict(max_epochs=3)))
    second = Config(dict(work_dir=str(tmp_path / 's2'), train_cfg=dict(max_epochs=3)))
    second.load_from = first.work_dir
    return second, first


@pytest.mark.parametrize(
    ('done', 'trained', 'resumed'),
    [(0, ['s1', 's2'], [False, False]), (2, ['s1', 's2'], [True, False]), (3, ['s2'], [False])],
)
def test_only_missing_epochs_of_the_first_stage_are_trained(
    done: int,
    trained: list[str],
    resumed: list[bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = Trained()
    monkeypatch.setattr('mmsxm.training.train.train', calls)
    second, first = stages(tmp_path)
    if done:
        save_epoch(Path(first.work_dir), done)
    train_stages(second, first)
    assert calls.work_dirs == trained
    assert calls.resumed == resumed


def test_stages_with_different_folders_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Trained()
    monkeypatch.setattr('mmsxm.training.train.train', calls)
    second, first = stages(tmp_path)
    second.load_from = str(tmp_path / 'elsewhere' / 'epoch_3.pth')
    with pytest.raises(ValueError, match=r'load_from is .*epoch_3\.pth.*s1\. Remove --stages'):
        train_stages(second, first)
    assert calls.work_dirs == []


def test_stages_with_different_mappings_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Trained()
    monkeypatch.setattr('mmsxm.training.train.train', calls)
    second, first = stages(tmp_path)
    second.window = (0, 4095)
    with pytest.raises(
        ValueError, match=r'window=\(0, 4095\).*Stage I has window=None.*--stage1-options'
    ):
        train_stages(second, first)
    assert calls.work_dirs == []
    first.window = [0, 4095]
    train_stages(second, first)
    assert calls.work_dirs == ['s1', 's2']


# ---------------------------------------------------------------------------- several views


def to_test(head: dict | None, **more: object) -> Config:
    """Return a small config with metrics of each kind."""
    pipeline = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]
    return Config(
        dict(
            model=dict(type='mmsxm.SXMNet', head=head),
            test_dataloader=dict(dataset=dict(pipeline=pipeline)),
            test_evaluator=[
                dict(type='mmsxm.MeanAveragePrecision'),
                dict(type='mmsxm.AttentionLocalization'),
                dict(type='mmsxm.AttentionBySize'),
                dict(type='mmsxm.ClassLocalization'),
            ],
            **more,
        )
    )


def test_tta_skips_metrics_that_read_attention() -> None:
    cfg = to_test(head=dict(type='mmsxm.AverageFusionHead'))
    use_tta(cfg)
    assert [metric.type for metric in cfg.test_evaluator] == ['mmsxm.MeanAveragePrecision']
    assert cfg.model.type == 'mmsxm.MultiLabelTTA'
    assert cfg.model.module.type == 'mmsxm.SXMNet'
    _, views = cfg.test_dataloader.dataset.pipeline
    assert views.type == 'TestTimeAug'


def test_tta_uses_the_views_of_the_config() -> None:
    own = dict(type='mmsxm.MultiLabelTTA', data_preprocessor=dict(mean=[0, 0, 0]))
    pipeline = [dict(type='LoadImageFromFile'), dict(type='TestTimeAug', transforms=[])]
    cfg = to_test(head=dict(type='x'), tta_model=own, tta_pipeline=pipeline)
    use_tta(cfg)
    assert cfg.test_dataloader.dataset.pipeline == pipeline
    assert {key: cfg.model[key] for key in own} == own


def test_tta_requires_scores() -> None:
    with pytest.raises(ValueError, match=r'returns none because it has no head, as in Stage I'):
        use_tta(to_test(head=None))
