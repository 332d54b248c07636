"""Transfer weights from one training stage to the next.

mmengine loads the tensors that match, logs the rest and continues. A Stage II that starts from
random attention then looks like ordinary training.
"""

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmsxm.engine.checkpoints import (
    ADVICE,
    find_checkpoint,
    missing_keys,
    summarize_keys,
    unused_keys,
    unwrap_model,
)
from mmsxm.engine.runner_state import is_resuming, is_training, load_from, set_load_from
from mmsxm.registry import HOOKS


@HOOKS.register_module()
class StageTransferHook(Hook):
    """Hook that requires a checkpoint for every part of the model that is not declared new.

    ``load_from`` may be a work directory, to use its latest checkpoint.

    Args:
        new: Prefixes of keys that training may start without, such as ``'head.'`` in Stage II.
            Tests and resumed runs require all keys.
        first: Config of the stage to train before this one; error messages name it.
    """

    priority = 'VERY_HIGH'

    def __init__(self, new: Sequence[str] = (), first: str | None = None) -> None:
        self.new = tuple(new)
        self.first = first

    def before_run(self, runner: Runner) -> None:
        """Find the latest checkpoint if ``load_from`` is a work directory.

        Raises:
            FileNotFoundError: There is no checkpoint.
        """
        path = load_from(runner)
        if path is None or is_resuming(runner) or '://' in path:
            return
        advice = ADVICE
        if is_training(runner):
            advice = (
                f'Train the first stage with mmsxm train {self.first}, or add --stages to this '
                'command, which trains both stages.'
                if self.first
                else 'Set load_from to a checkpoint, or to the work directory of a training run.'
            )
        set_load_from(runner, find_checkpoint(path, advice))

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare the checkpoint with the model.

        Raises:
            ValueError: The checkpoint lacks a part of the model that is not declared new.
        """
        model = unwrap_model(runner.model)
        state_dict = checkpoint.get('state_dict', checkpoint)
        missing = missing_keys(model, state_dict)
        is_starting = is_training(runner) and not is_resuming(runner)
        may_be_new = is_starting and self.new
        new = [key for key in missing if may_be_new and key.startswith(self.new)]
        required = [key for key in missing if key not in new]
        if required:
            path = load_from(runner) or f'to resume {runner.work_dir} from'
            advice = (
                f' Train one that matches with mmsxm train {self.first}.'
                if self.first and is_starting
                else ''
            )
            raise ValueError(
                f'The checkpoint {path} does not match the model: {len(required)} of the '
                f'{len(model.state_dict())} tensors of the model are missing or have another shape '
                f'({summarize_keys(required)}).{advice}'
            )
        if new:
            epoch = checkpoint.get('meta', {}).get('epoch', 'unknown')
            print_log(
                f'Weights loaded from {load_from(runner)} (epoch {epoch}). New tensors that start '
                f'from their initial values: {len(new)} ({summarize_keys(new)}).',
                logger='current',
            )
        if unused := unused_keys(model, state_dict):
            print_log(
                f'Ignored {len(unused)} tensors of the checkpoint that this model does not have '
                f'({summarize_keys(unused)}).',
                logger='current',
            )
