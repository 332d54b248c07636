"""Access to the private state of a runner, tested on a real runner."""

import re
from pathlib import Path

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner

import mmsxm
from mmsxm.engine.runner_state import (
    dismiss_workers,
    is_resuming,
    is_training,
    load_from,
    set_load_from,
)

PRIVATE = re.compile(r'\brunner\._[a-z]|\._(load_from|resume|(train|val|test)_loop|iterator)\b')


class Net(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, x: list[torch.Tensor], mode: str) -> dict[str, torch.Tensor] | list:
        product = self.weight * torch.stack(x)
        return {'loss': product.sum()} if mode == 'loss' else [product]


def build_runner(work_dir: Path, workers: int = 0, **settings: object) -> Runner:
    loader = dict(
        dataset=[{'x': torch.ones(1)}],
        sampler=dict(type='DefaultSampler', shuffle=False),
        batch_size=1,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    return Runner(
        Net(),
        work_dir=str(work_dir),
        train_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        test_dataloader=loader,
        test_cfg={},
        test_evaluator=dict(type='DumpResults', out_file_path=str(work_dir / 'results.pkl')),
        experiment_name=work_dir.name,
        log_level='WARNING',
        **settings,
    )


def test_the_state_of_training_and_resuming(tmp_path: Path) -> None:
    trained = build_runner(tmp_path)
    assert not is_training(trained)  # the loop is not built yet
    trained.train()
    assert is_training(trained)
    assert not is_resuming(trained)
    assert load_from(trained) is None

    resumed = build_runner(tmp_path, resume=True)
    resumed.train()
    assert is_resuming(resumed)


def test_a_test_loads_the_checkpoint_that_was_set(tmp_path: Path) -> None:
    path = tmp_path / 'weights.pth'
    torch.save({'weight': torch.full((1,), 3.0)}, path)
    runner = build_runner(tmp_path, load_from='elsewhere.pth')
    assert load_from(runner) == 'elsewhere.pth'
    set_load_from(runner, str(path))
    assert load_from(runner) == str(path)
    runner.test()
    assert runner.model.weight.item() == 3
    assert not is_training(runner)
    assert not is_resuming(runner)


@pytest.mark.parametrize('run', ['train', 'test'])
def test_dismissed_workers_exit(run: str, tmp_path: Path) -> None:
    runner = build_runner(tmp_path, workers=1)
    getattr(runner, run)()
    loader = runner.train_dataloader if run == 'train' else runner.test_dataloader
    (worker,) = loader._iterator._workers
    assert worker.is_alive()
    dismiss_workers(runner)
    worker.join(timeout=10)
    assert not worker.is_alive()


def test_no_other_module_accesses_private_state() -> None:
    package = Path(mmsxm.__file__).parent
    found = [
        f'{path.relative_to(package)}:{number}'
        for path in package.rglob('*.py')
        if path != package / 'engine/runner_state.py' and '.mim' not in path.parts
        for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1)
        if PRIVATE.search(line)
    ]
    assert found == []
