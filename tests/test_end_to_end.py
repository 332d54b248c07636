"""Small end-to-end runs: train, resume and test, in one process and in two."""

import json
import multiprocessing
import os
import pickle
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from reserved_ports import reserved_ports
from small_training import SMALL

from mmsxm.training.config import load_config
from mmsxm.training.test import add_metric, build_test, use_tta
from mmsxm.training.train import finished_epochs, resume, train

ROOT = Path(__file__).resolve().parents[1]
TRAIN, TEST = 24, 7  # 3 batches of 8; a test set that two processes can't halve

STAGE1 = """
work_dir = '{stage1}'
"""
STAGE2 = """
model['head'] = dict(in_channels=[16, 16, 16])
load_from = '{stage1}'
work_dir = '{stage2}'
default_hooks = dict(handover=dict(first='configs/stage1.py'))
"""


class Project:
    """Project with its own configs and work directories."""

    def __init__(self, folder: Path) -> None:
        self.configs = folder / 'configs'
        self.configs.mkdir()
        self.stage1, self.stage2 = folder / 'stage1', folder / 'stage2'
        dirs = {'stage1': self.stage1, 'stage2': self.stage2}
        for name, rest, epochs in (('stage1', STAGE1, 1), ('stage2', STAGE2, 3)):
            base = ROOT / f'configs/sxmnet_sixray_{name}.py'
            text = SMALL.format(base=base, epochs=epochs) + rest.format(**dirs)
            (self.configs / f'{name}.py').write_text(text)

    def tool(self, name: str, *args: object) -> None:
        """Run a tool with command-line arguments, but in this process."""
        before = sys.argv
        sys.argv = [name, *map(str, args)]
        try:
            runpy.run_path(str(ROOT / 'tools' / name), run_name='__main__')
        finally:
            sys.argv = before

    def stage2_config(self, name: str, workers: int = 0) -> Config:
        """Return Stage II with its own work directory."""
        loader = {'num_workers': workers, 'persistent_workers': workers > 0}
        options = {f'train_dataloader.{key}': value for key, value in loader.items()}
        options['experiment_name'] = name
        return load_config(
            self.configs / 'stage2.py',
            work_dir=str(self.stage2.with_name(name)),
            options=options,
        )


