"""SXMNet, Sec. 3.2 and Fig. 2 of the paper.

Hu et al., "Multi-label X-ray Imagery Classification via Bottom-up Attention and Meta Fusion",
ACCV 2020.

One class covers both stages and the baselines, depending on the parts in its config:

- Stage I has an attention head with a loss and no classification head.
- Stage II has both heads and only the classification loss.
- Without an attention head, it is a backbone, with or without FPN, and a fusion head.
"""

from collections.abc import Sequence
from typing import Any

import torch
from mmpretrain.models.classifiers import ImageClassifier
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmsxm.models.attention_head import NUM_LEVELS, BottomUpAttentionHead
from mmsxm.registry import MODELS


@MODELS.register_module()
class SXMNet(ImageClassifier):
    """Network that predicts the prohibited items in an X-ray image and where it looked.

    Args:
        backbone: Any backbone of mmpretrain. With an attention head, its ``out_indices`` name the
            levels of stride 8, 16 and 32 (and 4 first, if attention starts at P2). Without one, any
            levels will do.
        neck: Usually ``mmsxm.FPN``.
        attention_head: ``mmsxm.BottomUpAttentionHead``, with ``loss_weight=0`` in Stage II.
        refinement: How attention refines the pyramid. Required if there are both heads, and not
            allowed without an attention head.
        head: Fusion head, or None in Stage I.
        frozen: Parts that keep their initial weights, such as ``('backbone', 'neck')``. They get no
            gradients and keep their batch statistics.
        data_preprocessor: As in ImageClassifier.
    """

    def __init__(
        self,
        backbone: dict,
        neck: dict | None = None,
        attention_head: dict | None = None,
        refinement: dict | None = None,
        head: dict | None = None,
        frozen: Sequence[str] = (),
        train_cfg: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(
            backbone=backbone,
            neck=neck,
            head=head,
            train_cfg=train_cfg,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg,
        )
        if attention_head is None and head is None:
            raise ValueError('SXMNet has no head. Set attention_head (Stage I), head, or both.')
        if attention_head is not None and head is not None and refinement is None:
            raise ValueError(
                'SXMNet with both heads needs a refinement, which defines how attention changes '
                "the pyramid. Set type='mmsxm.ProductRefinement' or 'mmsxm.NormalizedRefinement'."
            )
        if attention_head is None and refinement is not None:
            raise ValueError(
                'SXMNet has a refinement but no attention_head, whose map the refinement needs. '
                'Set attention_head, or refinement=None for a network without attention.'
            )
        self.attention_head: BottomUpAttentionHead | None = (
            MODELS.build(attention_head) if attention_head is not None else None
        )
        self.refinement: nn.Module | None = (
            MODELS.build(refinement) if refinement is not None else None
        )
        parts = dict(self.named_children())
        for name in frozen:
            if name not in parts:
                raise ValueError(
                    f'frozen names {name!r}, which is not a part of SXMNet. Choose from '
                    f'{", ".join(parts)}.'
                )
            parts[name].requires_grad_(False)
        self.frozen = tuple(frozen)
        # Convolutions are faster in this layout on GPUs, and several times faster on CPUs if they
        # are depthwise. The layout spreads from the weights to all tensors that they touch
        self.to(memory_format=torch.channels_last)

    def train(self, mode: bool = True) -> 'SXMNet':
        """Set the mode of all parts except frozen ones, which stay in evaluation mode."""
        super().train(mode)
        for name in self.frozen:
            self.get_submodule(name).eval()
        return self

    def extract_feat(self, inputs: Tensor, stage: str = 'neck') -> Any:
        """Return features as ImageClassifier does; ``'pre_logits'`` are those of the head."""
        if stage == 'pre_logits' and self.with_head:
            return self.head.pre_logits(self.attend(inputs)[0])
        return super().extract_feat(inputs, stage)

    def attend(self, inputs: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Return the levels that the head classifies and the attention maps, coarse to fine.

        Args:
            inputs: Normalized images, ``(N, 3, H, W)``.

        Returns:
            Levels ``(N, C, h, w)``: all of them, or with an attention head P3, P4 and P5, refined
            if there are both heads; and maps ``(N, K, h, w)``, none without an attention head.
        """
        feats = self.extract_feat(inputs)  # (N, C, h, w) each
        if self.attention_head is None:
            return feats, ()
        pyramid = feats[-NUM_LEVELS:]  # P3, P4, P5 are refined and fused (Sec. 4.2)
        maps = self.attention_head(feats, inputs)  # (N, 1, h, w) each
        if self.refinement is not None:
            pyramid = self.refinement(pyramid, maps[-1])
        return pyramid, maps

    @property
    def has_class_maps(self) -> bool:
        """Whether the network predicts one map per class, and not one for all classes."""
        if self.attention_head is not None:
            return self.attention_head.num_maps > 1
        return hasattr(self.head, 'class_maps')

    def localize(self, feats: Sequence[Tensor], maps: Sequence[Tensor]) -> Tensor | None:
        """Return where items are, from the results of :meth:`attend`.

        Returns:
            ``(N, K, h, w)`` in [0, 1] with one map for each class, or one for all; None if the
            network predicts no maps.
        """
        if maps:
            return maps[-1]
        return self.head.class_maps(feats) if self.has_class_maps else None

    def forward(
        self,
        inputs: Tensor,
        data_samples: list[DataSample] | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """Return logits ``(N, C)`` (``'tensor'``; in Stage I, the last map), losses or results."""
        if mode != 'tensor':
            return super().forward(inputs, data_samples, mode)
        feats, maps = self.attend(inputs)
        return self.head(feats) if self.with_head else maps[-1]

    def loss(self, inputs: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return the losses of Stage I (Eq. 3) or Stage II (Eq. 4)."""
        feats, maps = self.attend(inputs)
        losses: dict[str, Tensor] = {}
        if self.attention_head is not None and self.attention_head.loss_weight:
            losses |= self.attention_head.loss(maps, data_samples)
        if self.with_head:
            losses |= self.head.loss(feats, data_samples)
        return losses

    def predict(
        self, inputs: Tensor, data_samples: list[DataSample] | None = None, **kwargs: Any
    ) -> list[DataSample]:
        """Set maps and the predictions of the head on each sample.

        The maps are ``attention_map`` (h, w) and, if each class has a map, ``class_maps``
        (C, h, w), of which ``attention_map`` is the maximum.
        """
        feats, maps = self.attend(inputs)
        if data_samples is None:
            data_samples = [DataSample() for _ in inputs]
        if self.with_head:
            data_samples = self.head.predict(feats, data_samples, **kwargs)
        located = self.localize(feats, maps)
        if located is not None:
            for sample, sample_maps in zip(data_samples, located, strict=True):
                sample.set_field(sample_maps.amax(dim=0), 'attention_map', dtype=Tensor)
                if self.has_class_maps:
                    sample.set_field(sample_maps, 'class_maps', dtype=Tensor)
        return data_samples
