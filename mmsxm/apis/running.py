"""Train and test from a config file, alone or as one process of many."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.hooks import EMAHook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner

from mmsxm.apis.class_names import require_same_classes, taught_classes
from mmsxm.apis.config_options import merge_options
from mmsxm.apis.installed_configs import find_config
from mmsxm.compat import init_cpu_process_group
from mmsxm.engine.checkpoint_hooks import bare_model
from mmsxm.engine.network_settings import (
    require_no_unused_weights,
    require_same_settings,
    trained_model,
)
from mmsxm.engine.optim import gains_by_bfloat16
from mmsxm.engine.resumable_checkpoint import resumable_checkpoint
from mmsxm.engine.stop_hook import StopHook
from mmsxm.engine.worker_death import say_worker_death
from mmsxm.registry import METRICS

DATALOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def load_config(
    path: str | os.PathLike[str],
    *,
    work_dir: str | None = None,
    options: dict[str, Any] | None = None,
    launcher: str = 'none',
) -> Config:
    """Read a config, see :func:`find_config`, and what the command line says on top of it.

    ``work_dir`` wins over the config's own, which wins over ``work_dirs/<config name>``.

    Raises:
        FileNotFoundError: There is no such config, or none that it builds on.
        ValueError: An option sets something that nothing reads.
    """
    found = find_config(path)
    try:
        cfg = Config.fromfile(found)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'{path} builds on {error.filename or error}, which is not there; where an environment '
            'variable is a part of its name, set that to another value'
        ) from error
    if options:
        merge_options(cfg, options)
    for name in DATALOADERS:
        loader = cfg.get(name) or {}
        if loader.get('persistent_workers') and not loader.get('num_workers'):
            loader['persistent_workers'] = False  # torch refuses to keep workers that are not there
    cfg.work_dir = work_dir or cfg.get('work_dir') or f'work_dirs/{Path(path).stem}'
    cfg.launcher = launcher
    if launcher == 'pytorch':
        init_cpu_process_group(cfg)
    return cfg


def set_dataloaders(cfg: Config, **settings: Any) -> None:
    """Set one thing, such as ``pin_memory=False``, in all data loaders of a config."""
    for name in DATALOADERS:
        if cfg.get(name):
            cfg[name].update(settings)


def _autocast_type() -> torch.dtype:
    """Return the reduced precision for the device: float16 only for GPUs without bfloat16."""
    if not torch.cuda.is_available() or torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return torch.float16


def use_autocast(cfg: Config) -> None:
    """Train in bfloat16 where the device can, otherwise in float16 with loss scaling."""
    if _autocast_type() == torch.bfloat16:
        cfg.optim_wrapper.type = 'mmsxm.AutocastOptimWrapper'
    else:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
        if cfg.optim_wrapper.optimizer.get('type') == 'SGD':
            # torch's fused one takes momentum from memory that nobody has written where the first
            # step overflows, as it does until the scale is found
            cfg.optim_wrapper.optimizer.pop('fused', None)


def use_autocast_in_test(cfg: Config) -> None:
    """Test in the precision of :func:`use_autocast`, on a CPU without bfloat16 in float32."""
    cfg.test_cfg.fp16 = gains_by_bfloat16('cuda' if torch.cuda.is_available() else 'cpu')


@contextlib.contextmanager
def _default_autocast() -> Iterator[None]:
    """Let mmengine's test loop, which names no type and gets float16 on GPUs, find ours."""
    before = torch.get_autocast_dtype('cuda')
    torch.set_autocast_dtype('cuda', _autocast_type())
    try:
        yield
    finally:
        torch.set_autocast_dtype('cuda', before)


def first_stage(cfg: Config) -> Path | None:
    """Return the config that ``cfg`` takes its weights from, None if there is none."""
    first = cfg.default_hooks.get('handover', {}).get('first')
    if first is None:
        return None
    # relative to the root of a project: that of cfg, or else the one that find_config looks in
    for folder in Path(cfg.filename).resolve().parents:
        if (folder / first).is_file():
            return folder / first
    return Path(first)


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


