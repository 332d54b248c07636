"""Injected faults during training; docs/reliability.md lists them."""

import copy
import csv
import itertools
import json
import multiprocessing
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from kill_and_resume import kill_and_resume
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from small_training import SMALL

from mmsxm.engine import checkpoints
from mmsxm.safe_checkpoints import DamagedFileError
from mmsxm.training.config import load_config
from mmsxm.training.train import finished_epochs, resume, train

ROOT = Path(__file__).resolve().parents[1]
EPOCHS, BATCHES = 3, 3  # of 8 images
STAGE2 = """
model['head'] = dict(in_channels=[16, 16, 16])
load_from = None
"""


@HOOKS.register_module()
class FaultHook(Hook):
    """Hook that runs the action for ``('after_train_iter', epoch, batch)``, counted from 1."""

    plan: dict[tuple[str, int, int], Callable[[Runner, Any], None]] = {}

    def _act(self, moment: str, runner: Runner, batch: int, data: Any = None) -> None:
        action = self.plan.pop((moment, runner.epoch + 1, batch + 1), None)
        if action is not None:
            action(runner, data)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        self._act('before_train_iter', runner, batch_idx, data_batch)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        self._act('after_train_iter', runner, batch_idx)

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        self._act('after_val_iter', runner, batch_idx)


@pytest.fixture(autouse=True)
def plan() -> Iterator[dict]:
    """Return the actions of the next training run, all of which must happen."""
    FaultHook.plan.clear()
    yield FaultHook.plan
    assert FaultHook.plan == {}


class Trainings:
    """Training runs of one config, each in its own work directory."""

    numbers = itertools.count()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / 'config.py'
        base = ROOT / 'configs/sxmnet_sixray_stage2.py'
        self.config.write_text(SMALL.format(base=base, epochs=EPOCHS) + STAGE2)

    def cfg(self, name: str, **options: Any) -> Config:
        options = {'train_cfg.val_interval': EPOCHS, **options}
        options['experiment_name'] = f'faults_{next(self.numbers)}'
        cfg = load_config(self.config, work_dir=str(self.folder / name), options=options)
        cfg.custom_hooks = [dict(type='FaultHook')]
        return cfg

    def train(self, name: str, **options: Any) -> Path:
        train(self.cfg(name, **options))
        return self.folder / name

    def resume(self, name: str, **options: Any) -> Path:
        cfg = self.cfg(name, **options)
        resume(cfg)
        assert cfg.resume
        train(cfg)
        return self.folder / name


@pytest.fixture(scope='module')
def trainings(tmp_path_factory: pytest.TempPathFactory, simulate: Callable[..., Path]) -> Trainings:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('SIXRAY_ROOT', str(simulate(train=24, test=7, size=80)))
        patch.setenv('SIXRAY_SET', '10')
        # formatting the config takes most of the time of such a short run
        for module in ('yapf.yapflib.yapf_api', 'mmengine.config.config'):
            patch.setattr(f'{module}.FormatCode', lambda text, **_: (text, True), raising=False)
        yield Trainings(tmp_path_factory.mktemp('faults'))


@pytest.fixture(scope='module')
def uninterrupted(trainings: Trainings) -> Path:
    """Return an uninterrupted run."""
    return trainings.train('uninterrupted')


def last(work_dir: Path) -> str:
    return Path((work_dir / 'last_checkpoint').read_text()).name


def log(work_dir: Path) -> str:
    return ''.join(path.read_text() for path in sorted(work_dir.glob('*/*.log')))


def saved(work_dir: Path) -> set[str]:
    """Return the names of all checkpoints in a work directory, complete or not."""
    return {path.name for path in work_dir.glob('*.p*') if path.suffix != '.py'}


def assert_same_result(run: Path, expected: Path) -> None:
    """Compare weights, buffers and optimizer state bit by bit."""
    first, second = (
        torch.load(folder / f'epoch_{EPOCHS}.pth', weights_only=False) for folder in (run, expected)
    )
    for part in ('state_dict', 'optimizer', 'param_schedulers'):
        assert_equal(first[part], second[part])


def assert_equal(first: Any, second: Any) -> None:
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            assert_equal(first[key], second[key])
    elif isinstance(first, list | tuple):
        assert len(first) == len(second)
        for pair in zip(first, second, strict=True):
            assert_equal(*pair)
    else:
        assert first == second


# ---------------------------------------------------------------------------- a full disk


