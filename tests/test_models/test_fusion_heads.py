import pytest
import torch
import torch.nn.functional as F
from mmpretrain.structures import DataSample
from sklearn.metrics import log_loss
from torch import Tensor

from mmsxm.models import AverageFusionHead, MetaFusionHead, MetaSelection, PerLevelHead

CLASSES = 5
CHANNELS = (8, 12, 16)


def pyramid(batch: int = 2) -> tuple[Tensor, ...]:
    torch.manual_seed(0)
    sizes = (8, 4, 2)
    return tuple(torch.randn(batch, c, s, s) for c, s in zip(CHANNELS, sizes, strict=True))


def labelled(*levels: int | None) -> list[DataSample]:
    samples = []
    for level in levels:
        sample = DataSample()
        sample.set_gt_label([1, 3])
        sample.set_gt_score(torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0]))
        if level is not None:
            sample.set_field(torch.tensor(level), 'gt_meta_level')
        samples.append(sample)
    return samples


@pytest.fixture(params=[AverageFusionHead, MetaFusionHead, PerLevelHead])
def head(request: pytest.FixtureRequest) -> AverageFusionHead:
    torch.manual_seed(1)
    return request.param(CLASSES, in_channels=CHANNELS)


@torch.no_grad()
def predict(head: AverageFusionHead) -> list[DataSample]:
    return head.predict(pyramid(), [DataSample(), DataSample()])


def logits_by_hand(head: AverageFusionHead, feats: tuple[Tensor, ...]) -> list[Tensor]:
    return [
        F.linear(F.adaptive_avg_pool2d(feat, 1).flatten(1), fc.weight, fc.bias)
        for feat, fc in zip(feats, head.fcs, strict=True)
    ]


def test_predictions(head: AverageFusionHead) -> None:
    scores = head(pyramid()).sigmoid().detach()
    for sample, score in zip(predict(head), scores, strict=True):
        torch.testing.assert_close(sample.pred_score, score)
        assert sample.pred_label.tolist() == [i for i in range(CLASSES) if score[i] >= 0.5]
        assert sample.level_weights.shape == (3,)
        assert sample.level_weights.dtype == torch.float32
        assert float(sample.level_weights.sum()) == pytest.approx(1)


def test_scores_are_float32_under_autocast(head: AverageFusionHead) -> None:
    with torch.autocast('cpu', dtype=torch.bfloat16):
        sample = head.predict(pyramid())[0]
        losses = head.loss(pyramid(), labelled(0, 1))
    assert sample.pred_score.dtype == torch.float32
    assert sample.level_weights.dtype == torch.float32
    assert {loss.dtype for loss in losses.values()} == {torch.float32}


def test_average_fusion_is_eq_1() -> None:
    head = AverageFusionHead(CLASSES, in_channels=CHANNELS)
    feats = pyramid()
    want = sum(logits_by_hand(head, feats)) / 3
    torch.testing.assert_close(head(feats), want)


def test_one_level_is_a_plain_linear_classifier() -> None:
    head = AverageFusionHead(CLASSES, in_channels=[16])
    feats = pyramid()[-1:]
    torch.testing.assert_close(head(feats), logits_by_hand(head, feats)[0])
    assert head.predict(feats)[0].level_weights.tolist() == [1]
    assert set(head.state_dict()) == {'fcs.0.weight', 'fcs.0.bias'}


def test_levels_learn_each_by_itself() -> None:
    torch.manual_seed(1)
    head = PerLevelHead(CLASSES, in_channels=CHANNELS)
    feats = pyramid()
    losses = head.loss(feats, labelled(None, None))
    target = [0, 1, 0, 1, 0] * 2
    want = sum(
        log_loss(target, logits.double().sigmoid().detach().flatten())
        for logits in logits_by_hand(head, feats)
    )
    assert set(losses) == {'loss_cls'}
    assert losses['loss_cls'].item() == pytest.approx(want)


def test_what_a_level_learns_does_not_depend_on_the_others() -> None:
    head = PerLevelHead(CLASSES, in_channels=CHANNELS)
    fine, middle, coarse = pyramid()

    def gradient(feats: tuple[Tensor, ...]) -> Tensor:
        head.zero_grad()
        head.loss(feats, labelled(None, None))['loss_cls'].backward()
        return head.fcs[0].weight.grad.clone()

    first, second = gradient((fine, middle, coarse)), gradient((fine, 2 * middle, -coarse))
    torch.testing.assert_close(first, second)


