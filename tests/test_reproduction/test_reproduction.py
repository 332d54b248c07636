"""Tables of the paper from one command, on a few simulated bags."""

import csv
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from small_training import TINY_SUITE

from mmsxm.evaluation import read_scores
from mmsxm.reproduction import jobs
from mmsxm.reproduction import reproduction as module
from mmsxm.reproduction.jobs import train_all
from mmsxm.reproduction.record_store import RecordStore
from mmsxm.reproduction.report import write_table
from mmsxm.reproduction.reproduction import Reproduction, Run
from mmsxm.reproduction.rows import TABLES
from mmsxm.reproduction.run_record import (
    best_of,
    last_step,
    read_history,
    read_result,
    write_result,
)
from mmsxm.reproduction.suites import apply_suite, load_suite
from mmsxm.training.config import load_config, set_dataloaders

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
SXMNET = 'ablations/sxmnet_mf-n_sixray_stage2.py'

SCHEDULE = """
batch_size = 8
val_interval = 1
stage1 = dict(epochs=1, milestones=[1], lr_scale=4, max_norm=100)
stage2 = dict(epochs=2, milestones=[1], lr_scale=0.5)
"""


@pytest.fixture
def _only_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip worker processes and formatting of configs, which dominate the time of a tiny run."""

    def without_workers(*args: Any, **kwargs: Any) -> Config:
        cfg = load_config(*args, **kwargs)
        set_dataloaders(cfg, num_workers=0, persistent_workers=False)
        return cfg

    monkeypatch.setattr(module, 'load_config', without_workers)
    for name in ('yapf.yapflib.yapf_api', 'mmengine.config.config'):
        monkeypatch.setattr(f'{name}.FormatCode', lambda text, **_: (text, True), raising=False)


@pytest.fixture(scope='module')
def tiny(
    simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Reproduction]:
    """Suite of a few small bags."""
    root = tmp_path_factory.mktemp('reproduce')
    suite = root / 'tiny.py'
    suite.write_text(TINY_SUITE.format(root=str(simulate(16, 8)), more=SCHEDULE))
    return lambda: Reproduction(suite, root / 'runs', root / 'records')


def test_shared_dependencies_are_planned_once_and_first(
    tiny: Callable[[], Reproduction],
) -> None:
    reproduction = tiny()
    runs = reproduction.plan(TABLES['3'], [0, 1])
    assert len(runs) == len(set(runs)) == 2 * 10
    for run in runs:
        for needed in reproduction.needs(run):
            assert runs.index(needed) < runs.index(run)
    stage1, teacher = reproduction.needs(Run(SXMNET, 1))
    assert stage1 == Run('sxmnet_sixray_stage1.py', 1)
    assert teacher == Run('baselines/chr_sixray.py', 1)


def test_another_file_of_labels_does_not_change_the_teacher(
    tiny: Callable[[], Reproduction], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = tiny().plan(TABLES['8'], [0])
    monkeypatch.setenv('META_LABELS', '/data/labels.json')
    reproduction = tiny()
    assert reproduction.plan(TABLES['8'], [0]) == expected
    _, teacher = reproduction.needs(Run(SXMNET, 0))
    read = reproduction.config(Run(SXMNET, 0)).train_dataloader.dataset.meta_labels
    assert read == str(reproduction.labels(teacher))


def test_the_teacher_of_a_config_writes_the_labels_that_it_reads() -> None:
    configs = [path for path in CONFIGS.rglob('*.py') if 'META_LABELS' in path.read_text()]
    assert len(configs) == 7
    for path in configs:
        cfg = load_config(path)
        labels = Path(cfg.train_dataloader.dataset.meta_labels)
        assert labels.parent == Path(load_config(CONFIGS / cfg.teacher).work_dir)


def test_a_teacher_is_only_trained_again_if_its_labels_are_missing(
    tiny: Callable[[], Reproduction], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reproduction = tiny()
    reproduction.work_dir, reproduction.records = tmp_path, RecordStore(tmp_path / 'records')
    runs = reproduction.plan([row for row in TABLES['8'] if row.key == 'fpn_mf_n'], [0])
    teacher, *others = runs
    settings = {'digest': module.digest(reproduction.config(teacher))}
    write_result(reproduction.new_record(teacher), settings)
    assert reproduction.missing(runs) == runs
    labels = reproduction.labels(teacher)
    labels.parent.mkdir(parents=True)
    labels.touch()
    assert reproduction.missing(runs) == others

    def never(_: Config) -> None:
        raise InterruptedError

    monkeypatch.setattr(module, 'train', never)
    with pytest.raises(InterruptedError):
        reproduction.train(teacher)
    assert not labels.exists()  # those of its new weights are another file


@pytest.mark.parametrize('suite', ['sim-sixray', 'sixray-mini', 'sixray-mini-3x'])
def test_committed_records_match_the_current_configs(suite: str) -> None:
    records = RecordStore(CONFIGS.parent / 'results' / suite / 'runs')
    reproduction = Reproduction(CONFIGS / 'suites' / f'{suite}.py', 'nowhere', records.folder)
    assert len(records.runs()) > 20
    for name in records.runs():
        result = read_result(records.find(name))
        assert result is not None
        run = Run(*(result[key] for key in ('config', 'seed', 'budget')))
        assert run.name == name
        assert reproduction.is_finished(run)  # raises an error if the settings differ


def test_every_row_of_the_paper_can_be_planned() -> None:
    for family in ('sixray', 'opixray'):
        reproduction = Reproduction(CONFIGS / 'suites' / f'{family}.py', 'nowhere', 'nowhere')
        rows = [row for rows in TABLES.values() for row in rows if family in row.configs]
        runs = reproduction.plan(rows, [0])
        assert {row.configs[family] for row in rows} <= {run.config for run in runs}
        for run in runs:
            assert reproduction.config(run).train_cfg.max_epochs > 0


def test_a_suite_changes_backbone_sizes_and_schedule(tiny: Callable[[], Reproduction]) -> None:
    suite = tiny().suite
    cfg = load_config(CONFIGS / SXMNET)
    apply_suite(suite, cfg)
    assert cfg.model.backbone.depth == 18
    assert cfg.model.backbone.init_cfg is None  # the weights of Stage I are loaded
    assert cfg.model.neck.in_channels == [128, 256, 512]
    assert cfg.model.neck.out_channels == cfg.model.attention_head.in_channels == 64
    assert cfg.model.head.in_channels == [64, 64, 64]
    assert cfg.train_cfg.max_epochs == 2
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(1e-2)
    assert 'clip_grad' not in cfg.optim_wrapper
    stage1 = load_config(CONFIGS / 'sxmnet_sixray_stage1.py')
    apply_suite(suite, stage1)
    assert stage1.optim_wrapper.clip_grad == {'max_norm': 100}
    crops = [t.crop_size for t in cfg.train_dataloader.dataset.pipeline if 'Crop' in t.type]
    assert crops == [64]

    cfg = load_config(CONFIGS / 'baselines/resnet50_sixray.py')
    apply_suite(suite, cfg, full=True)
    assert cfg.model.backbone.out_indices == (3,)
    assert cfg.model.head.in_channels == [512]
    assert cfg.train_cfg.max_epochs == 3
    assert cfg.param_scheduler.milestones == [2]  # epoch 1 of 2, scaled to 3

    cfg = load_config(CONFIGS / 'baselines/chr_sixray.py')
    apply_suite(suite, cfg)
    assert cfg.model.neck.in_channels == cfg.model.head.in_channels == [128, 256, 512]


@pytest.mark.parametrize(
    ('more', 'changed'),
    [
        ('', {}),
        ('val_interval = 3', {'val_interval': 3}),
        ('val_interval = None', {'val_interval': 1, 'val_begin': 351}),
    ],
)
def test_epochs_between_tests_are_those_of_the_config_unless_a_suite_sets_them(
    tmp_path: Path, more: str, changed: dict[str, int]
) -> None:
    path = tmp_path / 'suite.py'
    path.write_text(f"family = 'opixray'\n{more}\n")
    cfg = load_config(CONFIGS / 'sxmnet_opixray_stage1.py')
    expected = {**cfg.train_cfg, **changed}
    apply_suite(load_suite(path), cfg)
    assert cfg.train_cfg == expected


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ("family = 'pidray'\n", "is not a suite: set family = 'sixray'"),
        ("family = 'sixray'\nbatch = 3\n", 'has unknown settings: batch'),
    ],
)
def test_an_invalid_suite_is_rejected(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / 'wrong.py'
    path.write_text(text)
    with pytest.raises(ValueError, match=rf'wrong\.py {message}'):
        load_suite(path)


@pytest.mark.usefixtures('_only_training')
def test_a_row_is_trained_once_and_its_tables_are_byte_identical(
    tiny: Callable[[], Reproduction], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reproduction = tiny()
    rows = [row for row in TABLES['3'] if row.key in ('resnet50', 'sxmnet')]
    runs = reproduction.plan(rows, [0])
    for run in runs:
        reproduction.train(run)
    sxmnet = reproduction.result(Run(SXMNET, 0))
    assert sxmnet is not None
    stage1_result = reproduction.result(Run('sxmnet_sixray_stage1.py', 0))
    assert stage1_result is not None
    assert stage1_result['schedule']['max_norm'] == 100
    assert 'max_norm' not in sxmnet['schedule']
    assert sxmnet['steps'] == 2 * 2  # 2 epochs of 16 images, in batches of 8
    assert sxmnet['best']['xray/mAP'] >= sxmnet['metrics']['xray/mAP'] - 1e-9
    assert sxmnet['seconds'] > 0
    assert sxmnet['device'] == 'cpu' or torch.cuda.is_available()
    assert sum(sxmnet['taught_levels'].values()) == 16
    assert read_scores(reproduction.scores(Run(SXMNET, 0))).level_weights.shape == (8, 3)
    epochs = reproduction.epochs(Run(SXMNET, 0))
    assert [row['epoch'] for row in epochs] == [1, 2]
    assert {'loss_cls', 'loss_meta', 'xray/mAP', 'xray/map_mean'} <= set(epochs[-1])
    labels = json.loads(reproduction.labels(Run('baselines/chr_sixray.py', 0)).read_text())
    assert labels

    def never(*_: object) -> None:
        raise AssertionError('trained again')

    monkeypatch.setattr(jobs, '_train_in_process', never)
    monkeypatch.setitem(TABLES, '3', tuple(rows))
    again = tiny()
    first = [path.read_bytes() for path in write_table(reproduction, '3', [0], tmp_path / 'a')]
    assert train_all(again, again.plan(rows, [0])) == {}
    assert not list(again.records.folder.rglob('*.*'))  # all are packed
    second = [path.read_bytes() for path in write_table(again, '3', [0], tmp_path / 'b')]
    assert first == second
    with open(tmp_path / 'a' / 'table3.csv') as file:
        found = list(csv.DictReader(file))
    assert list(found[0]) == ['row', 'mAP_mean', 'mAP_std', 'seeds', 'paper']
    assert [row['row'] for row in found] == ['resnet50', 'sxmnet']
    assert found[1]['paper'] == '96.78'
    assert found[1]['mAP_mean'] == f'{sxmnet["metrics"]["xray/mAP"]:.2f}'
    text = (tmp_path / 'a' / 'table3.md').read_text()
    assert '| FPN, attention, Meta Fusion | ResNet-18 | Stage I, Stage II |' in text
    assert 'Difference of "FPN, attention, Meta Fusion"' in text
    monkeypatch.setitem(TABLES, '3', tuple(reversed(rows)))
    write_table(reproduction, '3', [0], tmp_path / 'reversed')
    text = (tmp_path / 'reversed' / 'table3.md').read_text()
    assert 'Difference of "FPN, attention, Meta Fusion"' in text  # in any row

    stage1, _ = again.needs(Run(SXMNET, 0))
    shutil.rmtree(again.folder(stage1))
    assert again.missing(runs) == []  # its weights are no longer needed
    without = RecordStore(tmp_path / 'without')
    with zipfile.ZipFile(again.records.archive) as packed:
        kept = [name for name in packed.namelist() if not name.startswith(Run(SXMNET, 0).name)]
        packed.extractall(without.folder, kept)
    again.records, records = without, again.records
    assert again.missing(runs) == [stage1, Run(SXMNET, 0)]
    again.records = records

    again.suite.stage2.epochs = 3
    with pytest.raises(ValueError, match=r'other settings than .*: delete it \(zip -d .*seed0/\*'):
        again.is_finished(Run(SXMNET, 0))


def test_failed_runs_are_reported_and_their_dependents_skipped(
    tiny: Callable[[], Reproduction], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reproduction = tiny()
    reproduction.work_dir, reproduction.records = tmp_path, RecordStore(tmp_path / 'records')
    trained = []

    def train(_: Reproduction, run: Run, device: str, jobs: int) -> str | None:
        trained.append((run.config, device))
        return 'exit status 1' if 'chr' in run.config else None

    monkeypatch.setattr(jobs, '_train_in_process', train)
    rows = [row for row in TABLES['3'] if row.key in ('resnet50', 'sxmnet')]
    failed = train_all(reproduction, reproduction.plan(rows, [0]), jobs=2, devices=['4', '5'])
    assert failed == {
        Run('baselines/chr_sixray.py', 0): 'exit status 1',
        Run(SXMNET, 0): 'needs chr_sixray/seed0, which failed',
    }
    assert SXMNET not in dict(trained)
    assert {device for _, device in trained} <= {'4', '5'}


def test_the_record_of_each_run_is_packed_before_the_next_one_starts(
    tiny: Callable[[], Reproduction], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reproduction = tiny()
    reproduction.work_dir, reproduction.records = tmp_path, RecordStore(tmp_path / 'records')
    runs = reproduction.plan([row for row in TABLES['3'] if row.key == 'resnet50'], [0, 1])
    packed = []

    def train(reproduction: Reproduction, run: Run, *_: object) -> None:
        packed.append(len(reproduction.records.runs()))
        assert not list(reproduction.records.folder.glob('*/*/result.json'))
        write_result(
            reproduction.new_record(run), {'digest': module.digest(reproduction.config(run))}
        )

    monkeypatch.setattr(jobs, '_train_in_process', train)
    assert train_all(reproduction, runs) == {}
    assert packed == [0, 1, 2, 3]
    assert reproduction.missing(runs) == []
    assert reproduction.records.runs() == sorted(run.name for run in runs)


def test_a_failed_run_reports_its_reason(tmp_path: Path) -> None:
    suite = tmp_path / 'tiny.py'
    suite.write_text(TINY_SUITE.format(root=str(tmp_path / 'nowhere'), more=SCHEDULE))
    reproduction = Reproduction(suite, tmp_path / 'runs', tmp_path / 'records')
    run = Run('baselines/resnet50_sixray.py', 0)
    (why,) = train_all(reproduction, [run]).values()
    assert re.match(r'exit status 1: mmsxm reproduce: The list .*train\.csv. does not exist', why)
    assert 'Traceback' not in (reproduction.folder(run) / 'output.txt').read_text()


def test_hooks_that_only_watch_do_not_change_the_digest() -> None:
    """Results stay valid when hooks that only watch a training run are added."""
    cfg = load_config(module.CONFIGS / 'sxmnet_sixray_stage2.py')
    unwatched = load_config(module.CONFIGS / 'sxmnet_sixray_stage2.py')
    for name in ('finite_loss', 'same_data', 'stop'):
        del unwatched.default_hooks[name]
    assert module.digest(unwatched) == module.digest(cfg)
    cfg.custom_hooks = [dict(type='EMAHook')]  # this hook changes the weights
    assert module.digest(unwatched) != module.digest(cfg)


def test_lines_of_an_epoch_that_was_trained_again_count_once(tmp_path: Path) -> None:
    for run, lines in {
        '1': [{'loss': 3.0, 'step': 2}, {'xray/mAP': 10.0, 'step': 1}, {'loss': 9.0, 'step': 4}],
        '2': [{'loss': 2.0, 'step': 4}, {'xray/mAP': 20.0, 'step': 2}],
    }.items():
        folder = tmp_path / run / 'vis_data'
        folder.mkdir(parents=True)
        (folder / 'scalars.json').write_text('\n'.join(map(json.dumps, lines)))
    history = read_history(tmp_path)
    assert [line['loss'] for line in history if 'loss' in line] == [3.0, 2.0]
    best = best_of(history, 'xray/mAP')
    assert best == {'epoch': 2, 'xray/mAP': 20.0}
    assert last_step(history) == 4