def test_a_file_size_limit_while_saving(
    trainings: Trainings, uninterrupted: Path, plan: dict
) -> None:
    """The limit stands for a full disk and needs no privileges: write() fails midway."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    plan['after_train_iter', 2, BATCHES] = lambda *_: resource.setrlimit(
        resource.RLIMIT_FSIZE, (10_000_000, limits[1])
    )
    try:
        with pytest.raises(OSError, match=r'epoch_2\.pth could not be written .*--resume'):
            trainings.train('full')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    work_dir = trainings.folder / 'full'
    assert last(work_dir) == 'epoch_1.pth'
    assert saved(work_dir) == {'epoch_1.pth'}
    assert_same_result(trainings.resume('full'), uninterrupted)


@pytest.fixture
def small_disk(trainings: Trainings) -> Iterator[Path]:
    """Mount a disk with space for one and a half checkpoints, if this process is allowed to."""
    folder = trainings.folder / 'small_disk'
    folder.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip('needs the right to mount')
    yield folder
    subprocess.run(['umount', '--lazy', str(folder)], check=True)


def test_a_full_disk(trainings: Trainings, small_disk: Path) -> None:
    with pytest.raises(OSError, match=r'No space left on device\): it needs .* are free') as raised:
        trainings.train('small_disk')
    assert str(small_disk / 'epoch_2.pth') in str(raised.value)
    assert last(small_disk) == 'epoch_1.pth'
    assert saved(small_disk) == {'epoch_1.pth'}
    assert finished_epochs(small_disk) == 1


# ---------------------------------------------------------------------------- damaged files


def copy_of(work_dir: Path, name: str) -> Path:
    """Copy a work directory, whose last_checkpoint then points into the copy."""
    copy = shutil.copytree(work_dir, work_dir.with_name(name))
    (copy / 'last_checkpoint').write_text(str(copy / last(work_dir)))
    return copy


def half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def lose_a_block(path: Path) -> None:
    """Zero a block, as a power failure can; torch.load does not notice."""
    with path.open('r+b') as file:
        file.seek(path.stat().st_size // 2)
        file.write(bytes(4096))


@pytest.mark.parametrize('damage', [half, empty, lose_a_block, Path.unlink])
def test_a_damaged_checkpoint_is_replaced_by_the_one_before(
    damage: Callable[[Path], None],
    trainings: Trainings,
    uninterrupted: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(checkpoints, 'print_log', lambda text, *_: lines.append(text))
    name = f'damaged_{damage.__name__}'
    work_dir = copy_of(uninterrupted, name)
    damage(work_dir / 'epoch_3.pth')
    assert finished_epochs(work_dir) == 2
    cfg = trainings.cfg(name)
    resume(cfg)
    assert cfg.load_from == str(work_dir / 'epoch_2.pth')
    assert re.search(r'Resuming from .*epoch_2\.pth because the later epoch_3\.pth', lines[-1])
    if damage is half:
        train(cfg)
        assert_same_result(work_dir, uninterrupted)


def test_a_work_dir_with_only_damaged_checkpoints(
    trainings: Trainings, uninterrupted: Path
) -> None:
    work_dir = copy_of(uninterrupted, 'all_damaged')
    for epoch in (2, 3):
        half(work_dir / f'epoch_{epoch}.pth')
    with pytest.raises(
        DamagedFileError, match=r'no checkpoint to resume from .*epoch_3\.pth.*epoch_2'
    ):
        resume(trainings.cfg('all_damaged'))


@pytest.mark.parametrize('content', [b'', b'\xff\xfe'], ids=['empty', 'not text'])
def test_a_damaged_last_checkpoint_file(content: bytes, uninterrupted: Path) -> None:
    """mmengine writes this file in place."""
    work_dir = copy_of(uninterrupted, f'note_{len(content)}')
    (work_dir / 'last_checkpoint').write_bytes(content)
    assert finished_epochs(work_dir) == 3
    empty(work_dir / 'epoch_3.pth')
    assert finished_epochs(work_dir) == 2


def test_a_missing_last_checkpoint_file(trainings: Trainings, uninterrupted: Path) -> None:
    work_dir = copy_of(uninterrupted, 'no_note')
    (work_dir / 'last_checkpoint').unlink()
    cfg = trainings.cfg('no_note')
    resume(cfg)
    assert cfg.load_from == str(work_dir / 'epoch_3.pth')


@pytest.mark.parametrize('measure', ['mAP', 'pointing'])
def test_the_best_epoch_is_kept_in_addition_to_the_last_ones(
    trainings: Trainings, measure: str
) -> None:
    best = {'save_best': f'xray/{measure}', 'rule': 'greater'}
    options = {f'default_hooks.checkpoint.{key}': value for key, value in best.items()}
    work_dir = trainings.train(measure, **{'train_cfg.val_interval': 1}, **options)
    assert len(list(work_dir.glob(f'best_xray_{measure}_epoch_*.pth'))) == 1
    assert last(work_dir) == f'epoch_{EPOCHS}.pth'
    found = checkpoints.resumable_checkpoint(work_dir)
    assert Path(found.path).name == last(work_dir)


def test_later_epochs_of_an_earlier_run_are_ignored(
    trainings: Trainings, uninterrupted: Path
) -> None:
    work_dir = copy_of(uninterrupted, 'stale')
    (work_dir / 'epoch_2.pth').rename(work_dir / 'epoch_1.pth')
    (work_dir / 'last_checkpoint').write_text(str(work_dir / 'epoch_1.pth'))
    assert finished_epochs(work_dir) == 2  # the epoch in its content, whatever its name
    half(work_dir / 'epoch_1.pth')
    with pytest.raises(DamagedFileError):
        finished_epochs(work_dir)


# ---------------------------------------------------------------------------- a worker that dies


def kill_a_worker(*_: object) -> None:
    worker = multiprocessing.active_children()[0]
    os.kill(worker.pid, signal.SIGKILL)
    # on a busy machine, a small epoch may end before the process does
    os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)


@pytest.mark.parametrize('persistent', [True, False])
def test_a_killed_worker(
    persistent: bool, trainings: Trainings, uninterrupted: Path, plan: dict
) -> None:
    loader = dict(num_workers=2, persistent_workers=persistent)
    plan['after_train_iter', 2, 1] = kill_a_worker
    name = f'worker_{persistent}'
    with pytest.raises(RuntimeError, match=r'worker crashed .*num_workers=1.*--resume'):
        trainings.train(name, train_dataloader=loader)
    assert last(trainings.folder / name) == 'epoch_1.pth'
    if persistent:
        assert_same_result(trainings.resume(name, train_dataloader=loader), uninterrupted)


# ---------------------------------------------------------------------------- NaN

SKIP = {'default_hooks.finite_loss.type': 'mmsxm.SkipNonFiniteHook'}


class Poison:
    """Action that sets one image of a batch to NaN and stores the paths of its images."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def __call__(self, runner: Runner, batch: dict) -> None:
        batch['inputs'] = batch['inputs'].float()
        batch['inputs'][1] = torch.nan
        self.paths = [sample.img_path for sample in batch['data_samples']]


