"""Each epoch ends with an optimizer step for the remaining batches."""

import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop

from mmsxm.engine import AccumulationHook

EPOCHS = object.__new__(EpochBasedTrainLoop)


@pytest.mark.parametrize(
    ('counts', 'steps'),
    [
        (1, [1.0, 2.0, 3.0, 4.0, 5.0]),
        (2, [1.5, 3.5, 5.0]),  # the mean of two batches, and the last one alone
        (3, [2.0, 4.5]),
        (9, [3.0]),
    ],
)
def test_every_epoch_ends_with_an_optimizer_step(counts: int, steps: list[float]) -> None:
    weight = torch.nn.Parameter(torch.zeros(()))
    wrapper = OptimWrapper(torch.optim.SGD([weight], lr=1), accumulative_counts=counts)
    gradients: list[float] = []
    wrapper.optimizer.register_step_pre_hook(lambda *_: gradients.append(weight.grad.item()))
    runner = SimpleNamespace(optim_wrapper=wrapper, train_dataloader=range(5), train_loop=EPOCHS)
    hook = AccumulationHook()
    for _ in range(2):
        hook.before_train_epoch(runner)
        for gradient in (1, 2, 3, 4, 5):
            wrapper.update_params(weight * gradient)
        assert weight.grad is None
    assert gradients == 2 * steps


def test_iteration_based_training_keeps_the_count_of_mmengine() -> None:
    """Its loop calls ``before_train_epoch`` once for all passes over the data."""
    weight = torch.nn.Parameter(torch.zeros(()))
    wrapper = OptimWrapper(torch.optim.SGD([weight], lr=1), accumulative_counts=2)
    wrapper.initialize_count_status(torch.nn.Module(), 0, 8)
    loop = object.__new__(IterBasedTrainLoop)
    runner = SimpleNamespace(optim_wrapper=wrapper, train_dataloader=range(4), train_loop=loop)
    AccumulationHook().before_train_epoch(runner)
    for gradient in range(1, 9):
        wrapper.update_params(weight * gradient)
    assert weight.item() == -(1.5 + 3.5 + 5.5 + 7.5)


def test_counting_continues_when_an_epoch_is_resumed() -> None:
    weight = torch.nn.Parameter(torch.zeros(()))
    wrapper = OptimWrapper(torch.optim.SGD([weight], lr=1), accumulative_counts=2)
    runner = SimpleNamespace(
        optim_wrapper=wrapper,
        train_dataloader=range(5),
        train_loop=EPOCHS,
        _train_loop=EPOCHS,
        _resume=True,
    )
    hook = AccumulationHook()
    hook.after_load_checkpoint(runner, {'within_epoch': {'done': 4}})
    hook.before_train_epoch(runner)
    wrapper.update_params(weight * 5)
    assert weight.item() == -5


@pytest.mark.parametrize(('batches', 'warned'), [(5, True), (6, False)])
def test_the_warning_about_lost_gradients_is_corrected(
    batches: int, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    runner = SimpleNamespace(
        cfg=Config(dict(optim_wrapper=dict(accumulative_counts=2))),
        iter=batches,
        logger=logging.getLogger(__name__),
        _train_loop=object(),
        _resume=True,
    )
    with caplog.at_level(logging.INFO):
        AccumulationHook().before_train(runner)
    assert ('No gradients are lost' in caplog.text) == warned
