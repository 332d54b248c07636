import numpy as np
import pytest
import torch
from torch import nn

from mmsxm.models import HierarchicalRefinement
from mmsxm.registry import MODELS

IN_CHANNELS = (4, 6, 8)
SIZES = ((16, 20), (8, 10), (4, 5))


def backbone_feats(sizes: tuple[tuple[int, int], ...] = SIZES) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    return tuple(torch.randn(2, c, *size) for c, size in zip(IN_CHANNELS, sizes, strict=True))


def conv(layer: nn.Conv2d, x: np.ndarray) -> np.ndarray:
    """A 1x1 convolution and ReLU."""
    weight, bias = layer.weight.detach().numpy()[..., 0, 0], layer.bias.detach().numpy()
    return np.maximum(np.einsum('oc,nchw->nohw', weight, x) + bias[:, None, None], 0)


def upsample(x: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear, first and last row and column onto each other."""
    for axis, new in zip((2, 3), size, strict=True):
        old = x.shape[axis]
        x = np.apply_along_axis(
            lambda line, old=old, new=new: np.interp(
                np.linspace(0, old - 1, new), np.arange(old), line
            ),
            axis,
            x,
        )
    return x


@pytest.mark.parametrize('sizes', [SIZES, ((9, 13), (5, 7), (3, 4))], ids=['even', 'odd'])
def test_it_is_chrs(sizes: tuple[tuple[int, int], ...]) -> None:
    """As the reading of the released code has it, line by line: o1, o2, o3 are P5, P4, P3."""
    torch.manual_seed(1)
    neck = HierarchicalRefinement(IN_CHANNELS)
    feats = backbone_feats(sizes)
    l2, l3, l4 = (feat.numpy().astype(np.float64) for feat in feats)
    o1 = conv(neck.convs[2], l4)
    h3 = conv(neck.mixes[1], np.concatenate([upsample(l4, sizes[1]), conv(neck.convs[1], l3)], 1))
    h2 = conv(neck.mixes[0], np.concatenate([upsample(h3, sizes[0]), conv(neck.convs[0], l2)], 1))
    for got, want in zip(neck(feats), (h2, h3, o1), strict=True):
        np.testing.assert_allclose(got.detach().numpy(), want, rtol=1e-4, atol=1e-5)


def test_levels_by_hand() -> None:
    """One pixel, one channel each: all that is left is weights."""
    neck = HierarchicalRefinement((1, 1, 1))
    for layer, factor in zip(neck.convs, (2.0, 3.0, -5.0), strict=True):
        nn.init.constant_(layer.weight, factor)
        nn.init.zeros_(layer.bias)
    for layer, factors in zip(neck.mixes, ((1.0, 10.0), (100.0, 1000.0)), strict=True):
        layer.weight.data[0, :, 0, 0] = torch.tensor(factors)  # of the coarser level, of its own
        nn.init.zeros_(layer.bias)
    fine, middle, coarse = (torch.full((1, 1, 1, 1), value) for value in (1.0, 2.0, 4.0))
    p5 = 0  # relu(-5 * 4); P4 gets the 4 itself
    p4 = 100 * 4 + 1000 * (3 * 2)
    p3 = 1 * p4 + 10 * (2 * 1)
    got = [level.item() for level in neck((fine, middle, coarse))]
    assert got == [p3, p4, p5]


def test_the_published_network_has_the_published_shapes() -> None:
    neck = HierarchicalRefinement((512, 1024, 2048))
    shapes = {name: tuple(p.shape[:2]) for name, p in neck.named_parameters() if p.ndim == 4}
    assert shapes == {
        'convs.0.weight': (512, 512),
        'convs.1.weight': (1024, 1024),
        'convs.2.weight': (2048, 2048),
        'mixes.0.weight': (512, 1536),
        'mixes.1.weight': (1024, 3072),
    }


@pytest.mark.parametrize(
    ('backbone', 'channels'),
    [
        (dict(type='ResNet', depth=18), (128, 256, 512)),
        (dict(type='ResNet', depth=50), (512, 1024, 2048)),
        (dict(type='MobileNetV2'), (32, 96, 1280)),
    ],
    ids=['resnet18', 'resnet50', 'mobilenet-v2'],
)
def test_any_backbone_will_do(backbone: dict, channels: tuple[int, ...]) -> None:
    out_indices = (2, 4, 7) if backbone['type'] == 'MobileNetV2' else (1, 2, 3)
    net = MODELS.build(dict(_scope_='mmpretrain', out_indices=out_indices, **backbone))
    with torch.no_grad():
        levels = HierarchicalRefinement(channels)(net(torch.randn(1, 3, 64, 64)))
    assert [tuple(level.shape[1:]) for level in levels] == [
        (c, side, side) for c, side in zip(channels, (8, 4, 2), strict=True)
    ]


def test_another_number_of_levels_is_an_error() -> None:
    with pytest.raises(ValueError, match=r'3 levels .* returns 2\. .*out_indices'):
        HierarchicalRefinement(IN_CHANNELS)(backbone_feats()[:2])