def test_a_nan_loss_stops_training_and_names_the_images(trainings: Trainings, plan: dict) -> None:
    plan['before_train_iter', 2, 2] = poison = Poison()
    with pytest.raises(FloatingPointError, match='epoch 2, batch 2') as raised:
        trainings.train('nan')
    assert [path for path in poison.paths if path not in str(raised.value)] == []
    assert last(trainings.folder / 'nan') == 'epoch_1.pth'
    assert saved(trainings.folder / 'nan') == {'epoch_1.pth'}


def test_nan_weights_are_not_saved(trainings: Trainings, plan: dict) -> None:
    """Even if all losses are finite, as when gradients overflow in the last step."""

    def break_weights(runner: Runner, _: object) -> None:
        runner.model.head.fcs[0].weight.data[0, 0] = torch.inf

    plan['after_train_iter', 2, BATCHES] = break_weights
    with pytest.raises(FloatingPointError, match=r'epoch 2 .*head\.fcs\.0\.weight first'):
        trainings.train('inf')
    assert saved(trainings.folder / 'inf') == {'epoch_1.pth'}


def test_a_nan_step_is_skipped(trainings: Trainings, plan: dict) -> None:
    states = []

    def look(runner: Runner, _: object) -> None:
        content = (runner.model.state_dict(), runner.optim_wrapper.state_dict())
        states.append(copy.deepcopy(content))

    poison = Poison()
    plan['after_train_iter', 2, 1] = look
    plan['before_train_iter', 2, 2] = poison
    plan['before_train_iter', 2, 3] = look
    work_dir = trainings.train('skipped', **SKIP)
    assert_equal(*states)
    (line,) = re.findall('.*Skipped step .*', log(work_dir))
    assert 'epoch 2, batch 2' in line
    assert poison.paths[0] in line
    checkpoint = torch.load(work_dir / 'epoch_3.pth', weights_only=False)
    assert checkpoint['message_hub']['runtime_info']['skipped_steps'] == 1
    assert all(value.isfinite().all() for value in checkpoint['state_dict'].values())


