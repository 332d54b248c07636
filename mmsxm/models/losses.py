"""Losses of Stage I (Eq. 3) and Stage II (Eq. 4).

Reductions are taken from the authors' code, and the paper's learning rates are valid only with
them. The squared error of the heatmaps is summed over pixels, and the cross-entropies are means.
"""

import torch.nn.functional as F
from torch import Tensor, nn


def summed_mse_loss(attention_map: Tensor, target: Tensor) -> Tensor:
    """Sum the squared error over pixels and average it over the maps that have a target.

    The loss is 0 if no map has one.

    Args:
        attention_map: ``(N, K, h, w)`` in [0, 1].
        target: ``(N, K, H, W)``, average-pooled to the size of the map. It is -1 everywhere in a
            map whose item positions are unknown.
    """
    known = (target >= 0).flatten(2).all(dim=2)  # (N, K)
    h, w = attention_map.shape[-2:]
    error = attention_map.float() - F.adaptive_avg_pool2d(target, (h, w))  # (N, K, h, w)
    return (error.square().flatten(2).sum(dim=2) * known).sum() / known.sum().clamp(min=1)


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


def require_maps(target: Tensor, num_maps: int) -> None:
    """Check that the drawn heatmaps ``(N, K, h, w)`` are as many as the maps of a network.

    Raises:
        ValueError: They are not. Broadcasting would train each map on all items.
    """
    if target.size(1) != num_maps:
        raise ValueError(
            f'The network has {num_maps} maps, but {target.size(1)} heatmaps are drawn for each '
            "image. Draw one per class with type='mmsxm.ClassHeatmap', or one for all classes with "
            "'mmsxm.EllipseHeatmap'."
        )


def focal_map_loss(
    evidence: Tensor, target: Tensor, alpha: float = 0.25, gamma: float = 2.0
) -> Tensor:
    """Sum the focal loss over pixels and divide it by the number of item pixels in the batch.

    This is the focal loss of RetinaNet (arXiv:1708.02002, Eq. 5). A pixel that an item covers
    partly counts for both sides by its share.

    Args:
        evidence: Logits, ``(N, C, h, w)``.
        target: ``(N, C, H, W)`` in [0, 1], average-pooled to the size of the logits. The map of a
            class whose item positions are unknown is negative everywhere and ignored.
    """
    known = (target >= 0).flatten(2).all(dim=2)[..., None, None]  # (N, C, 1, 1)
    h, w = evidence.shape[-2:]
    inside = F.adaptive_avg_pool2d(target.clamp(min=0), (h, w))  # (N, C, h, w)
    evidence = evidence.float()
    score = evidence.sigmoid()
    positive = alpha * (1 - score) ** gamma * -F.logsigmoid(evidence)
    negative = (1 - alpha) * score**gamma * -F.logsigmoid(-evidence)
    loss = inside * positive + (1 - inside) * negative  # (N, C, h, w)
    return (loss * known).sum() / (inside * known).sum().clamp(min=1)


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
