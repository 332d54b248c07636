"""Cases that do not occur in training on a CPU; tests/test_faults.py has the others."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.logging import MessageHub
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmsxm.engine import SkipNonFiniteHook, StopAtNonFiniteHook


class GpuLoss:
    """Loss on a device that must not be synchronized at every step."""

    device = SimpleNamespace(type='cuda')

    def __init__(self, value: float) -> None:
        self.value = torch.tensor(value)

    def detach(self) -> 'GpuLoss':
        return self

    def isfinite(self) -> Tensor:
        return self.value.isfinite()


def batch(name: str) -> dict[str, Any]:
    return {'data_samples': [DataSample(metainfo={'img_path': name})]}


def step(hook: StopAtNonFiniteHook, number: int, loss: float) -> None:
    runner = SimpleNamespace(epoch=2)
    outputs = {'loss': GpuLoss(loss)}
    hook.after_train_iter(runner, number - 1, batch(f'{number}.jpg'), outputs)


@pytest.mark.parametrize('bad', [float('nan'), float('inf')])
def test_a_gpu_is_synchronized_every_20_steps(bad: float) -> None:
    hook = StopAtNonFiniteHook()
    for number in range(1, 40):
        step(hook, number, bad if number in (23, 24) else 0.5)
    with pytest.raises(FloatingPointError, match=r'epoch 3, batch 23 \(23\.jpg\)\. '):
        step(hook, 40, 0.5)


def test_a_gpu_is_synchronized_before_an_epoch_is_saved() -> None:
    hook = StopAtNonFiniteHook()
    step(hook, 1, float('nan'))
    with pytest.raises(FloatingPointError, match=r'\(1\.jpg\)'):
        hook.after_train_epoch(SimpleNamespace())
    hook.after_train_epoch(SimpleNamespace())  # reported only once


class Scaled:
    """Parameter trained with a loss scaler, as AmpOptimWrapper does in float16."""

    def __init__(self, fused: bool) -> None:
        self.model = nn.BatchNorm1d(1)
        optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1, fused=fused)
        self.optim_wrapper = SimpleNamespace(optimizer=optimizer)
        self.scaler = torch.amp.GradScaler('cpu', init_scale=1.0)
        self.message_hub = MessageHub(name='scaled')
        self.epoch = 0
        self.hook = SkipNonFiniteHook()
        self.hook.before_train(self)

    def train(self, gradient: float, loss: float) -> None:
        self.hook.before_train_iter(self, 0)
        self.model.running_mean.fill_(loss)  # as a forward pass would
        for parameter in self.model.parameters():
            parameter.grad = torch.full_like(parameter, gradient)
        self.scaler.scale(torch.tensor(1.0))
        self.scaler.step(self.optim_wrapper.optimizer)
        self.scaler.update()
        self.hook.after_train_iter(self, 0, batch('a.jpg'), {'loss': torch.tensor(loss)})

    @property
    def skipped(self) -> int:
        return self.message_hub.get_info('skipped_steps', 0)


@pytest.fixture(params=[False, True], ids=['looped', 'fused'])
def training(request: pytest.FixtureRequest) -> Scaled:
    """Return training with the optimizer of torch that loops, or with the fused one of configs."""
    return Scaled(request.param)


def test_steps_skipped_by_the_loss_scaler_are_not_counted(training: Scaled) -> None:
    training.train(gradient=float('inf'), loss=0.5)
    assert training.skipped == 0
    assert training.scaler.get_scale() == 0.5
    assert training.model.weight.item() == 1
    training.train(gradient=1.0, loss=0.5)
    assert training.model.weight.item() == pytest.approx(1 - 0.1 / 0.5)  # rate by scale


def test_a_nan_loss_under_a_loss_scaler_is_counted_and_changes_nothing(training: Scaled) -> None:
    training.train(gradient=float('nan'), loss=float('nan'))
    assert training.skipped == 1
    assert training.model.weight.item() == 1
    assert training.model.running_mean.item() == 0


def test_ten_skipped_steps_in_a_row_stop_training(training: Scaled) -> None:
    for _ in range(9):
        training.train(gradient=float('nan'), loss=float('nan'))
    training.train(gradient=1.0, loss=0.5)
    for _ in range(9):
        training.train(gradient=float('nan'), loss=float('nan'))
    with pytest.raises(FloatingPointError, match='Skipped steps so far: 19, 10 of them in a row'):
        training.train(gradient=float('nan'), loss=float('nan'))
