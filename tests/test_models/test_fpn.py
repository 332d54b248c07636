import pytest
import torch
import torch.nn.functional as F
from torchvision.ops import feature_pyramid_network

from mmsxm.models import FPN

IN_CHANNELS = (8, 16, 32)
SIZES = ((16, 20), (8, 10), (4, 5))


def backbone_feats(sizes: tuple[tuple[int, int], ...]) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    return tuple(torch.randn(2, c, *size) for c, size in zip(IN_CHANNELS, sizes, strict=True))


def torchvision_twin(ours: FPN) -> feature_pyramid_network.FeaturePyramidNetwork:
    twin = feature_pyramid_network.FeaturePyramidNetwork(list(IN_CHANNELS), 24)
    for level in range(3):
        twin.inner_blocks[level][0].load_state_dict(ours.laterals[level].state_dict())
        twin.layer_blocks[level][0].load_state_dict(ours.smooth[level].state_dict())
    return twin


@pytest.mark.parametrize('sizes', [SIZES, ((9, 13), (5, 7), (3, 4))], ids=['even', 'odd'])
def test_it_is_torchvisions_with_bilinear_upsampling(
    sizes: tuple[tuple[int, int], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(1)
    ours = FPN(IN_CHANNELS, out_channels=24)
    feats = backbone_feats(sizes)
    twin = torchvision_twin(ours)
    named = {str(level): feat for level, feat in enumerate(feats)}
    nearest = tuple(twin(named).values())

    interpolate = F.interpolate
    monkeypatch.setattr(
        F, 'interpolate', lambda x, size, mode: interpolate(x, size=size, mode='bilinear')
    )
    bilinear = tuple(twin(named).values())
    monkeypatch.undo()

    got = ours(feats)
    for level in range(3):
        torch.testing.assert_close(got[level], bilinear[level])
    assert not torch.allclose(got[0], nearest[0], atol=1e-2)  # the patch made the difference


def test_levels_keep_their_sizes_and_share_channels() -> None:
    pyramid = FPN(IN_CHANNELS, out_channels=24)(backbone_feats(SIZES))
    assert [level.shape for level in pyramid] == [(2, 24, *size) for size in SIZES]


def test_a_relu_may_end_each_level() -> None:
    plain, with_relu = FPN(IN_CHANNELS, 24), FPN(IN_CHANNELS, 24, relu=True)
    with_relu.load_state_dict(plain.state_dict())
    feats = backbone_feats(SIZES)
    for ours, level in zip(with_relu(feats), plain(feats), strict=True):
        assert (level < 0).any()
        assert torch.equal(ours, level.clamp(min=0))


def test_another_number_of_levels_is_an_error() -> None:
    with pytest.raises(ValueError, match=r'3 levels .* returns 2\. .*out_indices'):
        FPN(IN_CHANNELS)(backbone_feats(SIZES)[:2])


def test_other_channels_are_an_error_that_names_them() -> None:
    with pytest.raises(ValueError, match=r'built for .* Set neck=dict\(in_channels=\['):
        FPN(IN_CHANNELS[::-1])(backbone_feats(SIZES))


def test_vectors_are_an_error() -> None:
    vectors = tuple(feat.mean(dim=(2, 3)) for feat in backbone_feats(SIZES))
    with pytest.raises(ValueError, match=r'needs maps .* gap_before_final_norm=False'):
        FPN(IN_CHANNELS)(vectors)
