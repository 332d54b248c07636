"""Checkpoints load through an allow-list, and code in them is not run."""

import builtins
import os
import pickle
import urllib.error
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.runner import CheckpointLoader, Runner

import mmsxm.registry  # noqa: F401, registers the loaders
from mmsxm.safe_checkpoints import load_from_local, read_safely

# ---------------------------------------------------------------------------- untrusted checkpoints


class Call:
    """Object whose pickle calls a function when it is read."""

    def __init__(self, function: Callable, *args: object) -> None:
        self.call = function, args

    def __reduce__(self) -> tuple:
        return self.call

    def __call__(self) -> None:
        """Exist, because pickle requires it if the function is itself the result of a call."""


def by_system(marker: Path) -> Call:
    return Call(os.system, f'touch {marker}')


def by_eval(marker: Path) -> Call:
    return Call(builtins.eval, f'open({str(marker)!r}, "w")')


def by_open(marker: Path) -> Call:
    return Call(builtins.open, str(marker), 'w')


def by_getattr(marker: Path) -> Call:
    """Reach ``open`` through attributes of objects in checkpoints of mmengine."""
    module = Call(getattr, HistoryBuffer.mean, '__globals__')
    its_builtins = Call(Call(getattr, module, 'get'), '__builtins__')
    return Call(Call(Call(getattr, its_builtins, 'get'), 'open'), str(marker), 'w')


ATTACKS = [by_system, by_eval, by_open, by_getattr]
LAYOUTS = ['inside', 'bare', 'old format']


def write_untrusted(folder: Path, attack: Callable[[Path], Call], layout: str) -> tuple[Path, Path]:
    path, marker = folder / 'untrusted.pth', folder / 'marker'
    payload = attack(marker)
    checkpoint = {'state_dict': {'weight': torch.zeros(2)}, 'meta': payload}
    if layout == 'bare':
        path.write_bytes(pickle.dumps(payload, protocol=2))
    else:
        torch.save(checkpoint, path, _use_new_zipfile_serialization=layout == 'inside')
    return path, marker


@pytest.mark.parametrize('attack', ATTACKS)
@pytest.mark.parametrize('layout', LAYOUTS)
def test_a_checkpoint_with_code_is_rejected(
    attack: Callable[[Path], Call], layout: str, tmp_path: Path
) -> None:
    path, marker = write_untrusted(tmp_path, attack, layout)
    # by mmengine's own loader, as Runner.load_checkpoint and init_cfg call it
    with pytest.raises(ValueError, match=r'untrusted\.pth is refused'):
        CheckpointLoader.load_checkpoint(str(path), map_location='cpu')
    assert not marker.exists()


@pytest.mark.parametrize('attack', ATTACKS)
def test_the_attacks_work_without_the_allow_list(
    attack: Callable[[Path], Call], tmp_path: Path
) -> None:
    path, marker = write_untrusted(tmp_path, attack, 'inside')
    torch.load(path, weights_only=False)
    assert marker.exists()


@pytest.mark.parametrize(
    ('attack', 'found'),
    [(by_system, r'posix\.system'), (by_eval, 'GLOBAL eval'), (by_getattr, "'__globals__'")],
)
def test_the_message_names_the_rejected_object(
    attack: Callable[[Path], Call], found: str, tmp_path: Path
) -> None:
    path, _ = write_untrusted(tmp_path, attack, 'inside')
    with pytest.raises(ValueError, match=found) as raised:
        load_from_local(path)
    assert 'weights_only' not in str(raised.value)  # the advice of torch to load it anyway


def test_the_allow_list_is_restored_after_loading(tmp_path: Path) -> None:
    torch.save({'history': HistoryBuffer([1.0], [1])}, tmp_path / 'own.pth')
    before = set(torch.serialization.get_safe_globals())
    load_from_local(tmp_path / 'own.pth')
    assert set(torch.serialization.get_safe_globals()) == before


# ---------------------------------------------------------------------------- own checkpoints


class Net(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(3, 1)

    def forward(self, x: list[torch.Tensor], mode: str) -> dict[str, torch.Tensor]:
        return {'loss': self.linear(torch.stack(x)).square().mean()}


def runner_in(work_dir: Path, name: str, resume: bool = False) -> Runner:
    return Runner(
        Net(),
        work_dir=str(work_dir),
        train_dataloader=dict(
            dataset=[{'x': torch.full((3,), float(i))} for i in range(4)],
            sampler=dict(type='DefaultSampler', shuffle=True),
            batch_size=2,
        ),
        train_cfg=dict(by_epoch=True, max_epochs=1),
        resume=resume,
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
        default_hooks=dict(logger=dict(type='LoggerHook', interval=1)),
        experiment_name=name,
        default_scope='mmpretrain',
        log_level='WARNING',
    )


def test_what_a_runner_saves_it_loads(tmp_path: Path) -> None:
    trained = runner_in(tmp_path, 'safe_save')
    trained.train()
    path = str(tmp_path / 'epoch_1.pth')

    checkpoint = CheckpointLoader.load_checkpoint(path, map_location='cpu')
    history = checkpoint['message_hub']['log_scalars']['train/loss']
    assert isinstance(history, HistoryBuffer)
    assert history.statistics('mean') == history.mean()
    assert checkpoint['optimizer']['state']

    resumed = runner_in(tmp_path, 'safe_resume', resume=True)
    resumed.train()  # all epochs are finished
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
    loaded = load_from_local(tmp_path / 'plain.pth')['value']
    assert type(loaded) is type(value)
    assert str(loaded) == str(value)


def test_a_file_of_numpy_1_loads(tmp_path: Path) -> None:
    """NumPy 1 wrote ``numpy.core`` instead of ``numpy._core``."""
    data = pickle.dumps({'value': np.float64(0.5), 'rows': np.arange(3)}, protocol=2)
    assert b'numpy._core' in data
    old = data.replace(b'numpy._core', b'numpy.core')
    (tmp_path / 'old.pkl').write_bytes(old)
    with open(tmp_path / 'old.pkl', 'rb') as file:
        loaded = read_safely(lambda: torch._weights_only_unpickler.load(file))
    assert loaded['value'] == 0.5
    assert loaded['rows'].tolist() == [0, 1, 2]


@pytest.mark.parametrize('kept', [0.0, 0.01, 0.5, 0.99])
@pytest.mark.parametrize('new_format', [True, False])
def test_a_truncated_file_is_a_value_error(kept: float, new_format: bool, tmp_path: Path) -> None:
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
def test_without_internet_access_the_message_explains_the_download(
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
    path, marker = write_untrusted(cache, by_system, 'inside')
    with pytest.raises(ValueError, match='is refused'):
        CheckpointLoader.load_checkpoint(f'https://somewhere/{path.name}')
    assert not marker.exists()
    torch.save({'w': torch.ones(2)}, cache / 'fine.pth')
    loaded = CheckpointLoader.load_checkpoint('https://somewhere/fine.pth')
    assert loaded['w'].tolist() == [1, 1]


def test_unknown_torchvision_weights_are_an_error() -> None:
    with pytest.raises(ValueError, match='resnet51'):
        CheckpointLoader.load_checkpoint('torchvision://resnet51')
