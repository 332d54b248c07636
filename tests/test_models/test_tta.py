"""Scores averaged over views."""

from types import SimpleNamespace

import torch
from mmpretrain.structures import DataSample

from mmsxm.models import MultiLabelTTA


class Net(torch.nn.Module):
    head = SimpleNamespace(thr=0.5)

    def test_step(self, data: dict) -> None:
        """What mmengine asks of a model under augmentation."""


def test_labels_follow_the_average() -> None:
    tta = MultiLabelTTA(module=Net())
    plain = DataSample().set_pred_score([0.6, 0.4, 0.9]).set_pred_label([0, 2])
    mirrored = DataSample().set_pred_score([0.2, 0.8, 0.7]).set_pred_label([1, 2])
    for key in ('attention_map', 'class_maps', 'level_weights', 'level_scores'):
        plain.set_field(torch.ones(2, 2), key)
    merged = tta.merge_preds([[plain, mirrored]])[0]
    torch.testing.assert_close(merged.pred_score, torch.tensor([0.4, 0.6, 0.8]))
    assert merged.pred_label.tolist() == [1, 2]
    assert set(merged.keys()) == {'pred_score', 'pred_label'}  # the rest is of one view alone
