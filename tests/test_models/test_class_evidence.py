"""Class evidence: pooling, the focal loss, both heads, and the network around them."""

import math

import numpy as np
import pytest
import torch
from mmpretrain.structures import DataSample
from torchvision.ops import sigmoid_focal_loss

from mmsxm.models import ClassEvidenceHead, GlobalEvidenceHead, SXMNet
from mmsxm.models.class_evidence import PRIOR, mean_evidence, pool_evidence
from mmsxm.models.losses import focal_map_loss

CLASSES = 3


def pyramid(channels=8, sizes=(8, 4, 2), images=2):
    return tuple(torch.randn(images, channels, size, size) for size in sizes)


def sample(labels, heatmap=None):
    result = DataSample().set_gt_label(torch.tensor(labels, dtype=torch.int64))
    if heatmap is not None:
        result.set_field(heatmap, 'gt_heatmap')
    return result


@pytest.mark.parametrize('sharpness', [0.5, 1.0, 4.0])
def test_evidence_is_pooled_by_log_mean_exp(sharpness):
    evidence = torch.randn(2, CLASSES, 5, 7)
    expected = np.log(np.exp(sharpness * evidence.double().numpy()).mean(axis=(2, 3))) / sharpness
    np.testing.assert_allclose(pool_evidence(evidence, sharpness), expected, rtol=1e-5, atol=1e-6)


def test_pooling_lies_between_mean_and_maximum():
    evidence = 3 * torch.randn(4, CLASSES, 6, 6)
    pooled = [pool_evidence(evidence, sharpness) for sharpness in (1e-3, 1.0, 100.0)]
    assert torch.allclose(pooled[0], evidence.mean(dim=(2, 3)), atol=0.02)
    assert (pooled[0] < pooled[1]).all()
    assert (pooled[1] < pooled[2]).all()
    assert torch.allclose(pooled[2], evidence.amax(dim=(2, 3)), atol=0.05)


def test_large_evidence_does_not_overflow():
    assert pool_evidence(torch.full((1, 1, 4, 4), 500.0)).item() == pytest.approx(500)


def test_maps_of_all_levels_are_averaged_at_the_finest_size():
    levels = [torch.full((1, CLASSES, size, size), value) for size, value in ((8, 1.0), (4, 3.0))]
    assert torch.equal(mean_evidence(levels), torch.full((1, CLASSES, 8, 8), 2.0))


def test_focal_loss_equals_that_of_torchvision():
    evidence = torch.randn(2, CLASSES, 6, 6)
    target = (torch.rand(2, CLASSES, 6, 6) > 0.8).float()
    expected = sigmoid_focal_loss(evidence, target, 0.25, 2.0, 'sum') / target.sum()
    assert torch.isclose(focal_map_loss(evidence, target), expected)


def test_focal_loss_averages_a_finer_target():
    evidence = torch.randn(1, 1, 4, 4)
    target = (torch.rand(1, 1, 8, 8) > 0.5).float()
    pooled = torch.nn.functional.avg_pool2d(target, 2)
    assert torch.equal(focal_map_loss(evidence, target), focal_map_loss(evidence, pooled))


def test_focal_loss_ignores_maps_that_are_unknown():
    evidence = torch.randn(2, CLASSES, 4, 4, requires_grad=True)
    target = torch.zeros(2, CLASSES, 4, 4)
    target[0, 1] = -1
    target[1, 2, :2] = 1
    focal_map_loss(evidence, target).backward()
    assert not evidence.grad[0, 1].any()
    assert evidence.grad[0, 0].all()
    assert evidence.grad[1, 2].all()


def test_focal_loss_of_a_batch_without_items_is_finite():
    loss = focal_map_loss(torch.zeros(1, CLASSES, 4, 4), torch.zeros(1, CLASSES, 4, 4))
    assert loss.item() == pytest.approx(CLASSES * 16 * 0.75 * 0.25 * math.log(2))


@pytest.mark.parametrize('head_type', [ClassEvidenceHead, GlobalEvidenceHead])
def test_a_new_head_starts_at_the_prior_with_scores_of_a_half(head_type):
    head = head_type(CLASSES, in_channels=(8, 8, 8))
    head.init_weights()
    feats = pyramid()
    assert head.class_maps(feats).mean().item() == pytest.approx(PRIOR, rel=0.2)
    assert torch.allclose(head(feats).sigmoid(), torch.full((2, CLASSES), 0.5), atol=0.05)


def test_a_new_head_draws_as_many_random_numbers_as_when_our_results_were_trained():
    torch.manual_seed(0)
    ClassEvidenceHead(num_classes=3, in_channels=[4, 8])
    drawn_next = torch.rand(1)
    torch.manual_seed(0)
    for layer in (torch.nn.Linear, lambda *sizes: torch.nn.Conv2d(*sizes, 1)):
        for channels in (4, 8):
            layer(channels, 3)
    assert torch.equal(drawn_next, torch.rand(1))