# ---------------------------------------------------------------------------- SIGTERM


def send_signal(number: int) -> Callable[..., None]:
    return lambda *_: os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    ('number', 'code', 'epoch', 'batch', 'workers'),
    [
        (signal.SIGTERM, 143, 2, 1, 0),
        (signal.SIGTERM, 143, 1, 2, 2),
        (signal.SIGINT, 130, 3, BATCHES, 0),  # only the end of the epoch is left
    ],
)
def test_a_signal_during_training(
    number: int,
    code: int,
    epoch: int,
    batch: int,
    workers: int,
    trainings: Trainings,
    uninterrupted: Path,
    plan: dict,
) -> None:
    name = f'signal_{code}_{epoch}'
    loader = dict(num_workers=workers, persistent_workers=workers > 0)
    plan['before_train_iter', epoch, batch] = send_signal(number)
    with pytest.raises(SystemExit) as exited:
        trainings.train(name, train_dataloader=loader)
    assert exited.value.code == code
    assert multiprocessing.active_children() == []
    work_dir = trainings.folder / name
    assert last(work_dir) == f'epoch_{epoch - 1}_batch_{batch}.pth'
    assert_same_result(trainings.resume(name, train_dataloader=loader), uninterrupted)
    assert saved(work_dir) == {'epoch_2.pth', 'epoch_3.pth'}
    # SIGINT is ignored if a shell starts the tests in the background
    before = (signal.SIG_DFL, signal.SIG_IGN, signal.default_int_handler)
    assert signal.getsignal(number) in before


def test_two_signals_within_an_epoch(trainings: Trainings, uninterrupted: Path, plan: dict) -> None:
    plan['before_train_iter', 2, 1] = send_signal(signal.SIGTERM)
    with pytest.raises(SystemExit):
        trainings.train('twice')
    plan['before_train_iter', 2, 1] = send_signal(signal.SIGTERM)  # in the rest of the epoch
    with pytest.raises(SystemExit):
        trainings.resume('twice')
    assert saved(trainings.folder / 'twice') == {'epoch_1.pth', 'epoch_1_batch_2.pth'}
    assert_same_result(trainings.resume('twice'), uninterrupted)


@pytest.mark.parametrize('seed', [5, None])
def test_a_run_resumes_with_its_own_seed(
    seed: int | None, trainings: Trainings, plan: dict
) -> None:
    """With a seed that only the first call sets, and without a seed."""
    name, option = f'seed_{seed}', 'randomness.seed'
    plan['before_train_iter', 2, 1] = send_signal(signal.SIGTERM)
    with pytest.raises(SystemExit):
        trainings.train(name, **{option: seed})
    resumed = trainings.resume(name, **({} if seed else {option: None}))
    drawn = torch.load(resumed / 'epoch_3.pth', weights_only=False)['meta']['seed']
    assert_same_result(resumed, trainings.train(f'{name}_whole', **{option: drawn}))


def test_a_signal_during_validation(trainings: Trainings, uninterrupted: Path, plan: dict) -> None:
    plan['after_val_iter', 3, 1] = send_signal(signal.SIGTERM)  # epoch 2 is finished by then
    with pytest.raises(SystemExit) as exited:
        trainings.train('testing', **{'train_cfg.val_interval': 1})
    assert exited.value.code == 143
    assert last(trainings.folder / 'testing') == 'epoch_2.pth'
    assert_same_result(trainings.resume('testing'), uninterrupted)


def test_resuming_within_an_epoch_requires_the_same_number_of_batches(
    trainings: Trainings, uninterrupted: Path, plan: dict
) -> None:
    plan['before_train_iter', 2, 1] = send_signal(signal.SIGTERM)
    with pytest.raises(SystemExit):
        trainings.train('length')
    with pytest.raises(ValueError, match=r'1 of 3 batches .* now has 6 .*--resume .*epoch_N'):
        trainings.resume('length', **{'train_dataloader.batch_size': 4})


