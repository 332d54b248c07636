"""Neck of CHR, reference [5] of the paper (Miao et al., CVPR 2019, arXiv:1901.00303).

"Class-balanced Hierarchical Refinement" passes the information of coarser levels to finer ones and
lets each level predict separately. The outputs o1, o2 and o3 of paper [5] are the predictions of
P5, P4 and P3. Shapes and order are taken from its released code, which ran on PyTorch 0.3.1 and
therefore upsampled with aligned corners. Initial weights are PyTorch's defaults, as in that code.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmsxm.registry import MODELS


@MODELS.register_module()
class HierarchicalRefinement(BaseModule):
    """Neck that refines each level of a backbone by the coarser ones; channels and sizes stay.

    All convolutions are 1x1, each with ReLU. The coarsest level is convolved for its own
    prediction, but passed down raw. Each finer level is convolved, concatenated with the upsampled
    level above, and mixed to its own channels. The mixed level is passed down::

        P5 = conv(l4);  P4 = mix(up(l4), conv(l3));  P3 = mix(up(P4), conv(l2))

    It takes and returns a tuple ordered from fine to coarse, ``(N, C_l, H_l, W_l)`` each.

    Args:
        in_channels: Channels of the backbone's levels, fine to coarse.
    """

    def __init__(
        self, in_channels: Sequence[int], init_cfg: dict | list[dict] | None = None
    ) -> None:
        super().__init__(init_cfg)
        self.convs = nn.ModuleList(nn.Conv2d(c, c, 1) for c in in_channels)
        self.mixes = nn.ModuleList(
            nn.Conv2d(coarse + fine, fine, 1) for fine, coarse in pairwise(in_channels)
        )

    def forward(self, feats: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Refine all levels.

        Raises:
            ValueError: The backbone has another number of levels.
        """
        if len(feats) != len(self.convs):
            raise ValueError(
                f'HierarchicalRefinement was built for {len(self.convs)} levels (in_channels), but '
                f'the backbone returns {len(feats)}. Set its out_indices to the same number of '
                'levels.'
            )
        # (N, C_l, H_l, W_l) each
        refined = [F.relu(conv(feat)) for conv, feat in zip(self.convs, feats, strict=True)]
        above = feats[-1]
        for level in range(len(self.mixes) - 1, -1, -1):
            fine = refined[level]
            size = fine.shape[-2:]
            above = F.interpolate(above, size=size, mode='bilinear', align_corners=True)
            above = F.relu(self.mixes[level](torch.cat([above, fine], dim=1)))  # (N, C_l, H_l, W_l)
            refined[level] = above
        return tuple(refined)