def dismiss_workers(runner: Runner) -> None:
    """End the processes of the data loaders.

    Left to the garbage collector, which finds a runner in cycles, each takes five seconds.
    """
    for loop in (runner._train_loop, runner._val_loop, runner._test_loop):
        loader = getattr(loop, 'dataloader', None)
        if loader is not None:
            loader._iterator = None


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
        with say_worker_death(cfg.work_dir):
            runner.train()
    finally:
        for hook in runner.hooks:
            if isinstance(hook, StopHook):
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


class _TestRunner(Runner):
    """A runner for tests alone, whose work directory is a training's."""

    def dump_config(self) -> None:
        """Leave the training's alone: the log, and ``vis_data/config.py`` beside it, tell ours."""

    def register_hooks(self, default_hooks: Any = None, custom_hooks: Any = None) -> None:
        """As mmengine's, without hooks that average weights: a checkpoint holds the average.

        They would load it once more, and not find its keys in a model of test-time augmentation.
        """
        super().register_hooks(default_hooks, custom_hooks)
        self.hooks[:] = [hook for hook in self.hooks if not isinstance(hook, EMAHook)]

    def test(self) -> dict[str, float]:
        """As mmengine's; reduced precision is that of :func:`use_autocast`."""
        with _default_autocast():
            return super().test()

    def load_checkpoint(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As mmengine's, for a checkpoint of this network and these classes.

        Raises:
            ValueError: It was trained as another network, or for other classes.
        """
        checkpoint: dict[str, Any] = super().load_checkpoint(*args, **kwargs)
        meta = checkpoint.get('meta', {})
        config, path = self.cfg.filename or 'the config', str(self._load_from)
        state_dict = checkpoint.get('state_dict', checkpoint)
        require_no_unused_weights(bare_model(self.model), state_dict, config, path)
        if trained := trained_model(meta):
            model = self.cfg.model
            require_same_settings(model.get('module', model), trained, config, path)
        known = taught_classes(meta)
        labelled = self.test_dataloader.dataset.metainfo.get('classes')
        if known and labelled:
            require_same_classes(labelled, known)
        return checkpoint


def build_test(cfg: Config, checkpoint: str) -> Runner:
    """Build the runner that tests a checkpoint, or the latest one of a work directory."""
    cfg.load_from = checkpoint
    cfg.resume = False
    allow_open_files()
    return _TestRunner.from_cfg(cfg)


def add_metric(cfg: Config, metric: dict[str, Any]) -> None:
    """Let the test measure one thing more; configs give one metric or a list of them."""
    cfg.test_evaluator = [*_metrics(cfg), metric]


def _metrics(cfg: Config) -> list[Any]:
    metrics = cfg.get('test_evaluator') or []
    return [metrics] if isinstance(metrics, dict) else list(metrics)


def use_tta(cfg: Config) -> None:
    """Test several views of every image and average their scores.

    The config's ``tta_pipeline`` and ``tta_model`` say how; without them, an image and its mirror
    image are averaged. Attention belongs to one view: metrics that read it are left out.

    Raises:
        ValueError: The network gives no scores.
    """
    if cfg.model.get('head') is None:
        raise ValueError(
            f'--tta averages scores, and the network of {cfg.filename} gives none: it has no head, '
            'as in Stage I. Test Stage II, or leave out --tta.'
        )
    pipeline = list(cfg.test_dataloader.dataset.pipeline)
    flips = [dict(type='RandomFlip', prob=p) for p in (0.0, 1.0)]
    cfg.test_dataloader.dataset.pipeline = cfg.get('tta_pipeline') or [
        *pipeline[:-1],
        dict(type='TestTimeAug', transforms=[flips, [pipeline[-1]]]),
    ]
    cfg.tta_model = cfg.get('tta_model') or dict(type='mmsxm.MultiLabelTTA')
    metrics = _metrics(cfg)
    cfg.test_evaluator = [metric for metric in metrics if not _reads_attention(metric)]
    if left_out := [str(metric.type) for metric in metrics if _reads_attention(metric)]:
        print_log(f'--tta: left out {", ".join(left_out)}, which read attention.', 'current')
    cfg.model = dict(**cfg.tta_model, module=cfg.model)


def _reads_attention(metric: Any) -> bool:
    kind = METRICS.get(metric.type) if isinstance(metric.type, str) else metric.type
    return bool(getattr(kind, 'reads_attention', False))
