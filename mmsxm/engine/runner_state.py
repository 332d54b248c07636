"""Private state of mmengine's runner. No other module accesses it."""

from collections.abc import Mapping

from mmengine.runner import Runner

__all__ = ['dismiss_workers', 'is_resuming', 'is_training', 'load_from', 'set_load_from']


def is_training(runner: Runner) -> bool:
    """Return whether the runner trains; otherwise, it tests."""
    return not isinstance(runner._train_loop, Mapping | None)  # a config until training starts


def is_resuming(runner: Runner) -> bool:
    """Return whether the runner resumes a training run, instead of starting or testing one."""
    return is_training(runner) and bool(runner._resume)


def load_from(runner: Runner) -> str | None:
    """Return the checkpoint to load; None if there is none, or if mmengine looks it up."""
    path: str | None = runner._load_from
    return path


def set_load_from(runner: Runner, path: str) -> None:
    """Replace the checkpoint to load."""
    runner._load_from = path


def dismiss_workers(runner: Runner) -> None:
    """Stop the worker processes of the data loaders.

    A runner contains reference cycles, so only the garbage collector finds it. Stopping a worker
    there takes five seconds.
    """
    for loop in (runner._train_loop, runner._val_loop, runner._test_loop):
        loader = getattr(loop, 'dataloader', None)
        if loader is not None:
            loader._iterator = None
