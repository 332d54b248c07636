from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmsxm.apis import running


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / 'configs' / 'sub' / 'stage2.py'
    path.parent.mkdir(parents=True)
    path.write_text(
        "default_hooks = dict(handover=dict(type='mmsxm.HandoverHook', "
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


def test_the_work_dir_of_the_command_line_wins(config_file: Path) -> None:
    assert running.load_config(config_file).work_dir == 'work_dirs/stage2'
    own = {'work_dir': 'from_config', 'optim_wrapper.optimizer.lr': 0.5}
    cfg = running.load_config(config_file, options=own)
    assert cfg.work_dir == 'from_config'
    assert cfg.optim_wrapper.optimizer.lr == 0.5
    assert running.load_config(config_file, work_dir='mine', options=own).work_dir == 'mine'


@pytest.mark.parametrize('option', ['optim_wraper.optimizer.lr', 'val_dataloder.batch_size'])
def test_a_misspelt_option_is_refused(option: str, config_file: Path) -> None:
    with pytest.raises(ValueError, match=r'Did you mean (optim_wrapper|val_dataloader)\?'):
        running.load_config(config_file, options={option: 1})


def test_options_may_set_what_the_config_leaves_out(config_file: Path) -> None:
    options = {'randomness.seed': 3, 'resume': True, 'my_own_note': 1}
    cfg = running.load_config(config_file, options=options)
    assert (cfg.randomness.seed, cfg.resume, cfg.my_own_note) == (3, True, 1)


def test_a_missing_config_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'absent\.py'):
        running.load_config(tmp_path / 'absent.py')


def test_data_loaders_are_set_where_there_are_any(config_file: Path) -> None:
    cfg = running.load_config(config_file)
    running.set_dataloaders(cfg, pin_memory=False)
    assert cfg.train_dataloader == dict(batch_size=2, pin_memory=False)
    assert cfg.val_dataloader is None


@pytest.mark.parametrize(
    ('cuda', 'bfloat16', 'wrapper'),
    [
        (False, False, 'mmsxm.AutocastOptimWrapper'),
        (True, True, 'mmsxm.AutocastOptimWrapper'),
        (True, False, 'AmpOptimWrapper'),
    ],
)
def test_autocast_takes_what_the_device_can(
    cuda: bool, bfloat16: bool, wrapper: str, config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: cuda)
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda including_emulation: bfloat16)
    optimizer = dict(type='SGD', lr=0.1, fused=True)
    cfg = running.load_config(config_file, options={'optim_wrapper.optimizer': optimizer})
    running.use_autocast(cfg)
    assert cfg.optim_wrapper.type == wrapper
    scaled = wrapper == 'AmpOptimWrapper'
    assert ('loss_scale' in cfg.optim_wrapper) == scaled
    assert ('fused' in cfg.optim_wrapper.optimizer) != scaled


@pytest.mark.parametrize('gains', [True, False])
def test_a_test_takes_what_the_device_can(
    gains: bool, config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, 'gains_by_bfloat16', lambda device: gains)
    cfg = running.load_config(config_file, options={'test_cfg': {}})
    running.use_autocast_in_test(cfg)
    assert cfg.test_cfg.fp16 is gains


# ---------------------------------------------------------------------------- stages


def test_the_first_stage_lies_beside_the_second(config_file: Path) -> None:
    cfg = running.load_config(config_file)
    assert running.first_stage(cfg) == config_file.with_name('stage1.py')
    del cfg.default_hooks['handover']['first']
    assert running.first_stage(cfg) is None


def test_the_first_stage_of_a_config_that_lies_elsewhere(config_file: Path, tmp_path: Path) -> None:
    elsewhere = config_file.rename(tmp_path / 'own.py')
    # then seen from where the tool runs
    assert running.first_stage(running.load_config(elsewhere)) == Path('configs/sub/stage1.py')


def test_finished_epochs(tmp_path: Path) -> None:
    assert running.finished_epochs(tmp_path / 'absent') == 0
    assert running.finished_epochs(tmp_path) == 0
    save_epoch(tmp_path, 1)
    path = save_epoch(tmp_path, 2)
    assert running.finished_epochs(tmp_path) == 2
    path.unlink()  # last_checkpoint still names it
    assert running.finished_epochs(tmp_path) == 1


def test_resuming(config_file: Path, tmp_path: Path) -> None:
    cfg = running.load_config(config_file, work_dir=str(tmp_path / 'work'))
    running.resume(cfg)
    # there is nothing yet to resume: training begins where the config says
    assert not cfg.get('resume')
    assert cfg.load_from == 'work_dirs/stage1'

    path = save_epoch(tmp_path / 'work', 1)
    running.resume(cfg)
    assert cfg.resume
    assert cfg.load_from == str(path)

    running.resume(cfg, str(path))
    assert cfg.resume
    assert cfg.load_from == str(path)


class Trained:
    """Stands in for running.train, and leaves a checkpoint as it does."""

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
def test_the_first_stage_is_trained_as_far_as_it_is_not(
    done: int,
    trained: list[str],
    resumed: list[bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = Trained()
    monkeypatch.setattr(running, 'train', calls)
    second, first = stages(tmp_path)
    if done:
        save_epoch(Path(first.work_dir), done)
    running.train_stages(second, first)
    assert calls.work_dirs == trained
    assert calls.resumed == resumed


def test_stages_that_do_not_meet_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Trained()
    monkeypatch.setattr(running, 'train', calls)
    second, first = stages(tmp_path)
    second.load_from = str(tmp_path / 'elsewhere' / 'epoch_3.pth')
    with pytest.raises(ValueError, match=r'load_from is .*epoch_3\.pth.*s1; without --stages'):
        running.train_stages(second, first)
    assert calls.work_dirs == []
