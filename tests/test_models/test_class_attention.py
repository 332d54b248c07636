"""Class-wise attention: one map per class pools one feature per class."""

import pytest
import torch
from mmpretrain.structures import DataSample

from mmsxm.models import BottomUpAttentionHead, ClassAttentionHead, SXMNet
from mmsxm.models.class_attention import pool_by_maps

CLASSES = 3


def test_a_map_pools_its_weighted_mean():
    feat, maps = torch.randn(2, 8, 4, 4), torch.rand(2, CLASSES, 8, 8)
    pooled = pool_by_maps(feat, maps)
    assert pooled.shape == (2, CLASSES, 8)
    weights = torch.nn.functional.avg_pool2d(maps, 2)  # (2, C, 4, 4)
    for image in range(2):
        for label in range(CLASSES):
            weight = weights[image, label]
            mean = (feat[image] * weight).sum(dim=(1, 2)) / weight.sum()
            assert torch.allclose(pooled[image, label], mean, atol=5e-3)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_pooling_is_exact_in_reduced_precision(dtype):
    feat, maps = torch.full((1, 8, 28, 28), 100.0), torch.rand(1, CLASSES, 28, 28)
    with torch.autocast('cpu', dtype=dtype):
        pooled = pool_by_maps(feat.to(dtype), maps)
    assert pooled.dtype == torch.float32
    assert torch.allclose(pooled, torch.full_like(pooled, 100), rtol=5e-3)


def test_one_heatmap_for_all_classes_is_refused():
    head = BottomUpAttentionHead(in_channels=8, num_maps=CLASSES, stride=8)
    maps = head([torch.randn(1, 8, size, size) for size in (8, 4, 2)], torch.randn(1, 3, 64, 64))
    sample = DataSample()
    sample.set_field(torch.zeros(1, 8, 8), 'gt_heatmap')
    with pytest.raises(ValueError, match='ClassHeatmap'):
        head.loss(maps, [sample])


def test_each_class_reads_its_own_feature():
    head = ClassAttentionHead(CLASSES, in_channels=(8, 8))
    feats = [torch.randn(2, CLASSES, 8), torch.randn(2, CLASSES, 8)]
    scores = head.level_scores(feats)  # (2, L, C)
    for level, (fc, feat) in enumerate(zip(head.fcs, feats, strict=True)):
        for label in range(CLASSES):
            expected = feat[:, label] @ fc.weight[label] + fc.bias[label]
            assert torch.allclose(scores[:, level, label], expected, atol=1e-6)
    assert head.pre_logits(feats).shape == (2, 16)


def test_the_attention_head_learns_a_map_per_class():
    head = BottomUpAttentionHead(in_channels=8, num_maps=CLASSES)
    head.init_weights()
    feats = tuple(torch.randn(2, 8, size, size) for size in (8, 4, 2))
    maps = head(feats, torch.randn(2, 3, 64, 64))
    assert [m.shape for m in maps] == [(2, CLASSES, 8, 8), (2, CLASSES, 16, 16)]
    target = torch.zeros(CLASSES, 16, 16)
    target[0] = -1
    samples = []
    for _ in range(2):
        samples.append(DataSample())
        samples[-1].set_field(target, 'gt_heatmap')
    losses = head.loss(maps, samples)
    known = maps[-1][:, 1:].square().flatten(2).sum(dim=2).mean()
    assert torch.isclose(losses['loss_heatmap_s4'], known)


def test_the_network_trains_in_one_stage():
    network = SXMNet(
        backbone=dict(type='ResNet', depth=18, out_indices=(1, 2, 3)),
        neck=dict(type='mmsxm.FPN', in_channels=[128, 256, 512], out_channels=8),
        attention_head=dict(type='mmsxm.BottomUpAttentionHead', in_channels=8, num_maps=CLASSES),
        refinement=dict(type='mmsxm.ClassAttentionPooling'),
        head=dict(type='mmsxm.ClassAttentionHead', num_classes=CLASSES, in_channels=[8] * 3),
    )
    samples = []
    for _ in range(2):
        samples.append(DataSample().set_gt_label(torch.tensor([1])))
        samples[-1].set_field(torch.zeros(CLASSES, 16, 16), 'gt_heatmap')
    losses = network.loss(torch.randn(2, 3, 64, 64), samples)
    assert set(losses) == {'loss_cls', 'loss_heatmap_s8', 'loss_heatmap_s4'}
    sum(losses.values()).backward()
    assert all(parameter.grad is not None for parameter in network.attention_head.parameters())
    (predicted, _) = network.eval().predict(torch.randn(2, 3, 64, 64), samples)
    assert predicted.class_maps.shape == (CLASSES, 16, 16)
