import copy
from typing import Any

import pytest
import torch
from mmpretrain.structures import DataSample

from mmsxm.models import SXMNet
from mmsxm.registry import MODELS

RESNET18 = dict(type='ResNet', depth=18, out_indices=(1, 2, 3))
FPN = dict(type='mmsxm.FPN', in_channels=[128, 256, 512], out_channels=32)
ATTENTION = dict(type='mmsxm.BottomUpAttentionHead', in_channels=32)
REFINEMENT = dict(type='mmsxm.ProductRefinement')
HEAD = dict(type='mmsxm.MetaFusionHead', num_classes=5, in_channels=[32, 32, 32])
STAGE1 = dict(backbone=RESNET18, neck=FPN, attention_head=ATTENTION)
STAGE2 = dict(
    backbone=RESNET18,
    neck=FPN,
    attention_head=dict(ATTENTION, loss_weight=0.0),
    refinement=REFINEMENT,
    head=HEAD,
)


def build(**parts: Any) -> SXMNet:
    torch.manual_seed(0)
    cfg = dict(type='mmsxm.SXMNet', _scope_='mmpretrain', **copy.deepcopy(parts))
    return MODELS.build(cfg)


def images(batch: int = 2, size: int = 64) -> torch.Tensor:
    return torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(0))


def predict(model: SXMNet) -> DataSample:
    with torch.no_grad():
        return model.eval().predict(images(), [DataSample(), DataSample()])[0]


def test_stage_1_predicts_a_map_and_nothing_else() -> None:
    sample = predict(build(**STAGE1))
    assert set(sample.keys()) == {'attention_map'}
    assert sample.attention_map.shape == (16, 16)


def test_stage_2_predicts_all() -> None:
    sample = predict(build(**STAGE2))
    of_levels = {'level_scores', 'level_weights'}
    assert set(sample.keys()) == {'attention_map', 'pred_label', 'pred_score', *of_levels}
    assert sample.attention_map.shape == (16, 16)
    assert sample.pred_score.shape == (5,)
    assert sample.level_scores.shape == (3, 5)
    assert sample.level_weights.shape == (3,)


def test_predictions_need_no_data_samples() -> None:
    with torch.no_grad():
        samples = build(**STAGE2).eval()(images(), mode='predict')
    assert [sample.pred_score.shape for sample in samples] == [(5,), (5,)]


def test_a_plain_tensor_is_logits_or_the_last_map() -> None:
    assert build(**STAGE1)(images()).shape == (2, 1, 16, 16)
    model = build(**STAGE2).eval()
    torch.testing.assert_close(model(images())[0].sigmoid(), predict(model).pred_score)


def with_targets() -> list[DataSample]:
    samples = [DataSample().set_gt_label([1]) for _ in range(2)]
    for sample in samples:
        sample.set_field(torch.zeros(1, 16, 16), 'gt_heatmap')
        sample.set_field(torch.tensor(0), 'gt_meta_level')
    return samples


def test_each_stage_has_its_own_losses() -> None:
    stage1 = build(**STAGE1).loss(images(), with_targets())
    assert set(stage1) == {'loss_heatmap_s8', 'loss_heatmap_s4'}
    assert set(build(**STAGE2).loss(images(), with_targets())) == {'loss_cls', 'loss_meta'}
    both = build(**dict(STAGE2, attention_head=ATTENTION))
    assert set(both.loss(images(), with_targets())) == {*stage1, 'loss_cls', 'loss_meta'}


def test_attention_changes_what_is_classified() -> None:
    model = build(**STAGE2).eval()
    feats, maps = model.attend(images())
    pyramid = model.extract_feat(images())
    want = model.refinement(pyramid, maps[-1])
    for got, level, plain in zip(feats, want, pyramid, strict=True):
        torch.testing.assert_close(got, level)
        assert not torch.allclose(got, plain)


def test_without_attention_the_pyramid_is_classified_as_it_is() -> None:
    model = build(backbone=RESNET18, neck=FPN, head=HEAD).eval()
    torch.testing.assert_close(model(images()), model.head(model.extract_feat(images())))
    assert 'attention_map' not in predict(model)


def test_missing_parts_are_errors() -> None:
    with pytest.raises(ValueError, match='attention_head'):
        build(backbone=RESNET18, neck=FPN)
    with pytest.raises(ValueError, match='ProductRefinement'):
        build(**dict(STAGE2, refinement=None))
    with pytest.raises(ValueError, match=r'no attention_head, .*or refinement=None'):
        build(**dict(STAGE2, attention_head=None))