def test_a_signal_in_an_epoch_of_another_length(
    trainings: Trainings, uninterrupted: Path, plan: dict
) -> None:
    half_batches = {'train_dataloader.batch_size': 4}
    trainings.train('shorter', **{'train_cfg.max_epochs': 1})
    plan['before_train_iter', 2, 4] = send_signal(signal.SIGTERM)
    with pytest.raises(SystemExit):
        trainings.resume('shorter', **half_batches)
    assert last(trainings.folder / 'shorter') == 'epoch_1_batch_4.pth'
    trainings.resume('shorter', **half_batches)
    meta = torch.load(trainings.folder / 'shorter/epoch_3.pth', weights_only=False)['meta']
    assert (meta['epoch'], meta['iter']) == (3, 3 + 6 + 6)


def test_a_damaged_checkpoint_within_an_epoch_is_replaced_by_the_epoch_before(
    trainings: Trainings, uninterrupted: Path, plan: dict
) -> None:
    plan['before_train_iter', 2, 2] = send_signal(signal.SIGTERM)
    with pytest.raises(SystemExit):
        trainings.train('part')
    half(trainings.folder / 'part' / 'epoch_1_batch_2.pth')
    assert_same_result(trainings.resume('part'), uninterrupted)


# ---------------------------------------------------------------------------- accumulation

TWO_BATCHES = {
    'optim_wrapper.accumulative_counts': 2
}  # of three per epoch, so the last step has one


@pytest.fixture(scope='module')
def accumulated(trainings: Trainings) -> Path:
    """Return an uninterrupted run with a step every two batches."""
    return trainings.train('accumulated', **TWO_BATCHES)


def fail(*_: object) -> None:
    raise InterruptedError


def test_accumulated_gradients_are_not_lost_between_epochs(
    trainings: Trainings, accumulated: Path, plan: dict
) -> None:
    for epoch in (2, 3):  # after an odd and an even number of batches
        plan['before_train_iter', epoch, 1] = fail
        with pytest.raises(InterruptedError):
            (trainings.train if epoch == 2 else trainings.resume)('pieces', **TWO_BATCHES)
    assert last(trainings.folder / 'pieces') == 'epoch_2.pth'
    assert_same_result(trainings.resume('pieces', **TWO_BATCHES), accumulated)


@pytest.mark.parametrize(('signaled', 'stopped'), [(1, 2), (2, 2), (3, 3)])
def test_training_with_accumulation_stops_after_an_optimizer_step(
    signaled: int, stopped: int, trainings: Trainings, accumulated: Path, plan: dict
) -> None:
    name = f'accumulated_{signaled}'
    plan['before_train_iter', 2, signaled] = send_signal(signal.SIGTERM)
    with pytest.raises(SystemExit):
        trainings.train(name, **TWO_BATCHES)
    assert last(trainings.folder / name) == f'epoch_1_batch_{stopped}.pth'
    assert_same_result(trainings.resume(name, **TWO_BATCHES), accumulated)


# ---------------------------------------------------------------------------- a changed dataset


def test_a_list_that_changed_before_resuming(
    trainings: Trainings,
    simulate: Callable[..., Path],
    tmp_path: Path,
    plan: dict,
) -> None:
    moved = shutil.copytree(simulate(train=24, test=7, size=80), tmp_path / 'set')
    plan['before_train_iter', 2, 1] = send_signal(signal.SIGTERM)
    with pytest.raises(SystemExit):
        trainings.train('edited')

    elsewhere = {'train_dataloader.dataset.data_root': str(moved)}
    plan['before_train_iter', 2, 1] = send_signal(signal.SIGTERM)
    with pytest.raises(SystemExit):  # a copy is the same dataset
        trainings.resume('edited', **elsewhere)

    path = moved / 'ImageSet' / '10' / 'train.csv'
    with path.open(newline='') as file:
        rows = list(csv.reader(file))
    column = rows[0].index('Gun')
    rows[1][column] = '1' if rows[1][column] != '1' else '-1'
    with path.open('w', newline='') as file:
        csv.writer(file).writerows(rows)
    with pytest.raises(ValueError, match=r'has changed since .*same_data\.refuse=False'):
        trainings.resume('edited', **elsewhere)
    trainings.resume('edited', **elsewhere, **{'default_hooks.same_data.refuse': False})
    assert 'Training continues with it' in log(trainings.folder / 'edited')


# ---------------------------------------------------------------------------- as a command


