"""The repairs help where something is broken, and change nothing elsewhere."""

import builtins
import importlib.util
import os
import pickle
import subprocess
import sys
import urllib.error
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.runner import CheckpointLoader, Runner

from mmsxm import compat

# ---------------------------------------------------------------------------- foreign checkpoints


class Call:
    """Pickles as a call, which reading the file makes."""

    def __init__(self, function: Callable, *args: object) -> None:
        self.call = function, args

    def __reduce__(self) -> tuple:
        return self.call

    def __call__(self) -> None:
        """Never called; pickle asks for it where the function is itself the result of a call."""


def by_system(marker: Path) -> Call:
    return Call(os.system, f'touch {marker}')


def by_eval(marker: Path) -> Call:
    return Call(builtins.eval, f'open({str(marker)!r}, "w")')


def by_open(marker: Path) -> Call:
    return Call(builtins.open, str(marker), 'w')


def by_getattr(marker: Path) -> Call:
    """Find ``open`` by the attributes of what mmengine's own checkpoints hold."""
    module = Call(getattr, HistoryBuffer.mean, '__globals__')
    its_builtins = Call(Call(getattr, module, 'get'), '__builtins__')
    return Call(Call(Call(getattr, its_builtins, 'get'), 'open'), str(marker), 'w')


ATTACKS = [by_system, by_eval, by_open, by_getattr]
LAYOUTS = ['inside', 'bare', 'old format']


def write_foreign(folder: Path, attack: Callable[[Path], Call], layout: str) -> tuple[Path, Path]:
    path, marker = folder / 'foreign.pth', folder / 'marker'
    payload = attack(marker)
    checkpoint = {'state_dict': {'weight': torch.zeros(2)}, 'meta': payload}
    if layout == 'bare':
        path.write_bytes(pickle.dumps(payload, protocol=2))
    else:
        torch.save(checkpoint, path, _use_new_zipfile_serialization=layout == 'inside')
    return path, marker


@pytest.mark.parametrize('attack', ATTACKS)
@pytest.mark.parametrize('layout', LAYOUTS)
def test_a_checkpoint_that_carries_code_is_refused(
    attack: Callable[[Path], Call], layout: str, tmp_path: Path
) -> None:
    path, marker = write_foreign(tmp_path, attack, layout)
    # by mmengine's own loader, as Runner.load_checkpoint and init_cfg call it
    with pytest.raises(ValueError, match=r'foreign\.pth is refused'):
        CheckpointLoader.load_checkpoint(str(path), map_location='cpu')
    assert not marker.exists()


@pytest.mark.parametrize('attack', ATTACKS)
def test_the_attacks_are_real(attack: Callable[[Path], Call], tmp_path: Path) -> None:
    path, marker = write_foreign(tmp_path, attack, 'inside')
    torch.load(path, weights_only=False)
    assert marker.exists()


@pytest.mark.parametrize(
    ('attack', 'found'),
    [(by_system, r'posix\.system'), (by_eval, 'GLOBAL eval'), (by_getattr, "'__globals__'")],
)
def test_the_refusal_says_what_was_found(
    attack: Callable[[Path], Call], found: str, tmp_path: Path
) -> None:
    path, _ = write_foreign(tmp_path, attack, 'inside')
    with pytest.raises(ValueError, match=found) as raised:
        compat.load_from_local(path)
    assert 'weights_only' not in str(raised.value)  # torch's advice to load it all the same


def test_the_allow_list_is_not_left_open(tmp_path: Path) -> None:
    torch.save({'history': HistoryBuffer([1.0], [1])}, tmp_path / 'own.pth')
    before = set(torch.serialization.get_safe_globals())
    compat.load_from_local(tmp_path / 'own.pth')
    assert set(torch.serialization.get_safe_globals()) == before


# ---------------------------------------------------------------------------- own checkpoints


