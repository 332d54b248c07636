import copy

import pytest
import torch
from mmpretrain.models import ConvNeXt, ResNet, SwinTransformer
from torch import nn

from mmsxm.engine.output_norms import intermediate_norms

CONVNEXT = dict(arch=dict(depths=[1, 1, 1, 1], channels=[8, 16, 24, 32]))
SWIN = dict(arch=dict(embed_dims=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1]))


@pytest.mark.parametrize(
    'backbone',
    [
        ConvNeXt(**CONVNEXT, out_indices=(1, 2, 3), gap_before_final_norm=False),
        SwinTransformer(**SWIN, out_indices=(1, 2, 3)),
    ],
    ids=['convnext', 'swin'],
)
def test_norms_of_all_outputs_except_the_last_are_found(backbone: nn.Module) -> None:
    expected = {f'norm{i}.{kind}' for i in (1, 2) for kind in ('weight', 'bias')}
    assert intermediate_norms(backbone) == expected


@pytest.mark.parametrize(
    'backbone', [ConvNeXt(**CONVNEXT), ResNet(18, out_indices=(1, 2, 3)), nn.Conv2d(3, 4, 3)]
)
def test_norms_that_affect_the_last_output_are_not_returned(backbone: nn.Module) -> None:
    assert intermediate_norms(backbone) == set()


def test_the_backbone_and_the_random_state_do_not_change() -> None:
    backbone = ResNet(18, out_indices=(1, 2, 3))
    before = copy.deepcopy(backbone.state_dict())
    generator = torch.get_rng_state()
    intermediate_norms(backbone)
    assert backbone.training
    assert backbone.bn1.training
    assert all(value.equal(before[key]) for key, value in backbone.state_dict().items())
    assert torch.equal(torch.get_rng_state(), generator)
