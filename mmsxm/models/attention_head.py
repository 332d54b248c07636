"""Bottom-up attention (Sec. 3.2, "Pyramid Refinement with Bottom-up Attention", and Fig. 2).

The head predicts where prohibited items are, first at stride 8 from the finest pyramid level and
then, by one :class:`UpsampleModule` each, at stride 4 and 2. Every step sees the raw image at its
own resolution. Layer sizes are facts of the authors' code, since the paper gives none.

Open in the paper, and chosen here: the paper's "last feature maps of the backbone" is P3, and the
authors' start at P2 is ``start='P2'``; the image is the normalised input, average-pooled; it joins
after upsampling, and the paper's "before each upsampling" is ``concat='before'``.

Nobody published initial weights. Ours are Kaiming's, but for the last convolution of every map,
whose bias gives the share of the image that items cover (as in RetinaNet, arXiv:1708.02002,
Sec. 4.1) and whose weights are small: with Kaiming's there the summed loss of the first step is so
steep that it drives the sigmoid to 0 everywhere, where it has no gradient left (measured).
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule, normal_init
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmsxm.conventions import LEVELS
from mmsxm.models.losses import summed_mse_loss
from mmsxm.registry import MODELS

IMAGE_CHANNELS = 3
NUM_LEVELS = len(
    LEVELS
)  # a pyramid ends with P3, P4, P5; a finer level before them serves attention alone
PRIOR = 0.1  # of an image's area; boxes of SIXray's positives cover 11 % on average
TO_MAP_STD = 0.05


def dilated_block(in_channels: int, channels: Sequence[int]) -> nn.Sequential:
    """Stack 3x3 convolutions of dilation 2, each with ReLU, then a 1x1 one to one channel."""
    layers: list[nn.Module] = []
    for out_channels in channels:
        layers += [
            nn.Conv2d(in_channels, out_channels, 3, padding=2, dilation=2),
            nn.ReLU(inplace=True),
        ]
        in_channels = out_channels
    return nn.Sequential(*layers, nn.Conv2d(in_channels, 1, 1))


def with_image(features: Tensor, image: Tensor | None) -> Tensor:
    """Concatenate features with the image, average-pooled to their size; None leaves it out."""
    if image is None:
        return features
    size = features.size(2), features.size(3)
    return torch.cat([F.adaptive_avg_pool2d(image, size), features], dim=1)


def starting_level(feats: Sequence[Tensor], start: str) -> Tensor:
    """Pick the level of a pyramid that attention starts from.

    Raises:
        ValueError: The pyramid has no P2.
    """
    if start == 'P3':
        return feats[-NUM_LEVELS:][0]
    if len(feats) <= NUM_LEVELS:
        raise ValueError(
            f'Attention starts at P2, but the pyramid ends with P3, P4, P5 and has {len(feats)} '
            "levels in all. Put the level of stride 4 first (the backbone's out_indices and the "
            "neck's in_channels), or set start='P3'."
        )
    return feats[-NUM_LEVELS - 1]


class UpsampleModule(BaseModule):
    """Double the resolution of an attention map with the help of the raw image.

    ``(N, 1, h, w)`` map in [0, 1] and ``(N, 3, H, W)`` image -> ``(N, 1, 2h, 2w)`` map.

    Args:
        channels: Of the dilated convolutions.
        raw_image: Whether the image is concatenated (Table 7).
        concat: Whether it joins ``'after'`` upsampling or ``'before'``.
    """

    def __init__(
        self,
        channels: Sequence[int] = (32, 32, 32, 16),
        raw_image: bool = True,
        concat: str = 'after',
    ) -> None:
        super().__init__()
        if concat not in ('before', 'after'):
            raise ValueError(f"concat is 'before' or 'after' upsampling, not {concat!r}.")
        self.raw_image = raw_image
        self.concat = concat
        self.block = dilated_block(1 + IMAGE_CHANNELS * raw_image, channels)

    def forward(self, attention_map: Tensor, image: Tensor) -> Tensor:
        """Upsample one map."""
        raw = image if self.raw_image else None
        x = attention_map
        if self.concat == 'before':
            x = with_image(x, raw)
        x = F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)
        if self.concat == 'after':
            x = with_image(x, raw)
        return self.block(x).float().sigmoid()


@MODELS.register_module()
class BottomUpAttentionHead(BaseModule):
    """Predict heat maps of prohibited items, coarse to fine.

    Args:
        in_channels: Channels of the pyramid.
        stride: Of the last map: 8, 4 or 2, that is 28, 56 or 112 for an image of 224 (Table 6).
        raw_image: Whether every step sees the image (Table 7).
        concat: Where the image joins in an Upsample Module, ``'after'`` or ``'before'``.
        start: ``'P3'``, or ``'P2'`` with a pyramid that has this level before its last three,
            reduced to stride 8 by a 3x3 convolution of stride 2 and dilation 2 as the authors do.
        loss_weight: Of the heat maps' loss; 0 trains the head by the classification loss alone,
            as Stage II does.
    """

    def __init__(
        self,
        in_channels: int = 256,
        stride: int = 4,
        raw_image: bool = True,
        concat: str = 'after',
        start: str = 'P3',
        loss_weight: float = 1.0,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d'))
        if stride not in (8, 4, 2):
            raise ValueError(f'The last attention map has stride 8, 4 or 2, not {stride}.')
        if start not in ('P3', 'P2'):
            raise ValueError(f"Attention starts at 'P3' or 'P2', not {start!r}.")
        self.start = start
        self.raw_image = raw_image
        self.loss_weight = loss_weight
        self.reduce: nn.Module = nn.Identity()
        if start == 'P2':
            self.reduce = nn.Conv2d(in_channels, 128, 3, stride=2, padding=2, dilation=2)
            in_channels = 128
        self.block = dilated_block(
            in_channels + IMAGE_CHANNELS * raw_image, channels=(128, 128, 128, 64)
        )
        self.upsample = nn.ModuleList(
            UpsampleModule(raw_image=raw_image, concat=concat)
            for _ in range({8: 0, 4: 1, 2: 2}[stride])
        )

    def init_weights(self) -> None:
        """Initialise as ``init_cfg`` says, then let every map start at :data:`PRIOR`."""
        super().init_weights()
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.out_channels == 1:  # gives a map
                normal_init(module, std=TO_MAP_STD, bias=math.log(PRIOR / (1 - PRIOR)))

    def forward(self, feats: Sequence[Tensor], image: Tensor) -> tuple[Tensor, ...]:
        """Predict one map per step, from stride 8 to ``stride``.

        Args:
            feats: The pyramid, fine to coarse, ending with P3, P4, P5; the level ``start`` is read.
            image: The normalised input, ``(N, 3, H, W)``.

        Returns:
            Maps in [0, 1], float32, ``(N, 1, h, w)`` each.

        Raises:
            ValueError: The pyramid has no P2 to start from.
        """
        level = starting_level(feats, self.start)
        x = with_image(self.reduce(level), image if self.raw_image else None)
        maps = [self.block(x).float().sigmoid()]  # (N, 1, H/8, W/8)
        for upsample in self.upsample:
            maps.append(upsample(maps[-1], image))  # twice the size of the one before
        return tuple(maps)

    def loss(self, maps: Sequence[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Compare every map with the ellipses (Eq. 3), over the images that have boxes.

        Returns:
            ``loss_heatmap_s8``, ``loss_heatmap_s4``...: one for each stride, weighted.

        Raises:
            KeyError: an image carries no ``gt_heatmap``.
            ValueError: the heat maps are not of the last map's size.
        """
        if any('gt_heatmap' not in sample for sample in data_samples):
            raise KeyError(
                "The attention loss needs gt_heatmap: let the pipeline draw it (type='mmsxm."
                "EllipseHeatmap') and pack it (algorithm_keys of PackInputs)."
            )
        target = torch.stack([sample.gt_heatmap for sample in data_samples])
        if target.shape[-2:] != maps[-1].shape[-2:]:
            raise ValueError(
                f'The heat maps drawn are {tuple(target.shape[-2:])}, the last attention map is '
                f'{tuple(maps[-1].shape[-2:])}: give EllipseHeatmap and the attention head one '
                "stride, and let the pyramid's last three levels have the strides 8, 16 and 32."
            )
        target = target.to(maps[0].device, non_blocking=True)  # (N, 1, h, w)
        return {
            f'loss_heatmap_s{8 >> step}': self.loss_weight * summed_mse_loss(attention_map, target)
            for step, attention_map in enumerate(maps)
        }
