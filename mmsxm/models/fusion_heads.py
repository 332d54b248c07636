"""How the levels' predictions become one (Sec. 3.2, "Classification with Meta Fusion").

Every level is pooled globally and classified by a linear layer of its own; the logits are then
averaged (Eq. 1), trained each by itself as CHR [5] does, or weighted for every image by the
meta-selection network (Eq. 2).

Left out: the authors' code averages in the first four epochs of Stage II and weighs from then on,
which the paper does not mention. Initial weights are our choice; nobody published any.
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
    """Stack what is known of the labels, 1, 0 or -1 for ignored: ``(N, C)``."""
    return torch.stack(
        [
            s.gt_score if 'gt_score' in s else label_to_onehot(s.gt_label, num_classes)
            for s in data_samples
        ]
    )


def fuse(level_scores: Tensor, level_weights: Tensor) -> Tensor:
    """Weigh the levels' logits: ``(N, L, C)`` and ``(N, L)`` -> ``(N, C)``."""
    return (level_weights.unsqueeze(-1) * level_scores).sum(dim=1)


@MODELS.register_module()
class AverageFusionHead(MultiLabelClsHead):
    """Average the logits of all levels (Eq. 1); with one level a plain linear classifier.

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
        """Classify every level ``(N, C_l, h, w)`` by itself: float32 logits ``(N, L, C)``."""
        if len(feats) != len(self.fcs):
            raise ValueError(
                f'The head was built for {len(self.fcs)} levels (in_channels), but it gets '
                f'{len(feats)}.'
            )
        scores = [fc(feat.mean(dim=(-2, -1))) for fc, feat in zip(self.fcs, feats, strict=True)]
        return torch.stack(scores, dim=1).float()

    def level_logits(self, feats: Sequence[Tensor]) -> Tensor:
        """Say how far each level is to be trusted, ``(N, L)`` before the softmax: here equally."""
        return feats[0].new_zeros((feats[0].size(0), len(self.fcs)), dtype=torch.float32)

    def pre_logits(self, feats: Sequence[Tensor]) -> Tensor:
        """Pool every level globally and concatenate: ``(N, sum of C_l)``."""
        return torch.cat([feat.mean(dim=(-2, -1)) for feat in feats], dim=1)

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Give the fused logits ``(N, C)``."""
        return fuse(self.level_scores(feats), self.level_logits(feats).softmax(dim=-1))

    def loss(self, feats: Sequence[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Give ``loss_cls``, the cross-entropy of the fused logits."""
        return {'loss_cls': self.loss_module(self(feats), self._target(data_samples))}

    def predict(
        self, feats: Sequence[Tensor], data_samples: list[DataSample] | None = None
    ) -> list[DataSample]:
        """Set ``pred_score`` (C,), ``pred_label`` and what they are made of on every sample.

        That is ``level_scores``, each level's logits ``(L, C)``, and ``level_weights`` ``(L,)``.
        """
        level_scores = self.level_scores(feats)
        level_weights = self.level_logits(feats).softmax(dim=-1)
        cls_score = fuse(level_scores, level_weights)
        data_samples = self._get_predictions(cls_score, data_samples)
        for sample, scores, weights in zip(data_samples, level_scores, level_weights, strict=True):
            sample.set_field(scores, 'level_scores', dtype=Tensor)
            sample.set_field(weights, 'level_weights', dtype=Tensor)
        return data_samples

    def _target(self, data_samples: list[DataSample]) -> Tensor:
        device = next(self.parameters()).device
        return stack_targets(data_samples, self.num_classes).to(device)


@MODELS.register_module()
class PerLevelHead(AverageFusionHead):
    """Train every level by itself and average the logits in the test, as CHR [5].

    Its released code takes the coarsest level's logits alone in the test, an older version of it
    the average. Its mask of negatives whose logit is below -20 is left out: their loss is below
    3e-9 without it.
    """

    def loss(self, feats: Sequence[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Give ``loss_cls``, the sum of the levels' cross-entropies."""
        target = self._target(data_samples)
        losses = [self.loss_module(scores, target) for scores in self.level_scores(feats).unbind(1)]
        return {'loss_cls': torch.stack(losses).sum()}


@MODELS.register_module()
class MetaFusionHead(AverageFusionHead):
    """Weigh the levels' logits for every image (Eq. 2), taught which level to trust (Eq. 4).

    Args:
        num_classes: Number of labels, C.
        in_channels: Channels of the levels, fine to coarse.
        loss_meta_weight: The paper's lambda. 0 leaves the weights to the classification loss,
            which is the gated fusion of Table 4.
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
        """Ask the meta-selection network: float32 ``(N, L)``, before the softmax."""
        return self.meta_selection(feats).float()

    def loss(self, feats: Sequence[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Give ``loss_cls`` and, unless its weight is 0, ``loss_meta``.

        Raises:
            KeyError: the samples carry no ``gt_meta_level`` though its loss has a weight.
        """
        level_logits = self.level_logits(feats)
        cls_score = fuse(self.level_scores(feats), level_logits.softmax(dim=-1))
        losses = {'loss_cls': self.loss_module(cls_score, self._target(data_samples))}
        if self.loss_meta_weight:
            if any('gt_meta_level' not in sample for sample in data_samples):
                raise KeyError(
                    'The meta loss needs gt_meta_level: let the pipeline set and pack it '
                    "(type='mmsxm.IntuitiveMetaLevel' for MF-I), give the data set meta_labels "
                    '(MF-N), or set loss_meta_weight=0 for gated fusion.'
                )
            level = torch.stack([sample.gt_meta_level for sample in data_samples])
            losses['loss_meta'] = self.loss_meta_weight * meta_level_loss(
                level_logits, level.to(level_logits.device)
            )
        return losses
