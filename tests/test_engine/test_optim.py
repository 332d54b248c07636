import pytest
import torch
from mmengine.optim import OptimWrapper, build_optim_wrapper
from torch import nn

from mmsxm.engine.hooks.param_groups import describe_groups
from mmsxm.engine.optim import merge_groups

pytestmark = pytest.mark.usefixtures('scope')


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.head = nn.ModuleDict({'fcs': nn.Linear(4, 2), 'other': nn.Linear(4, 2)})


def build(model: nn.Module, wrapper: str = 'OptimWrapper', **paramwise: object) -> OptimWrapper:
    cfg = dict(
        type=wrapper,
        constructor='mmsxm.CheckedOptimWrapperConstructor',
        optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4),
        paramwise_cfg=dict(paramwise),
    )
    return build_optim_wrapper(model, cfg)


def test_equal_groups_are_merged() -> None:
    one, two, three = (nn.Parameter(torch.zeros(1)) for _ in range(3))
    groups = [
        {'params': [one], 'lr': 1.0, 'betas': (0.9, 0.99)},
        {'params': [two]},
        {'params': [three], 'betas': (0.9, 0.99), 'lr': 1.0},
    ]
    merged = merge_groups(groups)
    assert [len(group['params']) for group in merged] == [2, 1]
    assert merged[0]['params'][1] is three
    assert merged[0]['lr'] == 1.0
    assert 'lr' not in merged[1]
    assert len(groups[0]['params']) == 1


def test_each_parameter_is_in_one_group_with_its_rate() -> None:
    model = Net()
    model.backbone[0].weight.requires_grad = False
    groups = build(
        model,
        norm_decay_mult=0.0,
        custom_keys={'head': dict(lr_mult=5), 'head.other': dict(lr_mult=2, decay_mult=0)},
    ).optimizer.param_groups
    got = {id(p): (group['lr'], group['weight_decay']) for group in groups for p in group['params']}
    for name, parameter in model.named_parameters():
        if name == 'backbone.0.weight':
            assert id(parameter) not in got  # frozen
        elif name.startswith('backbone.1'):
            assert got[id(parameter)] == (0.1, 0)
        elif name.startswith('backbone'):
            assert got[id(parameter)] == (0.1, 1e-4)
        else:
            expected = (0.5, 1e-4) if 'fcs' in name else (0.2, 0)
            assert got[id(parameter)] == pytest.approx(expected)
    assert len(groups) == 4
    assert sum(len(group['params']) for group in groups) == len(list(model.parameters())) - 1


def test_an_unused_custom_key_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"'head\.fc_cls' of .* no parameter of Net\. .*head\.fcs"):
        build(Net(), custom_keys={'head.fcs': dict(lr_mult=5), 'head.fc_cls': dict(lr_mult=5)})


def test_the_groups_are_described() -> None:
    model = Net()
    table = describe_groups(
        model, build(model, custom_keys={'head.fcs': dict(lr_mult=5)}).optimizer
    )
    rows = [line.split(maxsplit=4) for line in table.splitlines()[2:]]
    # convolution 112, normalisation 8, one linear 10; the other linear 10
    assert rows == [
        ['1.00e-01', '1.0e-04', '6', '130', 'backbone.0, backbone.1, head.other'],
        ['5.00e-01', '1.0e-04', '2', '10', 'head.fcs'],
    ]


def test_frozen_parameters_are_not_listed() -> None:
    model = Net()
    optimizer = build(model, custom_keys={'head.fcs': dict(lr_mult=5)}).optimizer
    model.head.fcs.requires_grad_(False)
    model.head.other.requires_grad_(False)
    (row,) = [line.split(maxsplit=4) for line in describe_groups(model, optimizer).splitlines()[2:]]
    assert row == ['1.00e-01', '1.0e-04', '4', '120', 'backbone.0, backbone.1']


@pytest.mark.parametrize('gains', [True, False])
def test_a_step_under_autocast_on_the_cpu(gains: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('mmsxm.engine.optim.gains_by_bfloat16', lambda device: gains)
    torch.manual_seed(0)
    model = Net()
    wrapper = build(model, wrapper='mmsxm.AutocastOptimWrapper')
    before = model.backbone[0].weight.clone()
    with wrapper.optim_context(model):
        out = model.backbone(torch.randn(2, 3, 8, 8))
        assert out.dtype == (torch.bfloat16 if gains else torch.float32)
        loss = out.float().square().mean()
    wrapper.update_params(loss)
    after = model.backbone[0].weight
    assert after.dtype == torch.float32
    assert not torch.equal(before, after)
    assert torch.isfinite(after).all()


def test_a_fused_step_gives_the_same_weights_except_for_rounding() -> None:
    # which is why the records of runs do not distinguish them
    weights = []
    for fused in (False, True):
        torch.manual_seed(0)
        model = Net()
        optimizer = torch.optim.SGD(
            model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=True, fused=fused
        )
        for _ in range(5):
            for parameter in model.parameters():
                parameter.grad = torch.randn_like(parameter)
            optimizer.step()
        weights.append(model.state_dict())
    for name, value in weights[0].items():
        # float32 has 24 bits
        torch.testing.assert_close(weights[1][name], value, rtol=2**-22, atol=2**-26)
