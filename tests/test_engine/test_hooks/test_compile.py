import copy
from types import SimpleNamespace

import pytest
import torch

from mmsxm.engine import CompileHook
from mmsxm.registry import MODELS
from mmsxm.training.config import load_config

pytestmark = pytest.mark.usefixtures('scope')


def build() -> torch.nn.Module:
    cfg = load_config('configs/demo/sxmnet_stage2.py')
    torch.manual_seed(0)
    return MODELS.build(cfg.model)


@pytest.fixture(scope='module')
def compiled_and_plain() -> tuple[torch.nn.Module, torch.nn.Module]:
    plain = build()
    model = copy.deepcopy(plain)
    # eager: traced as for any backend, but without a compiler of the machine's
    CompileHook(backend='eager').before_run(SimpleNamespace(model=model))
    return model, plain


def test_a_compiled_network_computes_the_same(compiled_and_plain) -> None:
    compiled, plain = compiled_and_plain
    inputs = torch.randn(2, 3, 64, 64)
    frames = torch._dynamo.utils.counters['frames']
    before = frames['ok']
    for mode in (True, False):
        got, expected = compiled.train(mode)(inputs), plain.train(mode)(inputs)
        torch.testing.assert_close(got, expected)
    assert frames['ok'] >= before + 4  # each part was traced


def test_weights_keep_their_names(compiled_and_plain) -> None:
    compiled, plain = compiled_and_plain
    assert list(compiled.state_dict()) == list(plain.state_dict())
    plain.load_state_dict(compiled.state_dict())


def test_a_copy_can_be_made(compiled_and_plain) -> None:
    compiled, plain = compiled_and_plain
    average = copy.deepcopy(compiled)  # as EMAHook does
    assert list(average.state_dict()) == list(plain.state_dict())


def test_parts_that_a_model_leaves_out_are_passed_over() -> None:
    model = torch.nn.Module()
    model.backbone = torch.nn.ReLU()
    model.neck = None
    CompileHook(backend='eager').before_run(SimpleNamespace(model=model))
    assert model.backbone._compiled_call_impl is not None


def test_unknown_parts_are_refused() -> None:
    with pytest.raises(ValueError, match=r'parts names tail'):
        CompileHook(parts=('backbone', 'tail'))
