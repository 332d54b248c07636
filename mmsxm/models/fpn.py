"""Feature pyramid network, reference [6] of the paper (Lin et al., CVPR 2017, arXiv:1612.03144).

Deviation, as in the authors' code: the coarser map is upsampled bilinearly instead of by nearest
neighbor. The initial weights (Xavier) are those of torchvision's and OpenMMLab's FPN.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmsxm.registry import MODELS


@MODELS.register_module()
class FPN(BaseModule):
    """Neck that gives all levels of a backbone the same channels and the context of coarser levels.

    It uses 1x1 laterals, bilinear top-down addition, and a 3x3 convolution on each level, without
    normalization. It takes and returns a tuple ordered from fine to coarse:
    ``(N, C_l, H_l, W_l)`` -> ``(N, out_channels, H_l, W_l)``.

    Args:
        in_channels: Channels of the backbone's levels, fine to coarse.
        out_channels: Channels of each level of the pyramid.
        relu: Whether each level ends with a ReLU. The 3x3 convolutions are then a hidden layer of
            the head, where otherwise all layers after the backbone are linear. Ours: the paper's
            pyramid has none.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int = 256,
        relu: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(
            init_cfg or dict(type='Xavier', layer='Conv2d', distribution='uniform', bias=0)
        )
        self.laterals = nn.ModuleList(nn.Conv2d(c, out_channels, 1) for c in in_channels)
        self.smooth = nn.ModuleList(
            nn.Conv2d(out_channels, out_channels, 3, padding=1) for _ in in_channels
        )
        self.relu = relu

    def forward(self, feats: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Build the pyramid.

        Raises:
            ValueError: The backbone has another number of levels or other channels, or returns
                vectors instead of maps.
        """
        self._check(feats)
        # (N, out_channels, H_l, W_l) each
        pyramid = [lateral(feat) for lateral, feat in zip(self.laterals, feats, strict=True)]
        for level in range(len(pyramid) - 2, -1, -1):
            size = pyramid[level].shape[-2:]
            pyramid[level] = pyramid[level] + F.interpolate(
                pyramid[level + 1], size=size, mode='bilinear', align_corners=False
            )
        pyramid = [smooth(level) for smooth, level in zip(self.smooth, pyramid, strict=True)]
        return tuple(F.relu(level) for level in pyramid) if self.relu else tuple(pyramid)

    def _check(self, feats: Sequence[Tensor]) -> None:
        if any(feat.ndim != 4 for feat in feats):
            shapes = ', '.join(str(tuple(feat.shape[1:])) for feat in feats)
            raise ValueError(
                'FPN needs maps (channels, height, width) from the backbone, but gets '
                f'{shapes}. For ConvNeXt set gap_before_final_norm=False, for vision transformers '
                "out_type='featmap'."
            )
        if len(feats) != len(self.laterals):
            raise ValueError(
                f'FPN was built for {len(self.laterals)} levels (in_channels), but the backbone '
                f'returns {len(feats)}. Set its out_indices to the same number of levels.'
            )
        in_channels = [lateral.in_channels for lateral in self.laterals]
        channels = [feat.shape[1] for feat in feats]
        if channels != in_channels:
            raise ValueError(
                f'FPN was built for levels with {in_channels} channels, but the backbone returns '
                f'{channels}. Set neck=dict(in_channels={channels}).'
            )
