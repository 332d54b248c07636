import pytest
import torch
from mmpretrain.structures import DataSample
from torch import Tensor

from mmsxm.models import BottomUpAttentionHead, UpsampleModule

CHANNELS = 8


def pyramid(height: int, width: int, finest_stride: int = 8) -> tuple[Tensor, ...]:
    """Levels as a backbone of stride-2 steps gives them: every size is rounded up."""
    strides = [stride for stride in (4, 8, 16, 32) if stride >= finest_stride]
    return tuple(torch.randn(2, CHANNELS, -(-height // s), -(-width // s)) for s in strides)


def head_for(**kwargs: object) -> BottomUpAttentionHead:
    torch.manual_seed(0)
    return BottomUpAttentionHead(in_channels=CHANNELS, **kwargs)


@pytest.mark.parametrize('size', [(64, 64), (72, 104), (60, 99)])
@pytest.mark.parametrize('stride', [8, 4, 2])
@pytest.mark.parametrize('start', ['P3', 'P2'])
def test_map_sizes(size: tuple[int, int], stride: int, start: str) -> None:
    feats = pyramid(*size, finest_stride=4 if start == 'P2' else 8)
    maps = head_for(stride=stride, start=start)(feats, torch.randn(2, 3, *size))
    coarse = tuple(-(-side // 8) for side in size)
    want = [(2, 1, coarse[0] << step, coarse[1] << step) for step in range(len(maps))]
    assert [m.shape for m in maps] == want
    assert len(maps) == {8: 1, 4: 2, 2: 3}[stride]


def test_attention_reads_the_level_that_start_names() -> None:
    feats, image = pyramid(64, 64, finest_stride=4), torch.randn(2, 3, 64, 64)
    from_p3, from_p2 = head_for(start='P3'), head_for(start='P2')
    for step, of_three in zip(from_p3(feats, image), from_p3(feats[1:], image), strict=True):
        assert torch.equal(step, of_three)  # P2 changes neither maps nor their sizes
    changed = (feats[0] + 1, *feats[1:])
    assert torch.equal(from_p3(changed, image)[-1], from_p3(feats, image)[-1])
    assert not torch.equal(from_p2(changed, image)[-1], from_p2(feats, image)[-1])


def test_p2_of_a_pyramid_without_it_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"starts at P2, but .* has 3 levels.*out_indices.*'P3'"):
        head_for(start='P2')(pyramid(64, 64), torch.randn(2, 3, 64, 64))


@pytest.mark.parametrize('raw_image', [True, False])
@pytest.mark.parametrize('concat', ['after', 'before'])
def test_the_raw_image_is_seen_where_it_is_asked_for(raw_image: bool, concat: str) -> None:
    head = head_for(raw_image=raw_image, concat=concat)
    feats = pyramid(64, 64)
    one, other = (head(feats, torch.randn(2, 3, 64, 64)) for _ in range(2))
    for step in range(2):
        assert torch.equal(one[step], other[step]) != raw_image


def test_concatenation_before_and_after_upsampling_differ() -> None:
    torch.manual_seed(0)
    after, before = UpsampleModule(), UpsampleModule(concat='before')
    before.load_state_dict(after.state_dict())
    attention_map, image = torch.rand(1, 1, 8, 8), torch.randn(1, 3, 64, 64)
    assert not torch.allclose(after(attention_map, image), before(attention_map, image))
    # an image of one colour is the same at every resolution
    plain = torch.ones(1, 3, 64, 64)
    torch.testing.assert_close(after(attention_map, plain), before(attention_map, plain))


@pytest.mark.parametrize('autocast', [False, True])
def test_maps_are_float32_in_0_1(autocast: bool) -> None:
    head = head_for(stride=2)
    with torch.autocast('cpu', dtype=torch.bfloat16, enabled=autocast):
        maps = head(pyramid(64, 64), 50 * torch.randn(2, 3, 64, 64))
    for attention_map in maps:
        assert attention_map.dtype == torch.float32
        assert attention_map.min() >= 0
        assert attention_map.max() <= 1


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [({'stride': 16}, '16'), ({'start': 'P4'}, "'P4'"), ({'concat': 'never'}, "'never'")],
)
def test_unknown_settings_are_errors(kwargs: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        head_for(**kwargs)


def sample(heatmap: Tensor | None) -> DataSample:
    data_sample = DataSample()
    if heatmap is not None:
        data_sample.set_field(heatmap, 'gt_heatmap')
    return data_sample


def test_the_loss_is_summed_over_pixels_and_averaged_over_images() -> None:
    target = torch.zeros(1, 4, 4)
    target[:, :2, :2] = 1  # pooled to 2x2: one cell of 1, three of 0
    target[:, 2, 2] = 1  # ... and one of 1/4
    maps = (torch.full((2, 1, 2, 2), 0.5), torch.full((2, 1, 4, 4), 0.25))
    losses = head_for(loss_weight=2.0).loss(maps, [sample(target), sample(torch.zeros(1, 4, 4))])

    of_first = 3 * 0.5**2 + (0.5 - 0.25) ** 2, 5 * 0.75**2 + 11 * 0.25**2
    of_second = 4 * 0.5**2, 16 * 0.25**2
    want = [2.0 * (a + b) / 2 for a, b in zip(of_first, of_second, strict=True)]
    assert list(losses) == ['loss_heatmap_s8', 'loss_heatmap_s4']
    assert [float(loss) for loss in losses.values()] == pytest.approx(want)


def test_images_whose_items_are_somewhere_are_left_out() -> None:
    head = head_for(stride=8)
    target, unknown = torch.rand(1, 4, 4), torch.full((1, 4, 4), -1.0)
    maps = torch.rand(3, 1, 4, 4, requires_grad=True)
    mixed = head.loss((maps,), [sample(unknown), sample(target), sample(unknown)])
    alone = head.loss((maps[1:2],), [sample(target)])
    torch.testing.assert_close(mixed, alone)

    # another process of the job may have a batch with a target: both must reach the backward pass
    nothing = head.loss((maps,), [sample(unknown)] * 3)['loss_heatmap_s8']
    assert nothing == 0
    nothing.backward()
    assert not maps.grad.any()


def test_a_pipeline_that_draws_nothing_is_an_error() -> None:
    with pytest.raises(KeyError, match=r'gt_heatmap.*mmsxm\.EllipseHeatmap'):
        head_for(stride=8).loss((torch.rand(2, 1, 4, 4),), [sample(None), sample(None)])


def test_targets_of_another_size_are_an_error() -> None:
    with pytest.raises(ValueError, match=r'drawn heatmaps are \(8, 8\).* map is \(4, 4\)'):
        head_for(stride=8).loss((torch.rand(1, 1, 4, 4),), [sample(torch.rand(1, 8, 8))])


@pytest.mark.parametrize('stride', [8, 2])
def test_maps_start_near_the_share_of_an_image_that_items_cover(stride: int) -> None:
    """With Kaiming's weights to the map, the first steps would drive it to 0 for good."""
    torch.manual_seed(0)
    head = BottomUpAttentionHead(in_channels=256, stride=stride)
    head.init_weights()
    feats = tuple(torch.randn(2, 256, side, side) for side in (14, 7, 4))
    for attention_map in head(feats, torch.randn(2, 3, 112, 112)):
        assert 0.03 < attention_map.mean() < 0.35  # Kaiming's: 0.47, and 1.0 in places
        assert attention_map.max() < 0.9
