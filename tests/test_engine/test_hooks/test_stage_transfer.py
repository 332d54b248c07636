import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.model import MMDistributedDataParallel
from mmpretrain.models import AverageClsScoreTTA, ConvNeXt
from torch import nn

from mmsxm.engine import PretrainedHook, StageTransferHook
from mmsxm.engine.checkpoints import missing_keys


class Net(nn.Module):
    def __init__(self, head: bool = True, width: int = 4) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))
        self.attention_head = nn.Conv2d(width, 1, 1)
        if head:
            self.head = nn.Linear(4, 2)
        self.test_step = None  # AverageClsScoreTTA asks for it


def runner_of(
    model: nn.Module | None = None,
    load_from: str | Path | None = None,
    resume: bool = False,
    training: bool = True,
) -> SimpleNamespace:
    """Return a stand-in for a runner before training or testing."""
    return SimpleNamespace(
        model=model or Net(),
        _load_from=None if load_from is None else str(load_from),
        _resume=resume,
        _train_loop=object() if training else {'max_epochs': 2},
    )


def save(folder: Path, epochs: int = 1, **checkpoint: object) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f'epoch_{epochs}.pth'
    torch.save(checkpoint, path)
    (folder / 'last_checkpoint').write_text(str(path))
    return path


# ---------------------------------------------------------------------------- keys


def test_missing_keys_compares_names_and_shapes() -> None:
    state_dict = Net().state_dict()
    assert missing_keys(Net(), state_dict) == []
    del state_dict['backbone.1.num_batches_tracked']  # old files lack it
    assert missing_keys(Net(), state_dict) == []
    state_dict['head.bias'] = torch.zeros(9)
    del state_dict['attention_head.weight']
    assert missing_keys(Net(), state_dict) == ['attention_head.weight', 'head.bias']


# ---------------------------------------------------------------------------- load_from


def test_load_from_can_be_a_work_dir(tmp_path: Path) -> None:
    save(tmp_path, epochs=1)
    latest = save(tmp_path, epochs=2)
    runner = runner_of(load_from=tmp_path)
    StageTransferHook().before_run(runner)
    assert runner._load_from == str(latest)


@pytest.mark.parametrize('source', ['file', 'address', 'none', 'resume'])
def test_other_values_of_load_from_are_kept(source: str, tmp_path: Path) -> None:
    load_from = {
        'file': save(tmp_path),
        'address': 'https://somewhere/else.pth',
        'none': None,
        'resume': tmp_path,
    }[source]
    runner = runner_of(load_from=load_from, resume=source == 'resume')
    StageTransferHook().before_run(runner)
    assert runner._load_from == (None if load_from is None else str(load_from))


