import pytest
import torch
from mmpretrain import get_model, list_models

import mmsxm.apis  # noqa: F401
from mmsxm.models import SXMNet


def test_our_networks_are_listed_beside_those_of_mmpretrain() -> None:
    assert list_models('sxmnet') == [
        'sxmnet-mobilenet-v2_sixray',
        'sxmnet-resnet50-mf-n_opixray',
        'sxmnet-resnet50-mf-n_sixray',
        'sxmnet-resnet50_opixray',
        'sxmnet-resnet50_sixray',
    ]
    assert list_models('evidence') == [
        'evidence-mobilenet-v2_sixray',
        'evidence-resnet18_simulated',
        'evidence-resnet50_opixray',
        'evidence-resnet50_sixray',
    ]
    assert 'resnet50_8xb32_in1k' in list_models('resnet50')


@pytest.mark.parametrize(
    'name',
    [name for kind in ('sxmnet', 'evidence', 'chr-', 'fpn-') for name in list_models(kind)],
)
def test_a_network_is_built_by_name(name: str) -> None:
    model = get_model(name, backbone=dict(init_cfg=None)).eval()  # no download
    assert isinstance(model, SXMNet)
    with torch.inference_mode():
        assert model(torch.zeros(1, 3, 64, 64)).shape == (1, 5)
