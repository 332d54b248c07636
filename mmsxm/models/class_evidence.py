"""Class evidence: a map for each class, and a score that is read from it.

Ours, not in the paper, whose attention learns where items are but not which. Each level has a map
of logits for each class, z. The score of a class is a soft maximum of its map, so that the network
cannot score what it does not locate::

    s_c = 1/r log(1/(hw) sum_ij exp(r z_cij)) + b_c

This log-sum-exp pooling is that of Pinheiro and Collobert (CVPR 2015, arXiv:1411.6228, Eq. 1). The
logits of the levels are averaged (Eq. 1 of the paper). Where boxes are known, the maps of the finer
levels are trained on the ellipses of each class by the focal loss of RetinaNet (arXiv:1708.02002,
Eq. 5). The backbone thus learns where items are and which they are at the same time.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import normal_init
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmsxm.models.fusion_heads import AverageFusionHead
from mmsxm.models.losses import focal_map_loss, require_maps
from mmsxm.registry import MODELS

__all__ = ['ClassEvidenceHead', 'GlobalEvidenceHead', 'mean_evidence', 'pool_evidence']

PRIOR = 0.02  # share of an image's area that the items of one class cover on average
EVIDENCE_STD = 0.01
SHARPNESS = 4.0  # with 1, the score of an item grows with its area


def pool_evidence(evidence: Tensor, sharpness: float = SHARPNESS) -> Tensor:
    """Pool maps by log-mean-exp: ``(N, C, h, w)`` -> ``(N, C)``, float32.

    Args:
        evidence: Logits.
        sharpness: The r of the equation: near 0 this is the mean, for large r the maximum.
    """
    flat = evidence.float().flatten(2)  # (N, C, hw)
    pooled = (sharpness * flat).logsumexp(dim=-1) - math.log(flat.size(-1))  # (N, C)
    return pooled / sharpness


def mean_evidence(evidence: Sequence[Tensor]) -> Tensor:
    """Average the levels' maps ``(N, C, h_l, w_l)`` at the size of the finest: ``(N, C, h, w)``."""
    size = evidence[0].shape[-2:]
    resized = [
        F.interpolate(level.float(), size=size, mode='bilinear', align_corners=False)
        for level in evidence
    ]  # (N, C, h, w) each
    return torch.stack(resized).mean(dim=0)


