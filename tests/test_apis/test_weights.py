import pytest
import torch
from mmpretrain.models import MobileNetV2, ResNet
from torch import Tensor, nn

from mmsxm.apis.weights import match_weights

pytestmark = pytest.mark.usefixtures('scope')


@pytest.fixture(scope='module')
def target() -> dict[str, Tensor]:
    return ResNet(18, base_channels=8, stem_channels=8).state_dict()


def filled(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Other numbers under the same names: 0 everywhere in the first tensor, 1 in the second..."""
    floats = {k: v for k, v in state_dict.items() if 'num_batches' not in k}
    return {key: torch.full_like(value, i) for i, (key, value) in enumerate(floats.items())}


def check_order(matched: dict[str, Tensor], target: dict[str, Tensor]) -> None:
    want = filled(target)
    assert list(matched) == list(want)
    for key, value in matched.items():
        assert torch.equal(value, want[key])


@pytest.mark.parametrize('prefix', ['', 'module.', 'backbone.', 'module.backbone.'])
def test_by_name(prefix: str, target: dict[str, Tensor]) -> None:
    named = {f'{prefix}{key}': value for key, value in filled(target).items()}
    shuffled = dict(reversed(named.items()))  # names, not places, decide
    shuffled |= {'fc.weight': torch.zeros(10, 64), f'{prefix}bn1.num_batches_tracked': 3}
    check_order(match_weights(shuffled, target), target)


def test_by_order(target: dict[str, Tensor]) -> None:
    renamed = {
        f'layer_{i}.{key.split(".")[-1]}': value
        for i, (key, value) in enumerate(filled(target).items())
    }
    renamed['classifier.weight'] = torch.zeros(10, 64)
    check_order(match_weights(renamed, target), target)


def test_torchvisions_mobilenet_fits_by_order() -> None:
    torchvision = pytest.importorskip('torchvision')
    theirs = torchvision.models.mobilenet_v2().state_dict()
    target = MobileNetV2().state_dict()
    matched = match_weights(theirs, target)
    backbone = MobileNetV2()
    backbone.load_state_dict(matched, strict=False)
    first, last = next(iter(theirs.values())), theirs['features.18.0.weight']
    assert torch.equal(backbone.conv1.conv.weight, first)
    assert torch.equal(backbone.conv2.conv.weight, last)


def test_too_few_tensors(target: dict[str, Tensor]) -> None:
    few = dict(list(filled(target).items())[:7])
    with pytest.raises(ValueError, match='holds 7 tensors, the backbone has 100'):
        match_weights(few, target)


def test_another_shape_names_the_first_that_does_not_fit(target: dict[str, Tensor]) -> None:
    other = filled(target) | {'layer2.0.conv1.weight': torch.zeros(1, 2, 3, 3)}
    with pytest.raises(ValueError, match=r'layer2\.0\.conv1\.weight \(16, 8, 3, 3\) .*\(1, 2, 3'):
        match_weights(other, target)


def test_another_kind_at_the_same_place_does_not_fit() -> None:
    """A bias is no running mean, though their shapes are the same."""
    target = nn.BatchNorm1d(3).state_dict()
    theirs = {f'norm.{k}': target[k] for k in ('weight', 'running_mean', 'bias', 'running_var')}
    with pytest.raises(ValueError, match=r'bias \(3,\) .* would get norm\.running_mean'):
        match_weights(theirs, target)
