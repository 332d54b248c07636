"""Take weights over from another stage.

mmengine loads what fits, logs the rest and continues: a Stage II that begins with random attention
looks like training.
"""

import os
from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmsxm.engine.checkpoints import (
    latest_checkpoint,
    missing_keys,
    summarize_keys,
    unused_keys,
    unwrap_model,
)
from mmsxm.engine.runner_state import is_resuming, is_training, load_from, set_load_from
from mmsxm.registry import HOOKS


@HOOKS.register_module()
class StageTransferHook(Hook):
    """Take weights over only where they fill the model, but for what is declared new.

    ``load_from`` may name a work directory, whose latest checkpoint is then taken.

    Args:
        new: Prefixes of keys that training may start without, as Stage II's ``'head.'``. A
            test, and a resumed training, needs them all.
        first: The config to train before this one, for the sentence that says so.
    """

    priority = 'VERY_HIGH'

    def __init__(self, new: Sequence[str] = (), first: str | None = None) -> None:
        self.new = tuple(new)
        self.first = first

    def before_run(self, runner: Runner) -> None:
        """Find the latest checkpoint where ``load_from`` names a directory.

        Raises:
            FileNotFoundError: there is none.
        """
        path = load_from(runner)
        if path is None or is_resuming(runner) or '://' in path or os.path.isfile(path):
            return
        latest = latest_checkpoint(path)
        if latest is None:
            first = (
                f' Train it first: mmsxm train {self.first}, or add --stages to this '
                'command, which does that.'
                if self.first and is_training(runner)
                else ''
            )
            raise FileNotFoundError(f'load_from names {path}, and no checkpoint is there.{first}')
        set_load_from(runner, latest)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare the checkpoint with the model.

        Raises:
            ValueError: it leaves a part of the model unfilled that is not declared new.
        """
        model = unwrap_model(runner.model)
        state_dict = checkpoint.get('state_dict', checkpoint)
        missing = missing_keys(model, state_dict)
        starting = is_training(runner) and not is_resuming(runner)
        new = [key for key in missing if starting and key.startswith(self.new)] if self.new else []
        lost = [key for key in missing if key not in new]
        if lost:
            first = f' Make one by: mmsxm train {self.first}' if self.first and starting else ''
            name = load_from(runner) or f'that {runner.work_dir} is resumed from'
            raise ValueError(
                f'The checkpoint {name} does not fill the model: {len(lost)} of its '
                f'{len(model.state_dict())} tensors are missing or of another shape '
                f'({summarize_keys(lost)}).{first}'
            )
        if new:
            epoch = checkpoint.get('meta', {}).get('epoch', 'unknown')
            print_log(
                f'Weights are taken over from {load_from(runner)} (epoch {epoch}). New, and '
                f'initialised here: {len(new)} tensors ({summarize_keys(new)}).',
                logger='current',
            )
        if unused := unused_keys(model, state_dict):
            print_log(
                f'The checkpoint holds {len(unused)} tensors that this model does not have '
                f'({summarize_keys(unused)}).',
                logger='current',
            )