@pytest.mark.parametrize('kind', ['no folder', 'empty folder', 'deleted checkpoint'])
def test_a_missing_checkpoint_names_the_command_to_run_first(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / 'stage1'
    if kind != 'no folder':
        save(folder).unlink()
    if kind == 'empty folder':
        (folder / 'last_checkpoint').unlink()
    hook = StageTransferHook(new=['head.'], first='configs/stage1.py')
    with pytest.raises(FileNotFoundError) as raised:
        hook.before_run(runner_of(load_from=folder))
    message = str(raised.value)
    assert str(folder) in message
    assert 'mmsxm train configs/stage1.py' in message
    assert '--stages' in message
    with pytest.raises(FileNotFoundError) as raised:
        hook.before_run(runner_of(load_from=folder, training=False))
    assert 'mmsxm train' not in str(raised.value)  # a test does not train


# ---------------------------------------------------------------------------- content


def of_stage1() -> dict:
    return {'state_dict': Net(head=False).state_dict(), 'meta': {'epoch': 3}}


STAGE2 = StageTransferHook(new=['head.'], first='configs/stage1.py')


def test_training_can_start_without_parts_declared_new() -> None:
    STAGE2.after_load_checkpoint(runner_of(load_from='s1.pth'), of_stage1())


def test_a_plain_state_dict_is_accepted() -> None:
    STAGE2.after_load_checkpoint(runner_of(load_from='s1.pth'), of_stage1()['state_dict'])


@pytest.mark.parametrize(
    'situation', [dict(training=False), dict(resume=True)], ids=['test', 'resume']
)
def test_tests_and_resumed_runs_require_all_weights(situation: dict) -> None:
    with pytest.raises(ValueError, match=r's1\.pth does not match .* 2 of the .*head\.weight'):
        STAGE2.after_load_checkpoint(runner_of(load_from='s1.pth', **situation), of_stage1())
    complete = {'state_dict': Net().state_dict()}
    STAGE2.after_load_checkpoint(runner_of(load_from='s1.pth', **situation), complete)


def test_missing_attention_weights_are_rejected() -> None:
    checkpoint = of_stage1()
    del checkpoint['state_dict']['attention_head.weight']
    with pytest.raises(
        ValueError, match=r'\(attention_head\.weight \(1\)\).*mmsxm train configs/stage1\.py'
    ):
        STAGE2.after_load_checkpoint(runner_of(load_from='s1.pth'), checkpoint)


def test_weights_of_another_width_are_rejected() -> None:
    other = {'state_dict': Net(head=False, width=8).state_dict()}
    with pytest.raises(ValueError, match=r'7 of the .* have another shape .*backbone\.1 \(4\)'):
        STAGE2.after_load_checkpoint(runner_of(load_from='s1.pth'), other)


def test_all_weights_are_required_unless_declared_new() -> None:
    with pytest.raises(ValueError, match=r'head\.weight'):
        StageTransferHook().after_load_checkpoint(runner_of(load_from='s1.pth'), of_stage1())


class OneProcess(MMDistributedDataParallel):
    """Wrapper without other processes."""

    def __init__(self, module: nn.Module) -> None:
        nn.Module.__init__(self)
        self.module = module


@pytest.mark.parametrize(
    'wrap',
    [OneProcess, AverageClsScoreTTA, lambda net: OneProcess(AverageClsScoreTTA(net))],
    ids=['processes', 'flips', 'both'],
)
def test_models_are_unwrapped(wrap: Callable[[nn.Module], nn.Module]) -> None:
    runner = runner_of(wrap(Net()), load_from='s1.pth', training=False)
    STAGE2.after_load_checkpoint(runner, {'state_dict': Net().state_dict()})
    with pytest.raises(ValueError, match=r'head\.weight'):
        STAGE2.after_load_checkpoint(runner, of_stage1())


# ---------------------------------------------------------------------------- pretrained


def pretrained_net(path: Path) -> Net:
    net = Net()
    net.backbone.init_cfg = dict(type='Pretrained', checkpoint=str(path))
    return net


def test_matching_weights_are_accepted(tmp_path: Path) -> None:
    path = save(tmp_path, state_dict=Net().backbone.state_dict())
    PretrainedHook().before_run(runner_of(pretrained_net(path)))


def test_weights_of_another_backbone_are_rejected(tmp_path: Path) -> None:
    path = save(tmp_path, state_dict=Net(width=8).backbone.state_dict())
    with pytest.raises(ValueError, match=r'6 of its .*mmsxm convert-weights') as raised:
        PretrainedHook().before_run(runner_of(pretrained_net(path)))
    assert str(path) in str(raised.value)


def convnext(path: Path, out_indices: Sequence[int] = (1, 2, 3)) -> Net:
    net = Net()
    arch = dict(depths=[1, 1, 1, 1], channels=[8, 16, 24, 32])
    init_cfg = dict(type='Pretrained', checkpoint=str(path))
    net.backbone = ConvNeXt(arch, out_indices=out_indices, init_cfg=init_cfg)
    net.backbone.gap_before_final_norm = False
    return net


def test_norms_of_intermediate_outputs_may_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(
        'mmsxm.engine.hooks.pretrained.print_log', lambda text, logger: logged.append(text)
    )
    classifier = convnext(tmp_path, out_indices=(3,)).backbone.state_dict()
    path = save(tmp_path, state_dict=classifier)
    PretrainedHook().before_run(runner_of(convnext(path)))
    (text,) = logged  # the norms that start from their initial values
    assert text.endswith('norm1.weight, norm1.bias, norm2.weight, norm2.bias.')


@pytest.mark.parametrize('lost', ['norm3.weight', 'stages.1.0.norm.weight', 'stages.3.0.gamma'])
def test_any_other_missing_weight_is_rejected(lost: str, tmp_path: Path) -> None:
    weights = convnext(tmp_path, out_indices=(3,)).backbone.state_dict()
    del weights[lost]
    path = save(tmp_path, state_dict=weights)
    part = re.escape('.'.join(lost.split('.')[:2]))
    with pytest.raises(ValueError, match=rf'match ConvNeXt: 1 of its .*\({part} \(1\)\)'):
        PretrainedHook().before_run(runner_of(convnext(path)))


def test_norms_of_another_width_are_rejected(tmp_path: Path) -> None:
    weights = convnext(tmp_path).backbone.state_dict()
    weights['norm1.weight'] = torch.ones(3)
    with pytest.raises(ValueError, match=r'1 of its .*norm1\.weight'):
        PretrainedHook().before_run(runner_of(convnext(save(tmp_path, state_dict=weights))))


@pytest.mark.parametrize(
    'situation',
    [dict(training=False), dict(resume=True), dict(load_from='s1.pth')],
    ids=['test', 'resume', 'load_from'],
)
def test_weights_that_are_overwritten_are_not_read(situation: dict, tmp_path: Path) -> None:
    absent = pretrained_net(tmp_path / 'absent.pth')
    PretrainedHook().before_run(runner_of(absent, **situation))
    with pytest.raises(FileNotFoundError, match='absent'):
        PretrainedHook().before_run(runner_of(absent))


def test_training_from_random_weights_needs_no_file() -> None:
    net = Net()
    net.backbone.init_cfg = None
    PretrainedHook().before_run(runner_of(net))
