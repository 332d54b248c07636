"""Let a trained teacher say which level to trust in each image of its training set (MF-N)."""

import os
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.structures import DataSample

from mmsxm.datasets.meta_label_file import MetaLabels, choose_level, source_of
from mmsxm.engine.checkpoints import latest_checkpoint, unwrap_model
from mmsxm.engine.runner_state import dismiss_workers
from mmsxm.evaluation.array_metric import image_name
from mmsxm.io.files import sha256
from mmsxm.models import PerLevelHead
from mmsxm.models.fusion_heads import stack_targets
from mmsxm.models.losses import level_bce_losses
from mmsxm.training.test import build_test


class LevelLossesHook(Hook):
    """Keep each test image's loss of every level, by its name without suffix."""

    def __init__(self) -> None:
        self.losses: dict[str, list[float]] = {}

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Sequence[DataSample]
    ) -> None:
        """Compare one batch's logits with its labels."""
        level_scores = torch.stack([sample.level_scores for sample in outputs])
        target = stack_targets(outputs, level_scores.size(-1)).to(level_scores.device)
        losses = level_bce_losses(level_scores, target).tolist()
        for sample, of_levels in zip(outputs, losses, strict=True):
            self.losses[image_name(sample)] = of_levels


def label_levels(cfg: Config, checkpoint: str) -> MetaLabels:
    """Run a teacher over its own training set, under the transforms of its test.

    Args:
        cfg: The teacher's config, whose head is a :class:`~mmsxm.models.PerLevelHead`.
        checkpoint: Its weights, or a work directory for the latest ones in it.

    Raises:
        FileNotFoundError: the work directory holds no checkpoint.
        ValueError: the network has another head.
    """
    path = checkpoint if os.path.isfile(checkpoint) else latest_checkpoint(checkpoint)
    if path is None:
        raise FileNotFoundError(f'There is no checkpoint {checkpoint}: train {cfg.filename} first.')
    teacher = Path(cfg.filename).name
    dataset_cfg = cfg.train_dataloader.dataset.copy()
    dataset_cfg.update(pipeline=cfg.test_dataloader.dataset.pipeline, test_mode=True)
    dataset_cfg.pop('meta_labels', None)
    cfg.test_dataloader.dataset = dataset_cfg
    cfg.test_evaluator = []  # nothing is measured
    runner = build_test(cfg, path)
    head = unwrap_model(runner.model).get_submodule('head')
    if not isinstance(head, PerLevelHead):
        raise ValueError(
            f'The head of {teacher} is {type(head).__name__}: a teacher needs PerLevelHead, whose '
            'levels learn each by itself, as in configs/baselines/chr_sixray.py.'
        )
    collected = LevelLossesHook()
    runner.register_hook(collected)
    runner.test()
    dismiss_workers(runner)
    source = source_of(runner.test_dataloader.dataset)
    levels = {img_id: choose_level(losses) for img_id, losses in collected.losses.items()}
    return MetaLabels(teacher, sha256(path), source, collected.losses, levels)
