"""Test a checkpoint with a config, in one process or as one of several."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import EMAHook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmsxm.engine.checkpoints import (
    checkpoint_classes,
    require_same_classes,
    unwrap_model,
)
from mmsxm.engine.network_settings import (
    complete_model,
    require_no_unused_weights,
    require_same_settings,
    trained_model,
    without_pretrained_weights,
)
from mmsxm.engine.pixel_mapping import require_trained_mapping
from mmsxm.engine.runner_state import load_from
from mmsxm.registry import METRICS
from mmsxm.training.config import autocast_type
from mmsxm.training.train import allow_open_files


@contextlib.contextmanager
def _default_autocast() -> Iterator[None]:
    """Set the default autocast dtype, because the test loop of mmengine uses float16 on GPUs."""
    before = torch.get_autocast_dtype('cuda')
    torch.set_autocast_dtype('cuda', autocast_type())
    try:
        yield
    finally:
        torch.set_autocast_dtype('cuda', before)


class _TestRunner(Runner):
    """Runner for tests in the work directory of a training run."""

    def dump_config(self) -> None:
        """Keep the config of the training run; the log and ``vis_data/config.py`` contain ours."""

    def register_hooks(self, default_hooks: Any = None, custom_hooks: Any = None) -> None:
        """Register hooks, except those that average weights: checkpoints contain the average.

        These hooks would load it again, and would not find its keys in a model of test-time
        augmentation.
        """
        super().register_hooks(default_hooks, custom_hooks)
        self.hooks[:] = [hook for hook in self.hooks if not isinstance(hook, EMAHook)]

    def test(self) -> dict[str, float]:
        """Run the test; reduced precision is that of :func:`use_autocast`."""
        with _default_autocast():
            return super().test()

    def load_checkpoint(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Load a checkpoint of this network and these classes.

        Raises:
            ValueError: The checkpoint was trained with a different network, or for other classes.
        """
        checkpoint: dict[str, Any] = super().load_checkpoint(*args, **kwargs)
        meta = checkpoint.get('meta', {})
        config, path = self.cfg.filename or 'the config', str(load_from(self))
        state_dict = checkpoint.get('state_dict', checkpoint)
        require_no_unused_weights(unwrap_model(self.model), state_dict, config, path)
        if trained := trained_model(meta):
            model = self.cfg.model.get('module', self.cfg.model)  # inside test-time augmentation
            model = complete_model({**self.cfg, 'model': model})
            require_same_settings(model, trained, config, path)
        require_trained_mapping(self.cfg, meta, config, path)
        trained_classes = checkpoint_classes(meta)
        dataset_classes = self.test_dataloader.dataset.metainfo.get('classes')
        if trained_classes and dataset_classes:
            require_same_classes(dataset_classes, trained_classes)
        return checkpoint


def build_test(cfg: Config, checkpoint: str) -> Runner:
    """Return a runner that tests a checkpoint, or the latest one of a work directory."""
    cfg.load_from = checkpoint
    cfg.resume = False
    cfg.model = without_pretrained_weights(cfg.model)
    allow_open_files()
    return _TestRunner.from_cfg(cfg)


def add_metric(cfg: Config, metric: dict[str, Any]) -> None:
    """Add a metric to the test; a config contains one metric or a list of them."""
    cfg.test_evaluator = [*_metrics(cfg), metric]


def measures(cfg: Config, metric: type) -> bool:
    """Return whether the test measures a metric, or one derived from it."""
    return any(issubclass(_class_of(other), metric) for other in _metrics(cfg))


def _metrics(cfg: Config) -> list[Any]:
    metrics = cfg.get('test_evaluator') or []
    return [metrics] if isinstance(metrics, dict) else list(metrics)


def use_tta(cfg: Config) -> None:
    """Test several views of every image and average their scores.

    ``tta_pipeline`` and ``tta_model`` of the config define the views. Without them, an image and
    its mirror image are averaged. Attention belongs to a single view, so metrics that read it are
    skipped.

    Raises:
        ValueError: The network returns no scores.
    """
    if cfg.model.get('head') is None:
        raise ValueError(
            f'--tta averages scores, but the network of {cfg.filename} returns none because it has '
            'no head, as in Stage I. Test Stage II, or remove --tta.'
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
    if skipped := [str(metric.type) for metric in metrics if _reads_attention(metric)]:
        print_log(f'--tta: skipped {", ".join(skipped)}, which read attention.', 'current')
    cfg.model = dict(**cfg.tta_model, module=cfg.model)


def _reads_attention(metric: Any) -> bool:
    return bool(getattr(_class_of(metric), 'reads_attention', False))


def _class_of(metric: Any) -> type:
    return METRICS.get(metric['type']) if isinstance(metric['type'], str) else metric['type']