def test_levels_are_averaged_in_the_test_and_shown() -> None:
    torch.manual_seed(1)
    head = PerLevelHead(CLASSES, in_channels=CHANNELS)
    torch.nn.init.normal_(head.fcs[0].weight, std=10)  # a mean of small scores looks the same
    logits = torch.stack(logits_by_hand(head, pyramid()), dim=1).detach()
    for sample, of_levels in zip(predict(head), logits, strict=True):
        torch.testing.assert_close(sample.level_scores, of_levels)
        torch.testing.assert_close(sample.pred_score, of_levels.mean(dim=0).sigmoid())
        assert not torch.allclose(sample.pred_score, of_levels.sigmoid().mean(dim=0), atol=1e-3)


def test_each_level_is_classified_once(head: AverageFusionHead) -> None:
    calls: list[torch.nn.Module] = []
    for fc in head.fcs:
        fc.register_forward_hook(lambda module, *_: calls.append(module))
    predict(head)
    assert calls == list(head.fcs)


def test_meta_fusion_is_eq_2() -> None:
    torch.manual_seed(1)
    head = MetaFusionHead(CLASSES, in_channels=CHANNELS)
    feats = pyramid()
    weights = torch.softmax(head.meta_selection(feats), dim=1)
    logits = logits_by_hand(head, feats)
    want = sum(weights[:, [level]] * logits[level] for level in range(3))
    torch.testing.assert_close(head(feats), want)
    torch.testing.assert_close(predict(head)[1].level_weights, weights[1].detach())


def test_pre_logits_hold_what_the_linears_see(head: AverageFusionHead) -> None:
    feats = pyramid()
    pooled = head.pre_logits(feats)
    torch.testing.assert_close(pooled[:, 8:20], feats[1].mean(dim=(2, 3)))
    assert pooled.shape == (2, sum(CHANNELS))


def test_the_classification_loss_teaches_the_weights() -> None:
    head = MetaFusionHead(CLASSES, in_channels=CHANNELS, loss_meta_weight=0.0)
    torch.nn.init.normal_(head.fcs[0].weight)  # levels that agree would leave nothing to choose
    head.loss(pyramid(), labelled(None, None))['loss_cls'].backward()
    assert all(p.grad.any() for p in head.meta_selection.parameters())


def test_losses() -> None:
    torch.manual_seed(1)
    head = MetaFusionHead(CLASSES, in_channels=CHANNELS, loss_meta_weight=0.3)
    feats = pyramid()
    losses = head.loss(feats, labelled(2, -1))
    target = torch.tensor([[0.0, 1.0, 0.0, 1.0, 0.0]] * 2)
    want = F.binary_cross_entropy_with_logits(head(feats), target)
    torch.testing.assert_close(losses['loss_cls'], want)
    of_first = -torch.log_softmax(head.meta_selection(feats), dim=1)[0, 2]
    torch.testing.assert_close(losses['loss_meta'], 0.3 * of_first)


def test_labels_without_scores_are_enough() -> None:
    head = AverageFusionHead(CLASSES, in_channels=CHANNELS)
    bare = [DataSample().set_gt_label([1, 3]) for _ in range(2)]
    with_score = head.loss(pyramid(), labelled(None, None))
    torch.testing.assert_close(head.loss(pyramid(), bare), with_score)


def test_gated_fusion_has_no_meta_loss_and_needs_no_level() -> None:
    head = MetaFusionHead(CLASSES, in_channels=CHANNELS, loss_meta_weight=0.0)
    assert set(head.loss(pyramid(), labelled(None, None))) == {'loss_cls'}


def test_a_missing_level_is_an_error() -> None:
    head = MetaFusionHead(CLASSES, in_channels=CHANNELS)
    expected = r'gt_meta_level.*IntuitiveMetaLevel.*meta_labels.*loss_meta_weight=0'
    with pytest.raises(KeyError, match=expected):
        head.loss(pyramid(), labelled(1, None))


def test_another_number_of_levels_is_an_error(head: AverageFusionHead) -> None:
    with pytest.raises(
        ValueError, match=r'3 levels \(in_channels\), but it gets 2\. Give in_channels one'
    ):
        head(pyramid()[:2])


def test_meta_selection_has_the_layers_of_table_1() -> None:
    net = MetaSelection()
    assert {name: tuple(p.shape) for name, p in net.named_parameters() if 'weight' in name} == {
        'convs.0.weight': (256, 768, 3, 3),
        'convs.2.weight': (256, 256, 3, 3),
        'convs.4.weight': (256, 256, 3, 3),
        'fc.weight': (3, 256),
    }


@pytest.mark.parametrize('sizes', [(28, 14, 7), (8, 4, 2), (20, 10, 5)])
def test_meta_selection_takes_pyramids_of_any_size(sizes: tuple[int, ...]) -> None:
    net = MetaSelection(in_channels=(4, 4, 4), channels=8)
    feats = [torch.randn(2, 4, size, size + 1) for size in sizes]
    assert net(feats).shape == (2, 3)