@pytest.mark.parametrize(
    ('backbone', 'channels'),
    [
        (dict(type='ResNet', depth=50, out_indices=(1, 2, 3)), [512, 1024, 2048]),
        (RESNET18, [128, 256, 512]),
        (dict(type='MobileNetV2', out_indices=(2, 4, 7)), [32, 96, 1280]),
    ],
    ids=['resnet50', 'resnet18', 'mobilenet-v2'],
)
def test_backbones(backbone: dict, channels: list[int]) -> None:
    model = build(**dict(STAGE2, backbone=backbone, neck=dict(FPN, in_channels=channels)))
    feats, maps = model.attend(images())
    assert [feat.shape[-1] for feat in feats] == [8, 4, 2]
    assert [attention_map.shape[-1] for attention_map in maps] == [8, 16]
    assert model(images()).shape == (2, 5)


def test_attention_from_p2_leaves_three_levels_for_the_head() -> None:
    model = build(
        **dict(
            STAGE2,
            backbone=dict(RESNET18, out_indices=(0, 1, 2, 3)),
            neck=dict(FPN, in_channels=[64, 128, 256, 512]),
            attention_head=dict(ATTENTION, start='P2'),
        )
    ).eval()
    pyramid = model.extract_feat(images())
    feats, maps = model.attend(images())
    assert [level.shape[-1] for level in pyramid] == [16, 8, 4, 2]
    assert [feat.shape[-1] for feat in feats] == [8, 4, 2]
    torch.testing.assert_close(feats, model.refinement(pyramid[1:], maps[-1]))
    assert [attention_map.shape[-1] for attention_map in maps] == [8, 16]


def test_features_before_the_logits_are_those_that_the_head_sees() -> None:
    model = build(**dict(STAGE2, head=dict(HEAD, type='mmsxm.AverageFusionHead'))).eval()
    pooled = model.extract_feat(images(), stage='pre_logits')  # (2, 3 * 32)
    levels = zip(pooled.split(32, dim=1), model.head.fcs, strict=True)
    by_hand = torch.stack([fc(level) for level, fc in levels]).mean(dim=0)
    torch.testing.assert_close(by_hand, model(images()))


def test_frozen_parts_stay_as_they_are_and_the_rest_learns() -> None:
    """Batch statistics too, though the whole network is put into training mode."""
    model = build(**dict(STAGE2, frozen=('backbone', 'neck'))).train()
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    sum(model.loss(images(), with_targets()).values()).backward()
    optimizer.step()
    changed = {key for key, value in model.state_dict().items() if not value.equal(before[key])}
    assert changed
    assert {key.split('.')[0] for key in changed} == {'attention_head', 'head'}
    assert not model.backbone.bn1.training
    assert model.head.training
    assert not model.eval().head.training


def test_a_frozen_part_that_is_none_is_an_error() -> None:
    with pytest.raises(
        ValueError, match=r"'bakbone', which is not a part of SXMNet\. Choose from .*backbone"
    ):
        build(**dict(STAGE2, frozen=('bakbone',)))


@pytest.mark.parametrize('size', [(72, 104), (61, 90)])
def test_no_input_size_is_assumed(size: tuple[int, int]) -> None:
    model = build(**STAGE2).eval()
    with torch.no_grad():
        sample = model.predict(torch.randn(1, 3, *size))[0]
    assert sample.attention_map.shape == tuple(2 * -(-side // 8) for side in size)


def test_it_overfits_16_images() -> None:
    """Noise can only be learnt by heart: nothing in it tells one label from another."""
    narrow = dict(RESNET18, stem_channels=16, base_channels=16)
    model = build(**dict(STAGE2, backbone=narrow, neck=dict(FPN, in_channels=[32, 64, 128])))
    model.init_weights()
    torch.manual_seed(0)
    inputs = torch.randn(16, 3, 64, 64)
    target = torch.randint(0, 2, (16, 5)).float()
    samples = [DataSample().set_gt_score(row) for row in target]
    for sample in samples:
        sample.set_field(torch.tensor(1), 'gt_meta_level')
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(100):
        loss = sum(model.loss(inputs, samples).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        scores = torch.stack([sample.pred_score for sample in model.predict(inputs, samples)])
    # all of the 80 labels; guessing gets about 40 of them
    assert torch.equal(scores > 0.5, target > 0.5)