def test_the_score_is_the_mean_of_the_pooled_levels():
    head = ClassEvidenceHead(CLASSES, in_channels=(8, 8, 8), sharpness=2.0)
    torch.nn.init.normal_(head.offsets)
    feats = pyramid()
    pooled = [
        pool_evidence(conv(feat), 2.0) + offset
        for conv, feat, offset in zip(head.fcs, feats, head.offsets, strict=True)
    ]
    assert torch.allclose(head(feats), torch.stack(pooled).mean(dim=0), atol=1e-6)


def test_maps_come_from_the_levels_that_boxes_train():
    head = ClassEvidenceHead(CLASSES, in_channels=(8, 8, 8), map_levels=1)
    feats = pyramid()
    assert torch.allclose(head.class_maps(feats), head.fcs[0](feats[0]).sigmoid(), atol=1e-6)


def test_the_losses_add_labels_and_boxes():
    head = ClassEvidenceHead(CLASSES, in_channels=(8, 8, 8), loss_map_weight=0.5)
    feats = pyramid()
    heatmap = torch.zeros(CLASSES, 8, 8)
    heatmap[1, 2:5, 2:5] = 1
    samples = [sample([1], heatmap), sample([], torch.zeros(CLASSES, 8, 8))]
    losses = head.loss(feats, samples)
    target = torch.stack([s.gt_heatmap for s in samples])
    expected = [focal_map_loss(level, target) for level in head.evidence(feats)[:2]]
    assert torch.isclose(losses['loss_map'], 0.5 * sum(expected) / 2)
    assert set(losses) == {'loss_cls', 'loss_map'}


def test_both_readings_have_a_loss():
    head = GlobalEvidenceHead(CLASSES, in_channels=(8, 8, 8), loss_map_weight=0)
    feats = pyramid()
    assert set(head.loss(feats, [sample([1]), sample([])])) == {'loss_cls', 'loss_global'}
    evidence = ClassEvidenceHead.level_scores(head, feats)
    assert torch.allclose(head.level_scores(feats), (evidence + head.global_scores(feats)) / 2)


def test_missing_targets_are_named():
    head = ClassEvidenceHead(CLASSES, in_channels=(8, 8, 8))
    with pytest.raises(KeyError, match='ClassHeatmap'):
        head.loss(pyramid(), [sample([1]), sample([])])


def test_one_heatmap_for_all_classes_is_refused():
    head = ClassEvidenceHead(CLASSES, in_channels=(8, 8, 8))
    samples = [sample([1], torch.zeros(1, 8, 8)), sample([], torch.zeros(1, 8, 8))]
    with pytest.raises(ValueError, match='has 3 maps, but 1 heatmaps'):
        head.loss(pyramid(), samples)


@pytest.mark.parametrize('setting', [dict(sharpness=0), dict(map_levels=0)])
def test_impossible_settings_are_refused(setting):
    with pytest.raises(ValueError, match=f'{next(iter(setting))}='):
        ClassEvidenceHead(CLASSES, in_channels=(8, 8, 8), **setting)


def test_another_number_of_levels_is_refused():
    head = ClassEvidenceHead(CLASSES, in_channels=(8, 8, 8))
    with pytest.raises(ValueError, match='built for 3 levels'):
        head.level_scores(pyramid(sizes=(8, 4)))


@pytest.mark.parametrize('levels', [1, 2, 4])
def test_a_network_may_have_any_number_of_levels(levels):
    network = SXMNet(
        backbone=dict(type='ResNet', depth=18, out_indices=tuple(range(4))[-levels:]),
        neck=dict(type='mmsxm.FPN', in_channels=[64, 128, 256, 512][-levels:], out_channels=8),
        head=dict(type='mmsxm.ClassEvidenceHead', num_classes=CLASSES, in_channels=[8] * levels),
    ).eval()
    with torch.no_grad():
        (predicted,) = network.predict(torch.randn(1, 3, 64, 64))
    assert predicted.level_weights.shape == (levels,)
    assert predicted.class_maps.shape == (CLASSES, 2 ** (levels), 2 ** (levels))


@pytest.mark.parametrize('head_type', ['ClassEvidenceHead', 'GlobalEvidenceHead'])
def test_the_network_predicts_a_map_per_class(head_type):
    network = SXMNet(
        backbone=dict(type='ResNet', depth=18, out_indices=(1, 2, 3)),
        neck=dict(type='mmsxm.FPN', in_channels=[128, 256, 512], out_channels=8),
        head=dict(type=f'mmsxm.{head_type}', num_classes=CLASSES, in_channels=[8, 8, 8]),
    ).eval()
    with torch.no_grad():
        (predicted,) = network.predict(torch.randn(1, 3, 64, 64))
    assert predicted.class_maps.shape == (CLASSES, 8, 8)
    assert torch.equal(predicted.attention_map, predicted.class_maps.amax(dim=0))
    assert predicted.pred_score.shape == (CLASSES,)
