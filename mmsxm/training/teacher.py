"""MF-N labels: the level that a trained teacher trusts in each image of its training set."""

from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.structures import DataSample

from mmsxm.datasets.meta_label_file import MetaLabels, choose_level, source_of
from mmsxm.engine.checkpoints import find_checkpoint, unwrap_model
from mmsxm.engine.runner_state import dismiss_workers
from mmsxm.evaluation.array_metric import image_name
from mmsxm.io.files import sha256
from mmsxm.models import PerLevelHead
from mmsxm.models.fusion_heads import stack_targets
from mmsxm.models.losses import level_bce_losses
from mmsxm.training.test import build_test


class LevelLossesHook(Hook):
    """Hook that stores the loss of every level for each test image, by file name without suffix."""

    def __init__(self) -> None:
        self.losses: dict[str, list[float]] = {}

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[DataSample]
    ) -> None:
        """Compute the losses of one batch from its logits and labels."""
        level_scores = torch.stack([sample.level_scores for sample in outputs])
        target = stack_targets(outputs, level_scores.size(-1)).to(level_scores.device)
        losses = level_bce_losses(level_scores, target).tolist()
        for sample, level_losses in zip(outputs, losses, strict=True):
            self.losses[image_name(sample)] = level_losses


def label_levels(cfg: Config, checkpoint: str) -> MetaLabels:
    """Run a teacher on its own training set, with the transforms of its test.

    Args:
        cfg: Config of the teacher, whose head is a :class:`~mmsxm.models.PerLevelHead`.
        checkpoint: Weights of the teacher, or a work directory to use its latest checkpoint.

    Raises:
        FileNotFoundError: There is no checkpoint.
        ValueError: The network has another head.
    """
    path = find_checkpoint(checkpoint, f'Train the teacher first: mmsxm train {cfg.filename}')
    teacher = Path(cfg.filename).name
    dataset_cfg = cfg.train_dataloader.dataset.copy()
    dataset_cfg.update(pipeline=cfg.test_dataloader.dataset.pipeline, test_mode=True)
    dataset_cfg.pop('meta_labels', None)
    cfg.test_dataloader.dataset = dataset_cfg
    cfg.test_evaluator = []  # no metrics
    runner = build_test(cfg, path)
    head = unwrap_model(runner.model).get_submodule('head')
    if not isinstance(head, PerLevelHead):
        raise ValueError(
            f'The head of {teacher} is {type(head).__name__}, but a teacher needs PerLevelHead, '
            'which trains each level separately. Use a config such as '
            'configs/baselines/chr_sixray.py.'
        )
    hook = LevelLossesHook()
    runner.register_hook(hook)
    runner.test()
    dismiss_workers(runner)
    source = source_of(runner.test_dataloader.dataset)
    levels = {img_id: choose_level(losses) for img_id, losses in hook.losses.items()}
    return MetaLabels(teacher, sha256(path), source, hook.losses, levels)