@MODELS.register_module()
class ClassEvidenceHead(AverageFusionHead):
    """Head that reads each class from a map of its own.

    Args:
        num_classes: Number of labels, C.
        in_channels: Channels of the levels, fine to coarse.
        sharpness: See :func:`pool_evidence`.
        map_levels: Number of levels, from the finest, whose maps are trained on boxes.
        loss_map_weight: Weight of their loss. With 0, the maps learn from labels only.
        thr: Score from which a label counts as predicted.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: Sequence[int] = (256, 256, 256),
        sharpness: float = SHARPNESS,
        map_levels: int = 2,
        loss_map_weight: float = 1.0,
        thr: float = 0.5,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(num_classes, in_channels, thr, init_cfg)
        if sharpness <= 0:
            raise ValueError(f'sharpness={sharpness} must be positive.')
        if map_levels < 1:
            raise ValueError(f'map_levels={map_levels} must be at least 1.')
        # These replace the linear layers of the base under the same name: configs set the learning
        # rate of ``head.fcs``, and checkpoints contain it. The base builds its layers first because
        # the random numbers that they draw are part of the initial weights behind our results.
        self.fcs = nn.ModuleList(nn.Conv2d(c, num_classes, 1) for c in in_channels)
        self.offsets = nn.Parameter(torch.zeros(len(in_channels), num_classes))
        self.sharpness = sharpness
        self.map_levels = map_levels
        self.loss_map_weight = loss_map_weight

    def init_weights(self) -> None:
        """Initialize as in ``init_cfg``, then let each map start at :data:`PRIOR`.

        The offsets undo the prior, so that the scores start at 0.5.
        """
        super().init_weights()
        logit = math.log(PRIOR / (1 - PRIOR))
        for conv in self.fcs:
            normal_init(conv, std=EVIDENCE_STD, bias=logit)
        nn.init.constant_(self.offsets, -logit)

    def evidence(self, feats: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return the maps of all levels: logits, ``(N, C, h_l, w_l)`` each."""
        self._require_levels(feats)
        return tuple(conv(feat) for conv, feat in zip(self.fcs, feats, strict=True))

    def pool(self, evidence: Sequence[Tensor]) -> Tensor:
        """Pool the maps of all levels: float32 logits ``(N, L, C)``."""
        pooled = [pool_evidence(level, self.sharpness) for level in evidence]  # (N, C) each
        return torch.stack(pooled, dim=1) + self.offsets  # (N, L, C)

    def level_scores(self, feats: Sequence[Tensor]) -> Tensor:
        """Classify each level ``(N, C_l, h, w)`` separately: float32 logits ``(N, L, C)``."""
        return self.pool(self.evidence(feats))

    def class_maps(self, feats: Sequence[Tensor]) -> Tensor:
        """Return where each class is: ``(N, C, h, w)`` in [0, 1], of the finest level's size."""
        return mean_evidence(self.evidence(feats)[: self.map_levels]).sigmoid()

    def loss(self, feats: Sequence[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return ``loss_cls`` and, unless its weight is 0, ``loss_map``.

        Raises:
            KeyError: A sample has no ``gt_heatmap`` although its loss has a weight.
        """
        evidence = self.evidence(feats)
        cls_score = self.pool(evidence).mean(dim=1)  # (N, C)
        losses = {'loss_cls': self.loss_module(cls_score, self._target(data_samples))}
        return losses | self._map_loss(evidence, data_samples)

    def _map_loss(
        self, evidence: Sequence[Tensor], data_samples: list[DataSample]
    ) -> dict[str, Tensor]:
        if not self.loss_map_weight:
            return {}
        if any('gt_heatmap' not in sample for sample in data_samples):
            raise KeyError(
                "The map loss needs gt_heatmap. Draw it in the pipeline (type='mmsxm."
                "ClassHeatmap') and pack it (algorithm_keys of PackInputs), or set "
                'loss_map_weight=0.'
            )
        target = torch.stack([sample.gt_heatmap for sample in data_samples])  # (N, C, h, w)
        require_maps(target, self.num_classes)
        target = target.to(evidence[0].device, non_blocking=True)
        losses = [focal_map_loss(level, target) for level in evidence[: self.map_levels]]
        return {'loss_map': self.loss_map_weight * torch.stack(losses).mean()}


@MODELS.register_module()
class GlobalEvidenceHead(ClassEvidenceHead):
    """Head that averages two readings of each level: its maps, and its global average.

    Each reading has a loss of its own.

    The arguments are those of :class:`ClassEvidenceHead`.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: Sequence[int] = (256, 256, 256),
        sharpness: float = SHARPNESS,
        map_levels: int = 2,
        loss_map_weight: float = 1.0,
        thr: float = 0.5,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(
            num_classes, in_channels, sharpness, map_levels, loss_map_weight, thr, init_cfg
        )
        self.global_fcs = nn.ModuleList(nn.Linear(c, num_classes) for c in in_channels)

    def global_scores(self, feats: Sequence[Tensor]) -> Tensor:
        """Classify the global average of each level: float32 logits ``(N, L, C)``."""
        scores = [fc(f.mean(dim=(-2, -1))) for fc, f in zip(self.global_fcs, feats, strict=True)]
        return torch.stack(scores, dim=1).float()  # (N, L, C)

    def level_scores(self, feats: Sequence[Tensor]) -> Tensor:
        """Average both readings: float32 logits ``(N, L, C)``."""
        return (super().level_scores(feats) + self.global_scores(feats)) / 2

    def loss(self, feats: Sequence[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return ``loss_cls``, ``loss_global`` and, unless its weight is 0, ``loss_map``."""
        scores = self.global_scores(feats).mean(dim=1)  # (N, C)
        return super().loss(feats, data_samples) | {
            'loss_global': self.loss_module(scores, self._target(data_samples))
        }
