"""Meta-selection network (Sec. 3.2, Table 1), after Soft Anchor-Point Detection [40]."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

POOLED_SIZE = 7  # Fig. 3; three convolutions without padding reduce it to 5, 3 and 1


class MetaSelection(BaseModule):
    """Network that predicts from the whole pyramid which of its levels to trust.

    Each level is pooled to 7x7 (adaptively, so that any input size works). The levels are then
    concatenated. Three 3x3 convolutions without padding and a linear layer follow.

    Args:
        in_channels: Channels of the levels, fine to coarse.
        channels: Channels of the convolutions.
    """

    def __init__(
        self,
        in_channels: Sequence[int] = (256, 256, 256),
        channels: int = 256,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d'))
        widths = [sum(in_channels), channels, channels, channels]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 3), nn.ReLU(inplace=True)]
        self.convs = nn.Sequential(*layers)
        self.fc = nn.Linear(channels, len(in_channels))

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Turn L levels ``(N, C_l, h_l, w_l)`` into logits ``(N, L)``; softmax gives weights."""
        # (N, C_l, 7, 7) each
        pooled = [F.adaptive_avg_pool2d(feat, POOLED_SIZE) for feat in feats]
        x = self.convs(torch.cat(pooled, dim=1))  # (N, channels, 1, 1)
        return self.fc(x.flatten(1))  # (N, L)
