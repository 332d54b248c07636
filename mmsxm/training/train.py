"""Train from a config, alone or as one process of many."""

import os
from typing import Any

from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner

from mmsxm.engine.checkpoints import resumable_checkpoint
from mmsxm.engine.hooks.graceful_stop import GracefulStopHook
from mmsxm.engine.runner_state import dismiss_workers
from mmsxm.engine.worker_death import explain_worker_death


def finished_epochs(work_dir: str | os.PathLike[str]) -> int:
    """Read from what it can be resumed from how many epochs a work directory has behind it."""
    found = resumable_checkpoint(work_dir)
    return 0 if found is None else int(found.content['meta'].get('epoch', 0))


def resume(cfg: Config, checkpoint: str = 'auto') -> None:
    """Resume training from a checkpoint.

    Args:
        cfg: The training's config.
        checkpoint: A file; or a work directory, for its latest checkpoint, or the one before if
            that is damaged; or ``'auto'`` for the config's own work directory. If that has none
            yet, training starts as the config says: mmengine would start it from random weights
            and leave ``load_from`` out.

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
            f'{checkpoint} has no last_checkpoint: nothing was saved there to resume from. Name '
            'another folder, or a checkpoint.'
        )


def allow_open_files(wanted: int = 4096) -> None:
    """Raise the limit on open files as far as this process may.

    Every target tensor that a worker hands over keeps two files open, and a common limit of 1024
    falls short of four workers that have a few batches of 64 ready.
    """
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _TrainRunner(Runner):
    """A runner that scales learning rates with all images between two steps."""

    def scale_lr(
        self, optim_wrapper: OptimWrapper, auto_scale_lr: dict[str, Any] | None = None
    ) -> None:
        """As mmengine's, which counts the images of one batch, but of all that are accumulated."""
        batches = self.cfg.optim_wrapper.get('accumulative_counts', 1)
        if auto_scale_lr and 'base_batch_size' in auto_scale_lr:
            base = auto_scale_lr['base_batch_size'] / batches
            auto_scale_lr = {**auto_scale_lr, 'base_batch_size': base}
        super().scale_lr(optim_wrapper, auto_scale_lr)


def train(cfg: Config) -> Runner:
    """Train as the config says and return the runner.

    Raises:
        RuntimeError: A process that reads images died.
    """
    allow_open_files()
    runner = _TrainRunner.from_cfg(cfg)
    try:
        with explain_worker_death(cfg.work_dir):
            runner.train()
    finally:
        for hook in runner.hooks:
            if isinstance(hook, GracefulStopHook):
                hook.stop_listening()
        dismiss_workers(runner)
    return runner


def train_stages(cfg: Config, first: Config) -> Runner:
    """Train ``first`` as far as it is not trained, then ``cfg`` from its weights.

    Raises:
        ValueError: ``cfg`` takes its weights from somewhere else than ``first`` leaves them.
    """
    if os.path.abspath(cfg.load_from or '') != os.path.abspath(first.work_dir):
        raise ValueError(
            f'load_from is {cfg.load_from}, but {first.filename} would train in '
            f'{first.work_dir}; without --stages, load_from may name any checkpoint.'
        )
    done, wanted = finished_epochs(first.work_dir), first.train_cfg.max_epochs
    if done < wanted:
        if get_rank() == 0:
            print_log(f'{first.work_dir} has {done} of {wanted} epochs: training it first.')
        resume(first)
        train(first)
    return train(cfg)