class Net(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(3, 1)

    def forward(self, x: list[torch.Tensor], mode: str) -> dict[str, torch.Tensor]:
        return {'loss': self.linear(torch.stack(x)).square().mean()}


def runner_in(work_dir: Path, name: str, epochs: int = 1) -> Runner:
    return Runner(
        Net(),
        work_dir=str(work_dir),
        train_dataloader=dict(
            dataset=[{'x': torch.full((3,), float(i))} for i in range(4)],
            sampler=dict(type='DefaultSampler', shuffle=True),
            batch_size=2,
        ),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
        default_hooks=dict(logger=dict(type='LoggerHook', interval=1)),
        experiment_name=name,
        default_scope='mmpretrain',
        log_level='WARNING',
    )


def test_what_a_runner_saves_it_loads(tmp_path: Path) -> None:
    trained = runner_in(tmp_path, 'compat_save')
    trained.train()
    path = str(tmp_path / 'epoch_1.pth')

    checkpoint = CheckpointLoader.load_checkpoint(path, map_location='cpu')
    history = checkpoint['message_hub']['log_scalars']['train/loss']
    assert isinstance(history, HistoryBuffer)
    assert history.statistics('mean') == history.mean()
    assert checkpoint['optimizer']['state']

    resumed = runner_in(tmp_path, 'compat_resume', epochs=1)
    resumed._resume = True
    resumed.train()  # nothing is left to do
    assert resumed.epoch == 1
    torch.testing.assert_close(resumed.model.state_dict(), trained.model.state_dict())


@pytest.mark.parametrize(
    'value',
    [
        np.float64(0.5),
        np.float32(0.5),
        np.int64(3),
        np.arange(3),
        np.array([True]),
        np.empty(0),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(3, dtype='>i2'),
        np.array(0.5),
        (np.arange(2), [np.bool_(True)]),
        np.zeros(2, np.uint8),
        OrderedDict(a=torch.ones(2)),
        torch.Size([1, 2]),
        {'nested': [1, 'two', None, (3.0, torch.float16)]},
    ],
    ids=lambda value: type(value).__name__,
)
def test_plain_values_load(value: object, tmp_path: Path) -> None:
    torch.save({'value': value}, tmp_path / 'plain.pth')
    loaded = compat.load_from_local(tmp_path / 'plain.pth')['value']
    assert type(loaded) is type(value)
    assert str(loaded) == str(value)


def test_a_file_of_numpy_1_loads(tmp_path: Path) -> None:
    """NumPy 1 wrote ``numpy.core`` for today's ``numpy._core``."""
    data = pickle.dumps({'value': np.float64(0.5), 'rows': np.arange(3)}, protocol=2)
    assert b'numpy._core' in data
    old = data.replace(b'numpy._core', b'numpy.core')
    (tmp_path / 'old.pkl').write_bytes(old)
    with open(tmp_path / 'old.pkl', 'rb') as file:
        loaded = compat.read_safely(lambda: torch._weights_only_unpickler.load(file))
    assert loaded['value'] == 0.5
    assert loaded['rows'].tolist() == [0, 1, 2]


@pytest.mark.parametrize('kept', [0.0, 0.01, 0.5, 0.99])
@pytest.mark.parametrize('new_format', [True, False])
def test_a_file_that_was_cut_off_is_an_error_of_ours(
    kept: float, new_format: bool, tmp_path: Path
) -> None:
    path = tmp_path / 'whole.pth'
    torch.save({'w': torch.randn(500)}, path, _use_new_zipfile_serialization=new_format)
    data = path.read_bytes()
    (tmp_path / 'cut.pth').write_bytes(data[: int(kept * len(data))])
    with pytest.raises(ValueError, match=r'cut\.pth'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'cut.pth'))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'absent\.pth'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'absent.pth'))


# ---------------------------------------------------------------------------- addresses


def no_network(url: str, **kwargs: object) -> None:
    raise urllib.error.URLError('no route to host')


@pytest.mark.parametrize('address', ['torchvision://resnet50', 'https://somewhere/else.pth'])
def test_without_a_network_one_sentence_helps(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, 'load_state_dict_from_url', no_network)
    with pytest.raises(ConnectionError, match=r'https://.*no route to host.*PRETRAINED=/path'):
        CheckpointLoader.load_checkpoint(address)