def test_a_signal_to_the_command_and_its_workers(trainings: Trainings, uninterrupted: Path) -> None:
    """The whole process group gets the signal, as from timeout, systemd and terminals."""
    work_dir = trainings.folder / 'command'
    command = [sys.executable, str(ROOT / 'tools/train.py'), str(trainings.config)]
    command += ['--work-dir', str(work_dir)]
    workers = ['train_dataloader.num_workers=2', 'train_dataloader.persistent_workers=True']
    process = subprocess.Popen(
        [*command, '--no-validate', '--cfg-options', *workers, 'train_cfg.max_epochs=1000'],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while not (work_dir / 'epoch_1.pth').exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGTERM)
    output, _ = process.communicate(
        timeout=60
    )  # ends when the workers, which share the pipe, are gone
    assert process.returncode == 143, output
    assert '_batch_' in last(work_dir)
    assert 'SIGTERM: training in' in output


def test_kills_at_random_times(tmp_path: Path) -> None:
    """Also while a checkpoint is written; tests/kill_and_resume.py repeats this ten times."""
    assert kill_and_resume(tmp_path, kills=2, epochs=5, workers=1, seed=0) == []


TWO = """
import json, os, signal, sys
from pathlib import Path
from yapf.yapflib import yapf_api
yapf_api.FormatCode = lambda text, **_: (text, True)  # as above
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmsxm.training.config import load_config
from mmsxm.training import train as training
from mmsxm.compat import leave_process_group

config, folder, rank = sys.argv[1], Path(sys.argv[2]), int(os.environ['RANK'])
torch.set_num_threads(1)

@HOOKS.register_module()
class SecondProcessHook(Hook):
    def __init__(self, action): self.action = action
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if rank == 1 and (runner.epoch, batch_idx) == (1, 1):
            if self.action == 'signal':
                os.kill(os.getpid(), signal.SIGTERM)
            if self.action == 'poison':
                data_batch['inputs'] = data_batch['inputs'].float() * torch.nan
                messages['poisoned'] = [sample.img_path for sample in data_batch['data_samples']]

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if rank == 1 and (runner.epoch, batch_idx) == (1, 1) and self.action == 'signal in test':
            os.kill(os.getpid(), signal.SIGTERM)

messages = {}

def train(name, action='', resume=False, options={}):
    options = dict(options, experiment_name=f'{name}_{resume}')
    cfg = load_config(
        config, work_dir=str(folder / name), options=options, launcher='pytorch')
    cfg.train_dataloader.batch_size = 4
    cfg.val_dataloader.batch_size = 1
    if action != 'signal in test':
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.custom_hooks = [dict(type='SecondProcessHook', action=action)]
    if resume:
        training.resume(cfg)
    try:
        training.train(cfg)
    except (SystemExit, FloatingPointError) as error:
        messages[name] = str(error)

train('two')
train('two_signaled', 'signal')
train('two_signaled', resume=True)
train('two_nan', 'poison')
train('two_skipped', 'poison',
      options={'default_hooks.finite_loss.type': 'mmsxm.SkipNonFiniteHook'})
train('two_testing', 'signal in test')
(folder / f'messages_{rank}.json').write_text(json.dumps(messages))
leave_process_group()
"""


def test_two_processes_agree(trainings: Trainings) -> None:
    """Both react to an event in one, and checkpoints within an epoch contain both statistics."""
    script = trainings.folder / 'two.py'
    script.write_text(TWO)
    launcher = ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node=2']
    done = subprocess.run(
        [sys.executable, *launcher, str(script), str(trainings.config), str(trainings.folder)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = (
        json.loads((trainings.folder / f'messages_{rank}.json').read_text()) for rank in (0, 1)
    )
    assert first['two_signaled'] == second['two_signaled'] == '143'
    assert_same_result(trainings.folder / 'two_signaled', trainings.folder / 'two')

    assert first['two_testing'] == second['two_testing'] == '143'
    assert last(trainings.folder / 'two_testing') == 'epoch_1.pth'

    assert first['two_nan'] == second['two_nan']
    assert 'epoch 2, batch 2' in first['two_nan']
    assert [path for path in second['poisoned'] if path not in first['two_nan']] == []
    assert saved(trainings.folder / 'two_nan') == {'epoch_1.pth'}

    skipped = torch.load(trainings.folder / 'two_skipped' / 'epoch_3.pth', weights_only=False)
    assert skipped['message_hub']['runtime_info']['skipped_steps'] == 1
    assert all(value.isfinite().all() for value in skipped['state_dict'].values())
    (line,) = (
        text
        for text in log(trainings.folder / 'two_skipped').splitlines()
        if 'Skipped step' in text
    )
    assert [path for path in second['poisoned'] if path not in line] == []
