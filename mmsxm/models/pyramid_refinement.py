"""Refinement of the pyramid by attention (Sec. 3.2): each level is multiplied by the map.

Measured, and not in the paper: with the plain product, Stage II drives the map toward 1 everywhere,
on real bags within one or two epochs. A map whose mean is far below 1 shrinks all features, and
each gradient increases it. Dividing the map by its own mean removes that gain. A pooled feature
then becomes an attention-weighted mean, whose scale does not depend on that of the map.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mmsxm.registry import MODELS


def refine_by_product(feats: Sequence[Tensor], attention_map: Tensor) -> tuple[Tensor, ...]:
    """Multiply each level ``(N, C, h, w)`` by the map ``(N, 1, H, W)``, average-pooled to it."""
    # (N, C, h, w) each
    return tuple(
        feat * F.adaptive_avg_pool2d(attention_map, (feat.size(2), feat.size(3))) for feat in feats
    )


def normalize_map(attention_map: Tensor, eps: float = 1e-3) -> Tensor:
    """Divide each map ``(N, 1, H, W)`` by its own mean, in float32.

    ``eps`` prevents an empty map, as of a bag without items, from becoming noise of mean 1.
    """
    attention_map = attention_map.float()
    return attention_map / (attention_map.mean(dim=(-2, -1), keepdim=True) + eps)


@MODELS.register_module()
class ProductRefinement(nn.Module):
    """Refinement as published: :func:`refine_by_product`."""

    def forward(self, feats: Sequence[Tensor], attention_map: Tensor) -> tuple[Tensor, ...]:
        """Refine all levels."""
        return refine_by_product(feats, attention_map)


@MODELS.register_module()
class NormalizedRefinement(nn.Module):
    """Refinement by the map divided by its own mean: :func:`normalize_map`, then the product."""

    def forward(self, feats: Sequence[Tensor], attention_map: Tensor) -> tuple[Tensor, ...]:
        """Refine all levels."""
        return refine_by_product(feats, normalize_map(attention_map))
