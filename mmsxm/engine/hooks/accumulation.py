"""Gradient accumulation that ends each epoch with an optimizer step.

mmengine counts batches over the whole training run. If the number of batches per epoch is not a
multiple of ``accumulative_counts``, the last gradients of an epoch wait for the first ones of the
next. A run that is resumed there has lost them, because checkpoints do not contain gradients.
"""

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import nn

from mmsxm.engine.runner_state import is_resuming
from mmsxm.registry import HOOKS


@HOOKS.register_module()
class AccumulationHook(Hook):
    """Hook that counts batches from the start of each epoch, so that its last one ends with a step.

    The last gradients of an epoch are averaged over the batches that remain.
    """

    def __init__(self) -> None:
        self.done = 0  # finished batches of the epoch in which training resumes

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Read how many batches were finished when GracefulStopHook saved within an epoch."""
        if is_resuming(runner):
            self.done = checkpoint.get('within_epoch', {}).get('done', 0)

    def before_train(self, runner: Runner) -> None:
        """Correct the warning of mmengine about lost gradients."""
        counts = runner.cfg.optim_wrapper.get('accumulative_counts', 1)
        if is_resuming(runner) and runner.iter % counts:
            runner.logger.info('No gradients are lost: every epoch ends with an optimizer step.')

    def before_train_epoch(self, runner: Runner) -> None:
        """Start counting. Iteration-based training has no epochs, so nothing is counted."""
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            return
        # mmengine reads the model only to warn about batch normalization, which it has done by now
        runner.optim_wrapper.initialize_count_status(
            nn.Module(), self.done, len(runner.train_dataloader)
        )
        self.done = 0
