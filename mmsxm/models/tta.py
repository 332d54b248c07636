"""Test-time augmentation of a multi-label network: scores averaged over views of an image."""

import torch
from mmpretrain.models.tta import AverageClsScoreTTA
from mmpretrain.structures import DataSample

from mmsxm.registry import MODELS


@MODELS.register_module()
class MultiLabelTTA(AverageClsScoreTTA):
    """Test-time augmentation that averages the scores of the views and derives labels from them.

    mmpretrain's class returns the labels of the first view with the averaged scores. Attention
    maps, level weights and level scores belong to a single view and are dropped.
    """

    def _merge_single_sample(self, data_samples: list[DataSample]) -> DataSample:
        merged = super()._merge_single_sample(data_samples)
        for key in ('attention_map', 'class_maps', 'level_weights', 'level_scores'):
            if key in merged:
                delattr(merged, key)
        labels = torch.where(merged.pred_score >= self.module.head.thr)[0]
        return merged.set_pred_label(labels)
