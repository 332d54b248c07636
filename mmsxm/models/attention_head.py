"""Bottom-up attention (Sec. 3.2, "Pyramid Refinement with Bottom-up Attention", and Fig. 2).

The head predicts where prohibited items are. It starts at stride 8 from the finest pyramid level.
One :class:`UpsampleModule` each then leads to stride 4 and 2. Each step sees the raw image at its
own resolution. Layer sizes are taken from the authors' code because the paper gives none.

The paper leaves some points open. We chose as follows:

- The paper's "last feature maps of the backbone" is P3. The authors start at P2, which is
  ``start='P2'`` here.
- The image is the normalized input, average-pooled.
- The image joins after upsampling. The paper's "before each upsampling" is ``concat='before'``.

No initial weights were published. Ours are Kaiming's, except for the last convolution of each map.
Its bias gives the share of the image that items cover (as in RetinaNet, arXiv:1708.02002,
Sec. 4.1), and its weights are small. With Kaiming's weights there, the summed loss of the first
step is so steep that it drives the sigmoid to 0 everywhere, where its gradient vanishes (measured).
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule, normal_init
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmsxm.conventions import LEVELS
from mmsxm.models.losses import require_maps, summed_mse_loss
from mmsxm.registry import MODELS

IMAGE_CHANNELS = 3
# P3, P4, P5 are the last levels of a pyramid; a finer level before them is used by attention only
NUM_LEVELS = len(LEVELS)
PRIOR = 0.1  # share of an image's area; boxes of SIXray's positives cover 11% on average
TO_MAP_STD = 0.05


def dilated_block(in_channels: int, channels: Sequence[int], num_maps: int = 1) -> nn.Sequential:
    """Stack 3x3 convolutions of dilation 2 with ReLU, and a 1x1 convolution to the maps."""
    layers: list[nn.Module] = []
    for out_channels in channels:
        layers += [
            nn.Conv2d(in_channels, out_channels, 3, padding=2, dilation=2),
            nn.ReLU(inplace=True),
        ]
        in_channels = out_channels
    # (N, C, h, w) -> (N, num_maps, h, w)
    return nn.Sequential(*layers, nn.Conv2d(in_channels, num_maps, 1))


def with_image(features: Tensor, image: Tensor | None) -> Tensor:
    """Concatenate the image, average-pooled to the size of the features, with the features.

    Return the features unchanged if there is no image.
    """
    if image is None:
        return features
    size = features.size(2), features.size(3)
    return torch.cat([F.adaptive_avg_pool2d(image, size), features], dim=1)  # (N, 3 + C, h, w)


def starting_level(feats: Sequence[Tensor], start: str) -> Tensor:
    """Return the level of a pyramid where attention starts.

    Raises:
        ValueError: The pyramid has no P2.
    """
    if start == 'P3':
        return feats[-NUM_LEVELS:][0]  # (N, C, H/8, W/8)
    if len(feats) <= NUM_LEVELS:
        raise ValueError(
            f'Attention starts at P2, but the pyramid ends with P3, P4, P5 and has {len(feats)} '
            'levels in total. Put the level of stride 4 first (out_indices of the backbone and '
            "in_channels of the neck), or set start='P3'."
        )
    return feats[-NUM_LEVELS - 1]  # (N, C, H/4, W/4)


class UpsampleModule(BaseModule):
    """Module that doubles the resolution of attention maps with the help of the raw image.

    ``(N, K, h, w)`` maps in [0, 1] and ``(N, 3, H, W)`` image -> ``(N, K, 2h, 2w)`` maps.

    Args:
        channels: Output channels of the dilated convolutions.
        raw_image: Whether to concatenate the image (Table 7).
        concat: Whether the image joins ``'after'`` or ``'before'`` upsampling.
        num_maps: Number of maps, K: 1 in the paper.
    """

    def __init__(
        self,
        channels: Sequence[int] = (32, 32, 32, 16),
        raw_image: bool = True,
        concat: str = 'after',
        num_maps: int = 1,
    ) -> None:
        super().__init__()
        if concat not in ('before', 'after'):
            raise ValueError(f"concat must be 'before' or 'after' (upsampling), not {concat!r}.")
        self.raw_image = raw_image
        self.concat = concat
        self.block = dilated_block(num_maps + IMAGE_CHANNELS * raw_image, channels, num_maps)

    def forward(self, attention_map: Tensor, image: Tensor) -> Tensor:
        """Upsample the maps."""
        raw = image if self.raw_image else None
        x = attention_map  # (N, K, h, w)
        if self.concat == 'before':
            x = with_image(x, raw)  # (N, K + 3, h, w)
        x = F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)  # (N, C, 2h, 2w)
        if self.concat == 'after':
            x = with_image(x, raw)  # (N, K + 3, 2h, 2w)
        return self.block(x).float().sigmoid()  # (N, K, 2h, 2w)


@MODELS.register_module()
class BottomUpAttentionHead(BaseModule):
    """Attention head that predicts heatmaps of prohibited items, coarse to fine.

    Args:
        in_channels: Channels of the pyramid.
        stride: Stride of the last map: 8, 4 or 2. For an image of 224, this is a map of 28, 56 or
            112 (Table 6).
        raw_image: Whether each step sees the image (Table 7).
        concat: Where the image joins in an Upsample Module, ``'after'`` or ``'before'``.
        start: ``'P3'`` or ``'P2'``. P2 needs a pyramid that has this level before its last three.
            It is reduced to stride 8 by a 3x3 convolution of stride 2 and dilation 2, as in the
            authors' code.
        loss_weight: Weight of the heatmap loss. 0 trains the head only by the classification loss,
            as in Stage II.
        num_maps: Number of maps, K: 1 in the paper, which is for all classes, or one per class.
    """

    def __init__(
        self,
        in_channels: int = 256,
        stride: int = 4,
        raw_image: bool = True,
        concat: str = 'after',
        start: str = 'P3',
        loss_weight: float = 1.0,
        num_maps: int = 1,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d'))
        if stride not in (8, 4, 2):
            raise ValueError(
                f'stride={stride} is not a stride of attention maps: set it to 8, 4 or 2.'
            )
        if start not in ('P3', 'P2'):
            raise ValueError(f"start must be 'P3' or 'P2', not {start!r}.")
        self.start = start
        self.raw_image = raw_image
        self.loss_weight = loss_weight
        self.num_maps = num_maps
        self.target_transform = 'EllipseHeatmap' if num_maps == 1 else 'ClassHeatmap'
        self.reduce: nn.Module = nn.Identity()
        if start == 'P2':
            self.reduce = nn.Conv2d(in_channels, 128, 3, stride=2, padding=2, dilation=2)
            in_channels = 128
        self.block = dilated_block(
            in_channels + IMAGE_CHANNELS * raw_image, (128, 128, 128, 64), num_maps
        )
        self.upsample = nn.ModuleList(
            UpsampleModule(raw_image=raw_image, concat=concat, num_maps=num_maps)
            for _ in range({8: 0, 4: 1, 2: 2}[stride])
        )

    def init_weights(self) -> None:
        """Initialize as in ``init_cfg``, then let each map start at :data:`PRIOR`."""
        super().init_weights()
        for module in (self, *self.upsample):
            normal_init(module.block[-1], std=TO_MAP_STD, bias=math.log(PRIOR / (1 - PRIOR)))

    def forward(self, feats: Sequence[Tensor], image: Tensor) -> tuple[Tensor, ...]:
        """Predict the maps of each step, from stride 8 to ``stride``.

        Args:
            feats: Pyramid, fine to coarse, ending with P3, P4, P5. The level ``start`` is used.
            image: Normalized input, ``(N, 3, H, W)``.

        Returns:
            Maps in [0, 1], float32, ``(N, K, h, w)`` each.

        Raises:
            ValueError: The pyramid has no P2 to start from.
        """
        level = starting_level(feats, self.start)  # (N, C, H/8, W/8), or H/4, W/4 for P2
        x = with_image(self.reduce(level), image if self.raw_image else None)  # (N, C, H/8, W/8)
        maps = [self.block(x).float().sigmoid()]  # (N, K, H/8, W/8)
        for upsample in self.upsample:
            maps.append(upsample(maps[-1], image))  # (N, K, 2h, 2w)
        return tuple(maps)

    def loss(self, maps: Sequence[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Compare each map with the ellipses (Eq. 3), over the images that have boxes.

        Returns:
            ``loss_heatmap_s8``, ``loss_heatmap_s4``...: one for each stride, weighted.

        Raises:
            KeyError: An image has no ``gt_heatmap``.
            ValueError: The size or the number of the heatmaps differs from that of the maps.
        """
        if any('gt_heatmap' not in sample for sample in data_samples):
            raise KeyError(
                "The attention loss needs gt_heatmap. Draw it in the pipeline (type='mmsxm."
                f"{self.target_transform}') and pack it (algorithm_keys of PackInputs)."
            )
        target = torch.stack([sample.gt_heatmap for sample in data_samples])  # (N, K, h, w)
        if target.shape[-2:] != maps[-1].shape[-2:]:
            raise ValueError(
                f'The drawn heatmaps are {tuple(target.shape[-2:])}, but the last attention map is '
                f'{tuple(maps[-1].shape[-2:])}. Give {self.target_transform} and the attention '
                'head the same stride, and the last three levels of the pyramid the strides 8, 16 '
                'and 32.'
            )
        require_maps(target, self.num_maps)
        target = target.to(maps[0].device, non_blocking=True)
        return {
            f'loss_heatmap_s{8 >> step}': self.loss_weight * summed_mse_loss(attention_map, target)
            for step, attention_map in enumerate(maps)
        }