@pytest.fixture(scope='module')
def project(tmp_path_factory: pytest.TempPathFactory, simulate: Callable[..., Path]) -> Project:
    """Train both stages with one command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('SIXRAY_ROOT', str(simulate(train=TRAIN, test=TEST, size=80)))
        patch.setenv('SIXRAY_SET', '10')
        project = Project(tmp_path_factory.mktemp('project'))
        project.tool('train.py', project.configs / 'stage2.py', '--stages')
        yield project


def metrics_in_log(work_dir: Path) -> list[dict]:
    """Return the metrics that training logged after each epoch."""
    logs = sorted(work_dir.glob('*/vis_data/scalars.json'))
    rows = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    return [row for row in rows if any(key.startswith('xray/') for key in row)]


def xray(row: dict) -> dict:
    return {key: value for key, value in row.items() if key.startswith('xray/')}


def weights(work_dir: Path, epoch: int = 3) -> dict[str, torch.Tensor]:
    path = work_dir / f'epoch_{epoch}.pth'
    return torch.load(path, weights_only=False)['state_dict']


# ---------------------------------------------------------------------------- two stages


def test_stages_trains_both(project: Project) -> None:
    assert finished_epochs(project.stage1) == 1
    assert finished_epochs(project.stage2) == 3
    measures = ('pointing', 'pointing_chance', 'energy', 'ellipse_iou', 'map_mean')
    pointing = {f'xray/{measure}' for measure in measures}
    (first,) = metrics_in_log(project.stage1)
    assert xray(first).keys() == pointing
    second = metrics_in_log(project.stage2)
    assert len(second) == 3
    assert pointing < xray(second[0]).keys()
    assert 0 < second[-1]['xray/mAP'] <= 100


def test_stage_2_starts_from_the_weights_of_stage_1(project: Project) -> None:
    runner = Runner.from_cfg(project.stage2_config('handover'))
    runner.train_loop  # noqa: B018  builds it
    runner.call_hook('before_run')
    runner.load_or_resume()
    loaded = runner.model.state_dict()
    for key, value in weights(project.stage1, epoch=1).items():
        assert torch.equal(loaded[key], value), key


def test_stages_does_not_train_stage_1_again(project: Project) -> None:
    before = [path.stat().st_mtime_ns for path in sorted(project.stage1.rglob('*'))]
    work_dir = project.stage2.with_name('again')
    options = ('--cfg-options', 'train_cfg.max_epochs=1', 'experiment_name=again')
    config = project.configs / 'stage2.py'
    project.tool('train.py', config, '--stages', '--work-dir', work_dir, *options)
    assert [path.stat().st_mtime_ns for path in sorted(project.stage1.rglob('*'))] == before
    assert finished_epochs(work_dir) == 1


def test_stage_2_without_stage_1_names_the_command_to_run(project: Project) -> None:
    cfg = project.stage2_config('without')
    cfg.load_from = str(project.stage1.with_name('nowhere'))
    with pytest.raises(FileNotFoundError, match=r'mmsxm train configs/stage1\.py, or add --stages'):
        train(cfg)


def test_a_checkpoint_of_stage_1_cannot_be_tested_as_stage_2(project: Project) -> None:
    runner = build_test(project.stage2_config('too_early'), str(project.stage1))
    with pytest.raises(ValueError, match=r'does not match the model.*head\.fcs'):
        runner.test()


def test_a_test_rejects_a_checkpoint_of_another_network(project: Project) -> None:
    """Otherwise, a missing part would be ignored, or another refinement would be used."""
    without = project.stage2_config('without_attention')
    without.model.update(attention_head=None, refinement=None)
    without.optim_wrapper.paramwise_cfg = {}
    runner = build_test(without, str(project.stage2))
    with pytest.raises(ValueError, match=r'do not exist there, first attention_head\.'):
        runner.test()
    product = project.stage2_config('product')
    product.model.refinement.type = 'mmsxm.ProductRefinement'
    runner = build_test(product, str(project.stage2))
    with pytest.raises(ValueError, match=r'model\.refinement\.type is NormalizedRefinement in the'):
        runner.test()


# ---------------------------------------------------------------------------- reproducibility


def test_two_epochs_of_one_image_differ(project: Project) -> None:
    dataset = Runner.build_dataloader(project.stage2_config('epochs').train_dataloader).dataset

    def image(epoch: int) -> torch.Tensor:
        dataset.set_epoch(0, epoch)
        return dataset[0]['inputs']

    assert torch.equal(image(1), image(1))
    assert not torch.equal(image(1), image(2))


KILLED = """
import os, signal, sys
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmsxm.training.config import load_config
from mmsxm.training.test import add_metric, build_test, use_tta
from mmsxm.training.train import finished_epochs, resume, train
import torch

torch.set_num_threads(1)

