from collections.abc import Callable

import pytest
import torch
from mmpretrain.models import (
    ConvNeXt,
    EfficientNetV2,
    MobileNetV2,
    ResNet,
    SwinTransformer,
    TIMMBackbone,
)
from torch import Tensor, nn

from mmsxm.engine.output_norms import intermediate_norms
from mmsxm.training.weights import match_weights

pytestmark = pytest.mark.usefixtures('scope')


def backbone() -> ResNet:
    return ResNet(18, base_channels=8, stem_channels=8)


@pytest.fixture(scope='module')
def target() -> dict[str, Tensor]:
    return backbone().state_dict()


def filled(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Fill the first tensor with 0, the second one with 1, and so on."""
    floats = {k: v for k, v in state_dict.items() if 'num_batches' not in k}
    return {key: torch.full_like(value, i) for i, (key, value) in enumerate(floats.items())}


def check_order(matched: dict[str, Tensor], target: dict[str, Tensor]) -> None:
    expected = filled(target)
    assert list(matched) == list(expected)
    for key, value in matched.items():
        assert torch.equal(value, expected[key])


@pytest.mark.parametrize('prefix', ['', 'module.', 'backbone.', 'module.backbone.'])
def test_weights_are_matched_by_name(prefix: str, target: dict[str, Tensor]) -> None:
    named = {f'{prefix}{key}': value for key, value in filled(target).items()}
    shuffled = dict(reversed(named.items()))  # names decide, not the order
    shuffled |= {'fc.weight': torch.zeros(10, 64), f'{prefix}bn1.num_batches_tracked': 3}
    check_order(match_weights(shuffled, backbone()), target)


def test_weights_are_matched_by_order(target: dict[str, Tensor]) -> None:
    renamed = {
        f'layer_{i}.{key.split(".")[-1]}': value
        for i, (key, value) in enumerate(filled(target).items())
    }
    renamed['classifier.weight'] = torch.zeros(10, 64)
    check_order(match_weights(renamed, backbone()), target)


def test_mobilenet_weights_of_torchvision_match_by_order() -> None:
    torchvision = pytest.importorskip('torchvision')
    theirs = torchvision.models.mobilenet_v2().state_dict()
    matched = match_weights(theirs, MobileNetV2())
    backbone = MobileNetV2()
    backbone.load_state_dict(matched, strict=False)
    first, last = next(iter(theirs.values())), theirs['features.18.0.weight']
    assert torch.equal(backbone.conv1.conv.weight, first)
    assert torch.equal(backbone.conv2.conv.weight, last)


CONVNEXT = dict(arch=dict(depths=[1, 2, 1, 1], channels=[8, 16, 24, 32]))
SWIN = dict(arch=dict(embed_dims=8, depths=[1, 2, 1, 1], num_heads=[1, 1, 1, 1]))


def pyramid(backbone: type[nn.Module], **kwargs: object) -> tuple[nn.Module, set[str]]:
    network = backbone(**kwargs, out_indices=(1, 2, 3))
    if isinstance(network, ConvNeXt):
        network.gap_before_final_norm = False
    return network, intermediate_norms(network)


def name_of_the_authors(key: str) -> str:
    for ours, theirs in (('depthwise_conv', 'dwconv'), ('pointwise_', 'pw'), ('norm3', 'norm')):
        key = key.replace(ours, theirs)
    return key


def old_name(key: str) -> str:
    """Return the key from before the backbone had several outputs."""
    return 'backbone.' + key.replace('norm3', 'norm')


@pytest.mark.parametrize(
    ('backbone', 'arch', 'name'),
    [
        (ConvNeXt, CONVNEXT, 'backbone.{}'.format),
        (ConvNeXt, CONVNEXT, name_of_the_authors),
        (SwinTransformer, SWIN, 'backbone.{}'.format),
        (SwinTransformer, SWIN, old_name),
    ],
)
def test_a_classifier_may_lack_norms_of_intermediate_outputs(
    backbone: type[nn.Module], arch: dict, name: Callable[[str], str]
) -> None:
    classifier = filled(backbone(**arch).state_dict())
    theirs = {name(key): value for key, value in classifier.items()}
    if backbone is SwinTransformer:  # a buffer of earlier versions, in the middle of the others
        theirs = {'backbone.stages.1.blocks.1.attn.attn_mask': torch.zeros(4), **theirs}
    theirs['head.fc.weight'] = torch.zeros(10, 32)
    network, norms = pyramid(backbone, **arch)
    assert {key.split('.')[0] for key in norms} == {'norm1', 'norm2'}
    matched = match_weights(theirs, network, optional=norms)
    assert matched.keys() == network.state_dict().keys() - norms
    assert all(value.equal(classifier[key]) for key, value in matched.items())
    with pytest.raises(ValueError, match=r'norm1\.weight|contains \d+ tensors|of another network'):
        match_weights(theirs, pyramid(backbone, **arch)[0])


@pytest.mark.parametrize(
    ('name', 'backbone'), [('convnext_tiny', ConvNeXt), ('swin_t', SwinTransformer)]
)
def test_weights_of_torchvision_in_another_order_are_rejected(
    name: str, backbone: type[nn.Module]
) -> None:
    """Layers would be swapped, and patches merged in another order."""
    torchvision = pytest.importorskip('torchvision')
    theirs = getattr(torchvision.models, name)().state_dict()
    network, norms = pyramid(backbone, arch='tiny')
    with pytest.raises(ValueError, match='weights of another network'):
        match_weights(theirs, network, optional=norms)


def test_efficientnet_weights_of_timm_match_by_order_and_give_the_same_features() -> None:
    timm = pytest.importorskip('timm', reason='needs the extra [timm]')
    torch.manual_seed(0)
    theirs = timm.create_model('tf_efficientnetv2_s').eval()
    network = EfficientNetV2('s', out_indices=(3, 5, 7))
    network.load_state_dict(match_weights(theirs.state_dict(), network), strict=False)
    network.eval()
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = theirs.forward_features(image)
        torch.testing.assert_close(network(image)[-1] / expected.max(), expected / expected.max())


def test_timm_backbones_accept_timm_weights() -> None:
    timm = pytest.importorskip('timm', reason='needs the extra [timm]')
    name = 'mobilenetv4_conv_medium'
    theirs = timm.create_model(name).state_dict()
    matched = match_weights(theirs, TIMMBackbone(name, features_only=True, out_indices=(2, 3, 4)))
    assert len(matched) == 380
    assert all(
        value.equal(theirs[key.removeprefix('timm_model.')]) for key, value in matched.items()
    )


def test_too_few_tensors(target: dict[str, Tensor]) -> None:
    few = dict(list(filled(target).items())[:7])
    with pytest.raises(ValueError, match='contains 7 tensors, but the backbone has 100'):
        match_weights(few, backbone())


def test_the_message_names_the_first_tensor_of_another_shape(target: dict[str, Tensor]) -> None:
    other = filled(target) | {'layer2.0.conv1.weight': torch.zeros(1, 2, 3, 3)}
    with pytest.raises(ValueError, match=r'layer2\.0\.conv1\.weight \(16, 8, 3, 3\) .*\(1, 2, 3'):
        match_weights(other, backbone())


def test_a_tensor_of_another_kind_does_not_match() -> None:
    """A bias is not a running mean, even if their shapes are equal."""
    norm = nn.BatchNorm1d(3)
    theirs = {
        f'norm.{k}': norm.state_dict()[k] for k in ('weight', 'running_mean', 'bias', 'running_var')
    }
    with pytest.raises(ValueError, match=r'bias \(3,\) .* does not match norm\.running_mean'):
        match_weights(theirs, norm)
