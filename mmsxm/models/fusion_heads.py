"""Fusion of the levels' predictions (Sec. 3.2, "Classification with Meta Fusion").

Each level is pooled globally and classified by its own linear layer. The logits are then averaged
(Eq. 1), trained separately as in CHR [5], or weighted for each image by the meta-selection network
(Eq. 2).

Not implemented: the authors' code averages in the first four epochs of Stage II and weights from
then on, which the paper does not mention. The initial weights are our choice because none were
published.
"""

from collections.abc import Sequence

import torch
from mmpretrain.models.heads import MultiLabelClsHead
from mmpretrain.structures import DataSample, label_to_onehot
from torch import Tensor, nn

from mmsxm.models.losses import MultiLabelBCELoss, meta_level_loss
from mmsxm.models.meta_selection import MetaSelection
from mmsxm.registry import MODELS


def stack_targets(data_samples: Sequence[DataSample], num_classes: int) -> Tensor:
    """Stack the known labels, 1, 0 or -1 for ignored: ``(N, C)``."""
    return torch.stack(
        [
            s.gt_score if 'gt_score' in s else label_to_onehot(s.gt_label, num_classes)
            for s in data_samples
        ]
    )


def fuse(level_scores: Tensor, level_weights: Tensor) -> Tensor:
    """Weight the levels' logits: ``(N, L, C)`` and ``(N, L)`` -> ``(N, C)``."""
    return (level_weights.unsqueeze(-1) * level_scores).sum(dim=1)  # (N, C)


@MODELS.register_module()
class AverageFusionHead(MultiLabelClsHead):
    """Head that averages the logits of all levels (Eq. 1).

    With one level, it is a plain linear classifier.

    Args:
        num_classes: Number of labels, C.
        in_channels: Channels of the levels, fine to coarse.
        thr: Score from which a label counts as predicted.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: Sequence[int] = (256, 256, 256),
        thr: float = 0.5,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(
            loss=MultiLabelBCELoss(),
            thr=thr,
            init_cfg=init_cfg or dict(type='Normal', layer='Linear', std=0.01),
        )
        self.num_classes = num_classes
        self.fcs = nn.ModuleList(nn.Linear(c, num_classes) for c in in_channels)

    def level_scores(self, feats: Sequence[Tensor]) -> Tensor:
        """Classify each level ``(N, C_l, h, w)`` separately: float32 logits ``(N, L, C)``."""
        self._require_levels(feats)
        # (N, C) each
        scores = [fc(feat.mean(dim=(-2, -1))) for fc, feat in zip(self.fcs, feats, strict=True)]
        return torch.stack(scores, dim=1).float()  # (N, L, C)

    def level_logits(self, feats: Sequence[Tensor]) -> Tensor:
        """Return how much to trust each level, ``(N, L)`` before the softmax: here equally."""
        return feats[0].new_zeros((feats[0].size(0), len(self.fcs)), dtype=torch.float32)  # (N, L)

    def pre_logits(self, feats: Sequence[Tensor]) -> Tensor:
        """Pool each level globally and concatenate the results: ``(N, sum of C_l)``."""
        return torch.cat([feat.mean(dim=(-2, -1)) for feat in feats], dim=1)

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Return the fused logits ``(N, C)``."""
        return fuse(self.level_scores(feats), self.level_logits(feats).softmax(dim=-1))

    def loss(self, feats: Sequence[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return ``loss_cls``, the cross-entropy of the fused logits."""
        return {'loss_cls': self.loss_module(self(feats), self._target(data_samples))}

    def predict(
        self, feats: Sequence[Tensor], data_samples: list[DataSample] | None = None
    ) -> list[DataSample]:
        """Set ``pred_score`` (C,), ``pred_label`` and the level predictions on each sample.

        The level predictions are ``level_scores``, the logits of each level ``(L, C)``, and
        ``level_weights`` ``(L,)``.
        """
        level_scores = self.level_scores(feats)  # (N, L, C)
        level_weights = self.level_logits(feats).softmax(dim=-1)  # (N, L)
        cls_score = fuse(level_scores, level_weights)  # (N, C)
        data_samples = self._get_predictions(cls_score, data_samples)
        for sample, scores, weights in zip(data_samples, level_scores, level_weights, strict=True):
            sample.set_field(scores, 'level_scores', dtype=Tensor)
            sample.set_field(weights, 'level_weights', dtype=Tensor)
        return data_samples

    def _require_levels(self, feats: Sequence[Tensor]) -> None:
        if len(feats) != len(self.fcs):
            raise ValueError(
                f'The head was built for {len(self.fcs)} levels (in_channels), but it gets '
                f'{len(feats)}. Give in_channels one entry per level.'
            )

    def _target(self, data_samples: list[DataSample]) -> Tensor:
        device = next(self.parameters()).device
        return stack_targets(data_samples, self.num_classes).to(device)


@MODELS.register_module()
class PerLevelHead(AverageFusionHead):
    """Head that trains each level separately and averages the logits at test time, as in CHR [5].

    The released code of CHR uses only the logits of the coarsest level at test time. An older
    version of it uses the average. It also masks negatives whose logit is below -20. This mask is
    omitted because their loss is below 3e-9 without it.
    """

    def loss(self, feats: Sequence[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return ``loss_cls``, the sum of the levels' cross-entropies."""
        target = self._target(data_samples)
        losses = [self.loss_module(scores, target) for scores in self.level_scores(feats).unbind(1)]
        return {'loss_cls': torch.stack(losses).sum()}


@MODELS.register_module()
class MetaFusionHead(AverageFusionHead):
    """Head that weights the levels' logits for each image (Eq. 2).

    The meta loss (Eq. 4) teaches it which level to trust.

    Args:
        num_classes: Number of labels, C.
        in_channels: Channels of the levels, fine to coarse.
        loss_meta_weight: The paper's lambda. With 0, only the classification loss trains the
            weights, which is the gated fusion of Table 4.
        thr: Score from which a label counts as predicted.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: Sequence[int] = (256, 256, 256),
        loss_meta_weight: float = 0.1,
        thr: float = 0.5,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(num_classes, in_channels, thr, init_cfg)
        self.loss_meta_weight = loss_meta_weight
        self.meta_selection = MetaSelection(in_channels)

    def level_logits(self, feats: Sequence[Tensor]) -> Tensor:
        """Run the meta-selection network: float32 ``(N, L)``, before the softmax."""
        return self.meta_selection(feats).float()

    def loss(self, feats: Sequence[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return ``loss_cls`` and, unless its weight is 0, ``loss_meta``.

        Raises:
            KeyError: A sample has no ``gt_meta_level`` although its loss has a weight.
        """
        level_logits = self.level_logits(feats)  # (N, L)
        cls_score = fuse(self.level_scores(feats), level_logits.softmax(dim=-1))  # (N, C)
        losses = {'loss_cls': self.loss_module(cls_score, self._target(data_samples))}
        if self.loss_meta_weight:
            if any('gt_meta_level' not in sample for sample in data_samples):
                raise KeyError(
                    'The meta loss needs gt_meta_level. Set and pack it in the pipeline '
                    "(type='mmsxm.IntuitiveMetaLevel' for MF-I), give the dataset meta_labels "
                    '(MF-N), or set loss_meta_weight=0 for gated fusion.'
                )
            level = torch.stack([sample.gt_meta_level for sample in data_samples])  # (N,)
            losses['loss_meta'] = self.loss_meta_weight * meta_level_loss(
                level_logits, level.to(level_logits.device)
            )
        return losses
