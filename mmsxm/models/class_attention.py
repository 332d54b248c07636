"""Class-wise attention: the bottom-up maps of Sec. 3.2, one per class, pool a feature per class.

Ours, not in the paper, whose single map is for all classes. Each class has a map of its own, which
sees the raw image at every step. The map pools each level into one feature per class, which the
linear layer of that class classifies::

    f_c = sum_ij A_cij F_ij / sum_ij A_cij,    s_c = w_c . f_c + b_c

This is the paper's refinement by the product, with the map divided by its own mean (see
:mod:`mmsxm.models.pyramid_refinement`), followed by its global average pooling.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmsxm.models.fusion_heads import AverageFusionHead
from mmsxm.models.pyramid_refinement import normalize_map
from mmsxm.registry import MODELS

__all__ = ['ClassAttentionHead', 'ClassAttentionPooling', 'pool_by_maps']


def pool_by_maps(feat: Tensor, maps: Tensor) -> Tensor:
    """Average a level ``(N, D, h, w)``, weighted by each map ``(N, C, H, W)``: ``(N, C, D)``.

    In float32, also under autocast: sums over a map overflow in float16.
    """
    h, w = feat.shape[-2:]
    weights = normalize_map(F.adaptive_avg_pool2d(maps, (h, w))) / (h * w)  # (N, C, h, w)
    with torch.autocast(feat.device.type, enabled=False):
        return weights.flatten(2) @ feat.float().flatten(2).transpose(1, 2)  # (N, C, D)


@MODELS.register_module()
class ClassAttentionPooling(nn.Module):
    """Refinement that pools each level by class-wise maps: :func:`pool_by_maps`."""

    def forward(self, feats: Sequence[Tensor], attention_map: Tensor) -> tuple[Tensor, ...]:
        """Pool all levels ``(N, D, h, w)`` by maps ``(N, C, H, W)``: ``(N, C, D)`` each."""
        return tuple(pool_by_maps(feat, attention_map) for feat in feats)


@MODELS.register_module()
class ClassAttentionHead(AverageFusionHead):
    """Head that classifies one feature per class, for each level separately, and averages them."""

    def level_scores(self, feats: Sequence[Tensor]) -> Tensor:
        """Classify each level's features ``(N, C, D)``: float32 logits ``(N, L, C)``."""
        # Each class reads its own feature: of the (C, C) products, the diagonal is what counts
        scores = [
            fc(feat).diagonal(dim1=1, dim2=2) for fc, feat in zip(self.fcs, feats, strict=True)
        ]  # (N, C) each
        return torch.stack(scores, dim=1).float()  # (N, L, C)

    def pre_logits(self, feats: Sequence[Tensor]) -> Tensor:
        """Average the features of the classes and concatenate the levels: ``(N, sum of D_l)``."""
        return torch.cat([feat.mean(dim=1) for feat in feats], dim=1)
