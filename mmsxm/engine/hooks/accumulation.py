"""Where gradients are accumulated, an epoch ends with a step.

mmengine counts batches over the whole training. If an epoch's are no multiple of
``accumulative_counts``, the last gradients of an epoch wait for the first ones of the next, and a
training that is resumed there has lost them: checkpoints do not hold gradients.
"""

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import nn

from mmsxm.engine.runner_state import is_resuming
from mmsxm.registry import HOOKS


@HOOKS.register_module()
class AccumulationHook(Hook):
    """Count the batches of each epoch from its start, so that its last one ends with a step.

    The last gradients of an epoch are averaged over as many batches as are left.
    """

    def __init__(self) -> None:
        self.done = 0  # batches of the epoch that training resumes in

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Read how many batches of an epoch were done when GracefulStopHook saved it."""
        if is_resuming(runner):
            self.done = checkpoint.get('within_epoch', {}).get('done', 0)

    def before_train(self, runner: Runner) -> None:
        """Correct mmengine's warning of lost gradients."""
        counts = runner.cfg.optim_wrapper.get('accumulative_counts', 1)
        if is_resuming(runner) and runner.iter % counts:
            runner.logger.info('No gradient is lost: every epoch ends with a step.')

    def before_train_epoch(self, runner: Runner) -> None:
        """Start counting; a training that counts iterations has no epochs to end."""
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            return
        # mmengine reads the model only to warn of batch normalization, which it has done by now
        runner.optim_wrapper.initialize_count_status(
            nn.Module(), self.done, len(runner.train_dataloader)
        )
        self.done = 0
