"""What to do when a loss turns NaN or infinite: stop, or leave out the step.

Neither lets such a step into a checkpoint: the last good one stays the last one.
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
    """Names of the tensors that hold a NaN or an infinite value."""
    return [
        name
        for name, value in state_dict.items()
        if isinstance(value, Tensor) and not value.isfinite().all()
    ]


class Batch(NamedTuple):
    """Where a batch came in a training, and what was in it."""

    epoch: int
    number: int
    paths: Sequence[str]

    def __str__(self) -> str:
        images = ', '.join(self.paths)
        return f'in epoch {self.epoch}, batch {self.number}, of {images}'


def _batch(runner: Runner, batch_idx: int, data_batch: Any) -> Batch:
    """What the log calls the batch: it counts from 1."""
    paths = [str(sample.get('img_path')) for sample in data_batch['data_samples']]
    return Batch(runner.epoch + 1, batch_idx + 1, paths)


class _WholeWeightsHook(Hook):
    """Refuse to save weights that aren't finite."""

    priority = 'LOW'  # before checkpoints are saved, after the log has shown the loss

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Look at what is to be saved.

        Raises:
            FloatingPointError: A weight or buffer is NaN or infinite.
        """
        if names := non_finite_names(checkpoint['state_dict']):
            raise FloatingPointError(
                f'Weights turned NaN or infinite in epoch {runner.epoch + 1} ({len(names)} '
                f'tensors, {names[0]} first) and are not saved. Try a lower learning rate, or '
                'optim_wrapper.clip_grad.'
            )


@HOOKS.register_module()
class StopAtNonFiniteHook(_WholeWeightsHook):
    """Stop training when the loss is NaN or infinite, and name the images of that batch.

    To ask a GPU at every step would keep it waiting, so it is asked once in 20 steps, and before
    anything is saved. All processes of a job stop together.
    """

    EVERY = 20  # steps; the log asks as often

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
        """Keep in mind whether the loss is finite, without waiting for it."""
        loss = outputs['loss'].detach()
        self.finite.append(loss.isfinite())
        self.batches.append(_batch(runner, batch_idx, data_batch))
        if loss.device.type == 'cpu' or len(self.finite) == self.EVERY:
            self.check()

    def after_train_epoch(self, runner: Runner) -> None:
        """Look before the epoch is saved."""
        self.check()

    def check(self) -> None:
        """Look at the steps since the last time.

        Raises:
            FloatingPointError: The loss of one was NaN or infinite, in this process or another.
        """
        if not self.finite:
            return
        finite, batches = torch.stack(self.finite), self.batches
        self.finite, self.batches = [], []
        any_bad = (~finite.all()).float()
        all_reduce(any_bad, 'max')
        if not any_bad:
            return
        found = [batch for batch, good in zip(batches, finite.tolist(), strict=True) if not good]
        firsts = [batch for batch in all_gather_object(found[0] if found else None) if batch]
        first = min((batch.epoch, batch.number) for batch in firsts)
        places = '; '.join(str(batch) for batch in firsts if batch[:2] == first)
        raise FloatingPointError(
            f'The loss turned NaN or infinite {places}. Nothing was saved since. Look at these '
            'images and their boxes, lower the learning rate, or have such steps left out: '
            '--cfg-options default_hooks.finite_loss.type=mmsxm.SkipNonFiniteHook'
        )


@HOOKS.register_module()
class SkipNonFiniteHook(_WholeWeightsHook):
    """Leave out steps whose loss or gradients are not finite, name their images and count them.

    Weights, the optimizer's state and the statistics of batch normalisation stay as they were
    before the step. The count goes into checkpoints, in ``message_hub`` as ``skipped_steps``. It
    looks at the gradients before every step, which a GPU waits for, as loss scaling does, too.

    In float16 the loss scaler leaves out steps whose scaled gradients overflow, and lowers the
    scale; these belong to its way of finding one, and are not counted as long as the loss is
    finite.
    """

    IN_A_ROW = 10  # so many are no accident

    def __init__(self) -> None:
        self.dropped = False
        self.row = 0
        self.buffers: list[Tensor] = []

    def before_train(self, runner: Runner) -> None:
        """Look at gradients when they are complete: accumulated, unscaled, of all processes."""
        runner.optim_wrapper.optimizer.register_step_pre_hook(self._drop)

    def _drop(self, optimizer: Optimizer, *_: Any) -> None:
        if getattr(optimizer, 'found_inf', None) is not None:
            return  # a fused optimizer, which leaves out itself what the loss scaler finds
        gradients = [
            parameter.grad
            for group in optimizer.param_groups
            for parameter in group['params']
            if parameter.grad is not None
        ]
        if not torch.nn.utils.get_total_norm(gradients).isfinite():
            optimizer.zero_grad(set_to_none=True)  # what has no gradient is not changed
            self.dropped = True

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Keep the statistics of batch normalisation."""
        self.dropped = False
        self.buffers = [buffer.clone() for buffer in unwrap_model(runner.model).buffers()]

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        """Put them back where the step was left out, and say so.

        Raises:
            FloatingPointError: It was the tenth in a row.
        """
        finite = outputs['loss'].isfinite()
        bad = (~finite | self.dropped).float()
        all_reduce(bad, 'max')
        if not bad:
            self.row = 0
            return
        for buffer, before in zip(unwrap_model(runner.model).buffers(), self.buffers, strict=True):
            buffer.copy_(before)
        count = runner.message_hub.get_info('skipped_steps', 0) + 1
        runner.message_hub.update_info('skipped_steps', count)
        batch = _batch(runner, batch_idx, data_batch)
        everywhere: Iterable[tuple[bool, Batch]] = all_gather_object((bool(finite), batch))
        blamed = [one for good, one in everywhere if not good] or [one for _, one in everywhere]
        message = (
            f'Left out, the loss or its gradients are NaN or infinite: the step '
            f'{"; ".join(map(str, blamed))}. It is number {count}'
        )
        self.row += 1
        if self.row == self.IN_A_ROW:
            raise FloatingPointError(
                f'{message}, and the {self.row}th in a row: there is nothing to learn from.'
            )
        print_log(f'{message}.', 'current', logging.WARNING)