def test_a_download_is_read_through_the_allow_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    cache = tmp_path / 'hub' / 'checkpoints'
    cache.mkdir(parents=True)
    path, marker = write_foreign(cache, by_system, 'inside')
    with pytest.raises(ValueError, match='is refused'):
        CheckpointLoader.load_checkpoint(f'https://somewhere/{path.name}')
    assert not marker.exists()
    torch.save({'w': torch.ones(2)}, cache / 'fine.pth')
    loaded = CheckpointLoader.load_checkpoint('https://somewhere/fine.pth')
    assert loaded['w'].tolist() == [1, 1]


def test_weights_that_torchvision_does_not_have() -> None:
    with pytest.raises(ValueError, match='resnet51'):
        CheckpointLoader.load_checkpoint('torchvision://resnet51')


# ---------------------------------------------------------------------------- imports


@pytest.mark.parametrize('missing', ['mmengine', 'mmcv', 'mmpretrain'])
def test_no_stack_names_both_ways_to_install_one(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, 'find_spec', lambda name: None if name == missing else find_spec(name)
    )
    with pytest.raises(ImportError, match=rf'{missing} is not .*onedl-mmengine.*mmcv-lite'):
        compat.require_stack()


def run_beside(torchvision: str, code: str, path: Path) -> None:
    """Run code in a process of its own, beside a stand-in for torchvision."""
    package = path / 'torchvision'
    package.mkdir()
    (package / 'part.py').write_text('')
    (package / '__init__.py').write_text(f'import torch\nfrom . import part\n{torchvision}')
    done = subprocess.run(
        [sys.executable, '-c', code],
        env=os.environ | {'PYTHONPATH': str(path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_torchvision_that_works_is_left_alone(tmp_path: Path) -> None:
    code = """
import sys
from mmsxm import compat
import torchvision
compat.repair_torchvision()
assert compat._torchvision_schemas == []
assert sys.modules['torchvision'] is torchvision
assert sys.modules['torchvision.part'] is torchvision.part
"""
    run_beside('', code, tmp_path)


def test_a_torchvision_without_its_operators_imports(tmp_path: Path) -> None:
    """As a CUDA build beside a CPU torch fails, half imported."""
    torchvision = """
@torch.library.register_fake('torchvision::nms')
def fake_nms(dets, scores, iou_threshold):
    return dets.new_empty(len(dets), dtype=torch.int64)
"""
    code = """
from mmsxm import compat
try:
    import torchvision
except RuntimeError as error:
    assert 'torchvision::nms' in str(error), error
else:
    raise SystemExit('the stand-in imports by itself')
compat.repair_torchvision()
import torchvision.part
assert len(compat._torchvision_schemas) == 1
"""
    run_beside(torchvision, code, tmp_path)


def test_another_failure_of_torchvision_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise RuntimeError('something else')

    monkeypatch.setattr(importlib, 'import_module', fail)
    with pytest.raises(RuntimeError, match='something else'):
        compat.repair_torchvision()


# ---------------------------------------------------------------------------- processes


def test_a_process_group_is_for_machines_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(torch.distributed, 'init_process_group', started.append)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    cfg = Config(dict(find_unused_parameters=True))
    compat.init_cpu_process_group(cfg)
    assert started == []
    assert 'model_wrapper_cfg' not in cfg

    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    compat.init_cpu_process_group(cfg)
    assert started == ['gloo']
    assert cfg.model_wrapper_cfg.device_ids is None
    assert cfg.model_wrapper_cfg.find_unused_parameters

    # the second stage of a job finds the group there, and its wrapper is still to be set
    monkeypatch.setattr(torch.distributed, 'is_initialized', lambda: True)
    second = Config({})
    compat.init_cpu_process_group(second)
    assert started == ['gloo']
    assert second.model_wrapper_cfg.device_ids is None
    assert not second.model_wrapper_cfg.find_unused_parameters
