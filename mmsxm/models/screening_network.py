"""Trained SXMNet in the form that a station runs.

It takes pixels and returns scores, attention and level weights. Normalization, fusion, the sigmoid
and the calibration of the scores are included, so that an exported graph is self-contained.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmsxm.conventions import MAX_LEVELS
from mmsxm.models.fusion_heads import fuse
from mmsxm.models.sxmnet import SXMNet

__all__ = ['ScreeningNetwork']


class ScreeningNetwork(nn.Module):
    """Network wrapped for inference.

    Args:
        model: Network with a classification head and a preprocessor that normalizes.
        slope: For each class, a in sigmoid(a * logit + b).
        offset: For each class, b.

    Raises:
        ValueError: The network is a Stage I, which has no classification head, or has too many
            levels.
    """

    mean: Tensor
    std: Tensor
    slope: Tensor
    offset: Tensor

    def __init__(self, model: SXMNet, slope: Sequence[float], offset: Sequence[float]) -> None:
        super().__init__()
        if not model.with_head:
            raise ValueError(
                'A Stage I network has no classification head, so it cannot screen. Use a Stage II '
                'checkpoint.'
            )
        if len(model.head.fcs) > MAX_LEVELS:
            raise ValueError(
                f'The network has {len(model.head.fcs)} levels, but results have at most '
                f'{MAX_LEVELS}. Train a network with fewer levels (in_channels of its head).'
            )
        self.model = model
        preprocessor = model.data_preprocessor
        self.to_rgb = bool(preprocessor.to_rgb)
        self.register_buffer('mean', preprocessor.mean.view(1, 3, 1, 1).clone())
        self.register_buffer('std', preprocessor.std.view(1, 3, 1, 1).clone())
        self.register_buffer('slope', torch.tensor(slope, dtype=torch.float32))
        self.register_buffer('offset', torch.tensor(offset, dtype=torch.float32))
        self.eval()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Screen images, BGR ``(N, h, w, 3)`` uint8.

        Returns:
            Scores ``(N, C)`` and level weights ``(N, L)``, float32. If the network predicts maps,
            also one for all classes ``(N, h, w)``, or one for each ``(N, C, h, w)``.
        """
        inputs = images.permute(0, 3, 1, 2).float()  # (N, 3, h, w)
        if self.to_rgb:
            inputs = inputs.flip(1)
        feats, maps = self.model.attend((inputs - self.mean) / self.std)
        head = self.model.head
        level_weights = head.level_logits(feats).softmax(dim=-1)  # (N, L)
        logits = fuse(head.level_scores(feats), level_weights)  # (N, C)
        scores = (self.slope * logits + self.offset).sigmoid()  # (N, C)
        located = self.model.localize(feats, maps)  # (N, K, h, w)
        if located is None:
            return scores, level_weights
        return scores, level_weights, located if self.model.has_class_maps else located[:, 0]
