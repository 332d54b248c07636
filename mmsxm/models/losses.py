"""Losses of Stage I (Eq. 3) and Stage II (Eq. 4).

Reductions are taken from the authors' code, and the paper's learning rates are valid only with
them. The squared error of the heatmaps is summed over pixels, and the cross-entropies are means.
"""

import torch.nn.functional as F
from torch import Tensor, nn


def summed_mse_loss(attention_map: Tensor, target: Tensor) -> Tensor:
    """Sum the squared error over pixels and average it over the images that have a target.

    The loss is 0 if no image has one.

    Args:
        attention_map: ``(N, 1, h, w)`` in [0, 1].
        target: ``(N, 1, H, W)``, average-pooled to the size of the map. It is -1 everywhere for an
            image whose item positions are unknown.
    """
    known = (target >= 0).flatten(1).all(dim=1)  # (N,)
    h, w = attention_map.shape[-2:]
    error = attention_map.float() - F.adaptive_avg_pool2d(target, (h, w))  # (N, 1, h, w)
    return (error.square().flatten(1).sum(dim=1) * known).sum() / known.sum().clamp(min=1)


def multilabel_bce_loss(cls_score: Tensor, target: Tensor) -> Tensor:
    """Average the binary cross-entropy over batch and classes, ignoring targets of -1.

    Args:
        cls_score: Logits, ``(N, C)``.
        target: 1, 0 or -1 for ignored, ``(N, C)``.
    """
    known = target >= 0
    loss = F.binary_cross_entropy_with_logits(
        cls_score.float(), target.clamp(min=0).float(), weight=known.float(), reduction='sum'
    )
    return loss / known.sum().clamp(min=1)


def level_bce_losses(level_scores: Tensor, target: Tensor) -> Tensor:
    """Average the binary cross-entropy over classes, for each image and level: ``(N, L)``.

    Args:
        level_scores: Logits of each level, ``(N, L, C)``.
        target: 1, 0 or -1 for ignored, ``(N, C)``.
    """
    target = target.unsqueeze(1).expand_as(level_scores)  # (N, L, C)
    known = target >= 0
    loss = F.binary_cross_entropy_with_logits(
        level_scores.float(), target.clamp(min=0).float(), weight=known.float(), reduction='none'
    )
    return loss.sum(dim=-1) / known.sum(dim=-1).clamp(min=1)  # (N, L)


def meta_level_loss(level_logits: Tensor, target: Tensor) -> Tensor:
    """Average the cross-entropy over the images that have a level.

    The loss is 0 if no image has one.

    Args:
        level_logits: ``(N, L)``, before the softmax.
        target: Index of the level to trust, or -1 for none, ``(N,)``.
    """
    loss = F.cross_entropy(level_logits.float(), target, ignore_index=-1, reduction='sum')
    return loss / (target >= 0).sum().clamp(min=1)


class MultiLabelBCELoss(nn.Module):
    """Module for :func:`multilabel_bce_loss`.

    mmpretrain's multi-label head divides only by the batch size. Its loss is C times larger, which
    would shift the learning rate and the weight of the meta loss.
    """

    def forward(self, cls_score: Tensor, target: Tensor) -> Tensor:
        """Compare logits with targets, both ``(N, C)``."""
        return multilabel_bce_loss(cls_score, target)
