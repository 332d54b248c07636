"""Stop training, or skip the step, when a loss becomes NaN or infinite.

In both cases, no checkpoint contains such a step: the last good checkpoint remains the latest one.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from mmengine.dist import all_gather_object, all_reduce
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import Tensor
from torch.optim import Optimizer

from mmsxm.engine.checkpoints import unwrap_model
from mmsxm.registry import HOOKS

__all__ = ['SkipNonFiniteHook', 'StopAtNonFiniteHook', 'non_finite_names']


def non_finite_names(state_dict: Mapping[str, Any]) -> list[str]:
    """Return the names of the tensors that contain a NaN or an infinite value."""
    return [
        name
        for name, value in state_dict.items()
        if isinstance(value, Tensor) and not value.isfinite().all()
    ]


class Batch(NamedTuple):
    """Position of a batch in a training run, and the paths of its images."""

    epoch: int
    number: int
    paths: Sequence[str]

    def __str__(self) -> str:
        images = ', '.join(self.paths)
        return f'in epoch {self.epoch}, batch {self.number} ({images})'


def _batch(runner: Runner, batch_idx: int, data_batch: Any) -> Batch:
    """Return the batch, numbered from 1 as in the log."""
    paths = [str(sample.get('img_path')) for sample in data_batch['data_samples']]
    return Batch(runner.epoch + 1, batch_idx + 1, paths)


class _FiniteWeightsHook(Hook):
    """Hook that refuses to save weights that are not finite."""

    priority = 'LOW'  # before checkpoints are saved, after the loss is logged

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check the weights to save.

        Raises:
            FloatingPointError: A weight or buffer is NaN or infinite.
        """
        if names := non_finite_names(checkpoint['state_dict']):
            raise FloatingPointError(
                f'Weights became NaN or infinite in epoch {runner.epoch + 1} ({len(names)} '
                f'tensors, {names[0]} first), so they are not saved. Try a lower learning rate or '
                'optim_wrapper.clip_grad.'
            )


@HOOKS.register_module()
class StopAtNonFiniteHook(_FiniteWeightsHook):
    """Hook that stops training when the loss is NaN or infinite, and names the images of the batch.

    Reading the loss at every step would stall a GPU, so it is read every 20 steps and before
    anything is saved. All processes of a job stop together.
    """

    INTERVAL = 20  # steps, as in the log

    def __init__(self) -> None:
        self.finite: list[Tensor] = []
        self.batches: list[Batch] = []

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        """Record whether the loss is finite, without waiting for the result."""
        loss = outputs['loss'].detach()
        self.finite.append(loss.isfinite())
        self.batches.append(_batch(runner, batch_idx, data_batch))
        if loss.device.type == 'cpu' or len(self.finite) == self.INTERVAL:
            self.check()

    def after_train_epoch(self, runner: Runner) -> None:
        """Check before the epoch is saved."""
        self.check()

    def check(self) -> None:
        """Check the steps since the last check.

        Raises:
            FloatingPointError: A loss was NaN or infinite, in this process or another.
        """
        if not self.finite:
            return
        finite, batches = torch.stack(self.finite), self.batches
        self.finite, self.batches = [], []
        any_bad = (~finite.all()).float()
        all_reduce(any_bad, 'max')
        if not any_bad:
            return
        bad = [batch for batch, good in zip(batches, finite.tolist(), strict=True) if not good]
        first_bad = [batch for batch in all_gather_object(bad[0] if bad else None) if batch]
        first = min((batch.epoch, batch.number) for batch in first_bad)
        places = '; '.join(str(batch) for batch in first_bad if batch[:2] == first)
        raise FloatingPointError(
            f'The loss became NaN or infinite {places}. Nothing has been saved since. Check these '
            'images and their boxes, lower the learning rate, or skip such steps: '
            '--cfg-options default_hooks.finite_loss.type=mmsxm.SkipNonFiniteHook'
        )


@HOOKS.register_module()
class SkipNonFiniteHook(_FiniteWeightsHook):
    """Hook that skips steps whose loss or gradients are not finite, and logs and counts them.

    A skipped step changes neither weights nor optimizer state nor batch-normalization statistics.
    Checkpoints contain the count in ``message_hub`` as ``skipped_steps``. The hook checks gradients
    before every step, for which a GPU has to wait, as with loss scaling.

    In float16, the loss scaler skips steps whose scaled gradients overflow and lowers the scale. It
    finds a suitable scale this way, so these steps are not counted while the loss is finite.
    """

    MAX_IN_A_ROW = 10  # more than an accident

    def __init__(self) -> None:
        self.skipped = False
        self.in_a_row = 0
        self.buffers: list[Tensor] = []

    def before_train(self, runner: Runner) -> None:
        """Check gradients when they are complete: accumulated, unscaled, from all processes."""
        runner.optim_wrapper.optimizer.register_step_pre_hook(self._skip_non_finite)

    def _skip_non_finite(self, optimizer: Optimizer, *_: Any) -> None:
        if getattr(optimizer, 'found_inf', None) is not None:
            return  # a fused optimizer, which skips the steps that the loss scaler finds
        gradients = [
            parameter.grad
            for group in optimizer.param_groups
            for parameter in group['params']
            if parameter.grad is not None
        ]
        if not torch.nn.utils.get_total_norm(gradients).isfinite():
            optimizer.zero_grad(set_to_none=True)  # parameters without gradients do not change
            self.skipped = True

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Back up the batch-normalization statistics."""
        self.skipped = False
        self.buffers = [buffer.clone() for buffer in unwrap_model(runner.model).buffers()]

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        """Restore the statistics if the step was skipped, and log it.

        Raises:
            FloatingPointError: Ten steps in a row were skipped.
        """
        finite = outputs['loss'].isfinite()
        bad = (~finite | self.skipped).float()
        all_reduce(bad, 'max')
        if not bad:
            self.in_a_row = 0
            return
        for buffer, before in zip(unwrap_model(runner.model).buffers(), self.buffers, strict=True):
            buffer.copy_(before)
        count = runner.message_hub.get_info('skipped_steps', 0) + 1
        runner.message_hub.update_info('skipped_steps', count)
        batch = _batch(runner, batch_idx, data_batch)
        results: Iterable[tuple[bool, Batch]] = all_gather_object((bool(finite), batch))
        bad_batches = [each for good, each in results if not good] or [each for _, each in results]
        message = (
            f'Skipped step {"; ".join(map(str, bad_batches))}: the loss or its gradients are NaN '
            f'or infinite. Skipped steps so far: {count}'
        )
        self.in_a_row += 1
        if self.in_a_row == self.MAX_IN_A_ROW:
            raise FloatingPointError(
                f'{message}, {self.in_a_row} of them in a row. Training stops because nothing is '
                'learned. Check these images and their boxes, or lower the learning rate.'
            )
        print_log(f'{message}.', 'current', logging.WARNING)
