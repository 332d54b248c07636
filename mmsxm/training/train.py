"""Train from a config, in one process or as one of several."""

import os
from typing import Any

from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner

from mmsxm.engine.checkpoints import resumable_checkpoint
from mmsxm.engine.hooks.graceful_stop import GracefulStopHook
from mmsxm.engine.pixel_mapping import config_mapping, mapping_text
from mmsxm.engine.runner_state import dismiss_workers
from mmsxm.engine.worker_crash import explain_worker_crash


def finished_epochs(work_dir: str | os.PathLike[str]) -> int:
    """Return the number of finished epochs in the checkpoint that a work directory resumes from."""
    checkpoint = resumable_checkpoint(work_dir)
    return 0 if checkpoint is None else int(checkpoint.content['meta'].get('epoch', 0))


def resume(cfg: Config, checkpoint: str = 'auto') -> None:
    """Resume training from a checkpoint.

    Args:
        cfg: Config of the training run.
        checkpoint: A checkpoint; a work directory, to use its latest undamaged checkpoint; or
            ``'auto'`` for the work directory of the config. If that has no checkpoint yet, training
            starts as configured; mmengine would ignore ``load_from`` and start from random weights.

    Raises:
        DamagedFileError: There are checkpoints, and all are damaged.
        FileNotFoundError: The directory has no checkpoint.
    """
    if checkpoint != 'auto' and not os.path.isdir(checkpoint):
        cfg.resume, cfg.load_from = True, checkpoint
    elif found := resumable_checkpoint(cfg.work_dir if checkpoint == 'auto' else checkpoint):
        cfg.resume, cfg.load_from = True, found.path
    elif checkpoint != 'auto':
        raise FileNotFoundError(
            f'There is no checkpoint to resume from in {checkpoint}: no epoch was finished there. '
            'Name a checkpoint, or another work directory.'
        )


def allow_open_files(wanted: int = 4096) -> None:
    """Raise the limit on open files as far as this process is allowed to.

    Every target tensor from a worker keeps two files open. A common limit of 1024 is too low for
    four workers with a few batches of 64.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _TrainRunner(Runner):
    """Runner that scales learning rates with the number of images per optimizer step."""

    def scale_lr(
        self, optim_wrapper: OptimWrapper, auto_scale_lr: dict[str, Any] | None = None
    ) -> None:
        """Scale learning rates; mmengine counts one batch, and this all accumulated batches."""
        batches = self.cfg.optim_wrapper.get('accumulative_counts', 1)
        if auto_scale_lr and 'base_batch_size' in auto_scale_lr:
            base = auto_scale_lr['base_batch_size'] / batches
            auto_scale_lr = {**auto_scale_lr, 'base_batch_size': base}
        super().scale_lr(optim_wrapper, auto_scale_lr)


def train(cfg: Config) -> Runner:
    """Train with a config and return the runner.

    Raises:
        RuntimeError: A data loader worker crashed.
    """
    allow_open_files()
    runner = _TrainRunner.from_cfg(cfg)
    try:
        with explain_worker_crash(cfg.work_dir):
            runner.train()
    finally:
        for hook in runner.hooks:
            if isinstance(hook, GracefulStopHook):
                hook.stop_listening()
        dismiss_workers(runner)
    return runner


def train_stages(cfg: Config, first: Config) -> Runner:
    """Train the missing epochs of ``first``, then ``cfg`` from its weights.

    Raises:
        ValueError: ``cfg`` loads its weights from another folder than the work directory of
            ``first``, or maps gray values and energies differently.
    """
    if os.path.abspath(cfg.load_from or '') != os.path.abspath(first.work_dir):
        raise ValueError(
            f'load_from is {cfg.load_from}, but {first.filename} would train in {first.work_dir}. '
            'Remove --stages to load another checkpoint.'
        )
    mapping, mapping_of_first = config_mapping(cfg), config_mapping(first)
    if mapping != mapping_of_first:
        raise ValueError(
            f'The config has {mapping_text(mapping)}, but Stage I has '
            f'{mapping_text(mapping_of_first)}. Give both stages the same values, with '
            '--cfg-options and --stage1-options or in both configs.'
        )
    finished, total = finished_epochs(first.work_dir), first.train_cfg.max_epochs
    if finished < total:
        if get_rank() == 0:
            print_log(f'Training {first.work_dir} first: it has {finished} of {total} epochs.')
        resume(first)
        train(first)
    return train(cfg)