class Kill(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.epoch == 1 and batch_idx == 1:
            os.kill(os.getpid(), signal.SIGKILL)

config, work_dir, workers = sys.argv[1:]
loader = dict(num_workers=int(workers), persistent_workers=int(workers) > 0)
cfg = load_config(config, work_dir=work_dir, options=dict(train_dataloader=loader))
runner = Runner.from_cfg(cfg)
runner.register_hook(Kill())
runner.train()
"""


@pytest.mark.parametrize('workers', [0, 2])
def test_killed_and_resumed_training_equals_uninterrupted_training(
    workers: int, project: Project
) -> None:
    """Also with workers, although the uninterrupted run had none."""
    name = f'killed_{workers}'
    work_dir = project.stage2.with_name(name)
    config = project.configs / 'stage2.py'
    done = subprocess.run(
        [sys.executable, '-c', KILLED, str(config), str(work_dir), str(workers)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    assert finished_epochs(work_dir) == 1

    cfg = project.stage2_config(name, workers)
    resume(cfg)
    train(cfg)
    assert multiprocessing.active_children() == []  # left over they cost five seconds each
    uninterrupted, resumed = weights(project.stage2), weights(work_dir)
    assert uninterrupted.keys() == resumed.keys()
    assert [key for key in resumed if not torch.equal(resumed[key], uninterrupted[key])] == []
    assert not torch.equal(resumed['head.fcs.0.weight'], weights(work_dir, 2)['head.fcs.0.weight'])
    assert xray(metrics_in_log(work_dir)[-1]) == xray(metrics_in_log(project.stage2)[-1])


# ---------------------------------------------------------------------------- test


def test_the_test_reproduces_the_metrics_of_training(project: Project, tmp_path: Path) -> None:
    out = tmp_path / 'metrics.json'
    project.tool(
        'test.py',
        *(project.configs / 'stage2.py', project.stage2, '--work-dir', tmp_path / 'test'),
        *('--out', out, '--out-item', 'metrics', '--cfg-options', 'experiment_name=test'),
    )
    assert json.loads(out.read_text()) == xray(metrics_in_log(project.stage2)[-1])


def test_predictions_are_written(project: Project, tmp_path: Path) -> None:
    out = tmp_path / 'predictions.pkl'
    project.tool(
        'test.py',
        *(project.configs / 'stage2.py', project.stage2 / 'epoch_3.pth', '--amp'),
        *('--work-dir', tmp_path / 'test', '--out', out, '--no-pin-memory'),
        *('--cfg-options', 'experiment_name=predictions'),
    )
    predictions = pickle.loads(out.read_bytes())
    assert len(predictions) == TEST
    assert predictions[0]['pred_score'].shape == (5,)


@pytest.mark.parametrize('settings', [(), ('--tta',)])
def test_a_test_does_not_change_the_config_of_the_training_run(
    settings: tuple[str, ...], project: Project, tmp_path: Path
) -> None:
    config = project.stage2 / 'stage2.py'
    before = config.read_bytes()
    points = ('--operating-points', tmp_path / 'points')
    for name in ('once', 'twice'):
        options = ('--cfg-options', f'experiment_name={name}{len(settings)}')
        project.tool('test.py', config, project.stage2, *settings, *points, *options)
    assert config.read_bytes() == before


def test_metrics_of_the_command_are_added_to_a_single_metric(
    project: Project, tmp_path: Path
) -> None:
    config = tmp_path / 'one_metric.py'
    base = project.configs / 'stage2.py'
    config.write_text(
        f"_base_ = '{base}'\n"
        "test_evaluator = dict(_delete_=True, type='mmsxm.MeanAveragePrecision')\n"
    )
    out = tmp_path / 'scores.csv'
    options = ('--cfg-options', 'experiment_name=one_metric')
    project.tool('test.py', config, project.stage2, '--tta', '--out', out, *options)
    assert len(out.read_text().splitlines()) == 1 + TEST


def test_flips_are_averaged(project: Project, tmp_path: Path) -> None:
    out = tmp_path / 'metrics.json'
    project.tool(
        'test.py',
        *(project.configs / 'stage2.py', project.stage2, '--work-dir', tmp_path / 'test', '--tta'),
        *('--out', out, '--out-item', 'metrics', '--cfg-options', 'experiment_name=flips'),
    )
    metrics = json.loads(out.read_text())
    assert 0 < metrics['xray/mAP'] <= 100
    assert 'xray/pointing' not in metrics


@pytest.mark.parametrize('scope', ['mmengine', 'mmpretrain'])
def test_averaged_weights_are_tested_as_saved(scope: str, project: Project, tmp_path: Path) -> None:
    """With and without the hook that averages them, and with several views."""
    cfg = project.stage2_config(f'averaged_{scope}')
    cfg.train_cfg.max_epochs = 1
    # so quickly that the average differs from the last weights and from the first
    average = dict(type=f'{scope}.EMAHook', momentum=0.3)
    cfg.custom_hooks = [average]
    train(cfg)

    def test(hooks: list, tta: bool) -> dict:
        cfg = project.stage2_config(f'{scope}_{len(hooks)}_{tta}')
        cfg.custom_hooks = hooks
        add_metric(cfg, dict(type='mmsxm.ScoreTable', out=str(tmp_path / 'scores.csv')))
        if tta:
            use_tta(cfg)
        runner = build_test(cfg, str(project.stage2.with_name(f'averaged_{scope}')))
        assert runner.test()
        return (tmp_path / 'scores.csv').read_text()

    assert test([average], tta=False) == test([], tta=False)
    assert test([average], tta=True) == test([], tta=True) != test([], tta=False)


def test_a_config_can_define_its_views(project: Project, tmp_path: Path) -> None:
    """With the image itself as the only view, results equal those of a test without views."""
    config = tmp_path / 'one_view.py'
    config.write_text(
        f"_base_ = '{project.configs / 'stage2.py'}'\n"
        'tta_pipeline = [*_base_.load, dict(type="TestTimeAug", transforms=[\n'
        '    [dict(type="mmsxm.CenterCrop", crop_size=64)], _base_.pack])]\n'
        'tta_model = dict(type="mmsxm.MultiLabelTTA")\n'
        "test_evaluator = [*_base_.test_evaluator, dict(type='mmsxm.AttentionBySize')]\n"
    )
    written = []
    for name, flags in (('plain', ()), ('views', ('--tta',))):
        out = tmp_path / f'{name}.csv'
        options = ('--cfg-options', f'experiment_name=one_view_{name}')
        project.tool('test.py', config, project.stage2, *flags, '--out', out, *options)
        written.append([line.split(',')[:11] for line in out.read_text().splitlines()])
    assert written[0] == written[1]


# ---------------------------------------------------------------------------- two processes


def launch(script: str, *args: object) -> None:
    """Run a launcher with two processes that communicate through gloo."""
    with reserved_ports(1) as (port,):
        done = subprocess.run(
            ['bash', str(ROOT / 'tools' / script), *map(str, args)],
            env=os.environ
            | {'PYTHON': sys.executable, 'PORT': str(port), 'CUDA_VISIBLE_DEVICES': ''},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr


def test_two_processes_test_as_one(project: Project, tmp_path: Path) -> None:
    out = tmp_path / 'metrics.json'
    launch(
        'dist_test.sh',
        *(project.configs / 'stage2.py', project.stage2, 2, '--work-dir', tmp_path / 'test'),
        *('--out', out, '--out-item', 'metrics'),
    )
    assert json.loads(out.read_text()) == xray(metrics_in_log(project.stage2)[-1])


def test_two_processes_train(project: Project, tmp_path: Path) -> None:
    """Also Stage I, where the smooth convolutions of P4 and P5 get no gradient."""
    options = ('train_cfg.max_epochs=1', 'train_dataloader.batch_size=4')
    launch(
        'dist_train.sh',
        *(project.configs / 'stage2.py', 2, '--stages', '--work-dir', tmp_path / 'stage2'),
        *('--cfg-options', *options, f'load_from={tmp_path / "stage1"}'),
        *('--stage1-options', *options),
    )
    assert finished_epochs(tmp_path / 'stage1') == 1
    assert finished_epochs(tmp_path / 'stage2') == 1
    (row,) = metrics_in_log(tmp_path / 'stage2')
    assert 0 < row['xray/mAP'] <= 100
