"""Commands that lead from a checkpoint to the thresholds of a station."""

import csv
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from forked_tools import run_tool
from mmengine.config import Config
from mmengine.runner import CheckpointLoader

from mmsxm.calibration.fit import store_calibration
from mmsxm.cli import export as cli_export
from mmsxm.datasets import OPIXray, SIXray
from mmsxm.evaluation import read_scores
from mmsxm.inference.calibration import Calibration
from mmsxm.inference.inferencer import XrayInferencer
from mmsxm.registry import MODELS
from mmsxm.simulation import write_opixray

ROOT = Path(__file__).resolve().parents[1]
ALL_BAGS = ('--cfg-options', 'test_dataloader.dataset.positives_only=False')

CONFIG = """
_base_ = '{base}'

model = dict(
    backbone=dict(depth=18, stem_channels=8, base_channels=8, init_cfg=None),
    head=dict(in_channels=[64]),
)
loader = dict(num_workers=0, persistent_workers=False, pin_memory=False)
val_dataloader = loader
test_dataloader = loader
log_level = 'WARNING'
"""


def write_network(folder: Path, base: str, classes: tuple[str, ...]) -> Path:
    """Write a config, and the checkpoint of a network with random weights next to it."""
    config = folder / 'small.py'
    config.write_text(CONFIG.format(base=ROOT / base))
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(config).model)
    meta = {'dataset_meta': {'classes': classes}, 'epoch': 7}
    torch.save({'state_dict': model.state_dict(), 'meta': meta}, folder / 'small.pth')
    return config


@pytest.fixture
def network(
    tmp_path: Path, simulate: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, scope: None
) -> Path:
    """Return a network for simulated bags, some of which are harmless."""
    monkeypatch.setenv('DEMO_ROOT', str(simulate(4, 12, negatives=10)))
    return write_network(tmp_path, 'configs/demo/resnet18.py', SIXray.METAINFO['classes'])


def run(tool: str, config: Path, *args: object) -> subprocess.CompletedProcess:
    return run_tool(f'{tool}.py', config, config.with_suffix('.pth'), *args, COLUMNS='100')


def test_alarm_rates_match_the_calibration(network: Path, tmp_path: Path) -> None:
    source = network.with_suffix('.pth')
    classes = SIXray.METAINFO['classes']
    earlier = Calibration(
        dict.fromkeys(classes, 0.5), dict.fromkeys(classes, 0.5), dict.fromkeys(classes, -1.0)
    )
    store_calibration(source, earlier, source)  # must not affect the next calibration
    before = source.read_bytes()
    table = tmp_path / 'scores.csv'
    goal = ('--false-positive-rate', 0.25)
    done = run('calibrate', network, '--loader', 'test', *goal, '--save-scores', table, *ALL_BAGS)
    assert done.returncode == 0, done.stderr
    assert source.read_bytes() == before
    out = tmp_path / 'small-calibrated.pth'
    assert f'Stored in {out}' in done.stdout.replace('\n', '')
    assert 'are in the test set of the config' in done.stdout  # always reported

    checkpoint = CheckpointLoader.load_checkpoint(str(out), map_location='cpu')
    origin = checkpoint['meta']['calibration']['origin']
    assert origin['list'] == 'ImageSet/10/test.csv'
    assert origin['images_in_test_set'] == origin['images']
    scores = read_scores(table)
    assert origin['images'] == len(scores.names)

    paths = [f'{os.environ["DEMO_ROOT"]}/JPEGImage/{name}.jpg' for name in scores.names]
    results = XrayInferencer(network, out)(paths)
    for i, name in enumerate(scores.classes):
        alarms = np.array([name in result['pred_labels'] for result in results])
        negative = scores.targets[:, i] == 0
        achieved = origin['achieved'][name]
        assert achieved['false_positive_rate'] == alarms[negative].mean() <= 0.25
        assert achieved['detection_rate'] == alarms[~negative].mean()

    # the same scores, read from their table
    again = tmp_path / 'again.pth'
    done = run('calibrate', network, '--scores', table, *goal, '--out', again)
    assert done.returncode == 0, done.stderr
    checkpoint = CheckpointLoader.load_checkpoint(str(again), map_location='cpu')
    assert checkpoint['meta']['calibration']['origin']['achieved'] == origin['achieved']


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (('--detection-rate', 0.9), 'one of the arguments --loader --scores is required'),
        (
            ('--loader', 'test', '--best-f1', '--class-rates', 'Gun=0.9'),
            '--class-rates needs --detection-rate or --false-positive-rate',
        ),
        (
            ('--loader', 'test', '--detection-rate', 0.9, '--class-rates', 'Gun'),
            'Gun is not CLASS=RATE, such as Gun=0.99',
        ),
        (
            ('--loader', 'test', '--detection-rate', 0.99, *ALL_BAGS),
            'mmsxm calibrate: There are too few images for a detection rate of 0.99: Gun has ',
        ),
        (('--scores', 'nowhere.csv', '--best-f1'), 'mmsxm calibrate: '),
    ],
)
def test_user_errors_are_one_line(network: Path, args: tuple[object, ...], message: str) -> None:
    done = run('calibrate', network, *args)
    assert done.returncode != 0
    assert message in done.stderr
    assert 'Traceback' not in done.stderr
    assert not (network.parent / 'small-calibrated.pth').exists()


def test_a_missing_checkpoint_is_reported_before_images_are_read(network: Path) -> None:
    network.with_suffix('.pth').unlink()
    nowhere = ('--cfg-options', 'test_dataloader.dataset.data_root=nowhere')
    done = run('calibrate', network, '--loader', 'test', '--best-f1', *nowhere)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith('mmsxm calibrate: ')
    assert 'small.pth' in done.stderr.splitlines()[-1]


def test_export_prints_the_checkpoint_and_whether_it_has_thresholds(
    network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    exported = []

    def export(*args: Any) -> float:
        exported.append(args[1])
        return 4.2e-7

    monkeypatch.setattr('mmsxm.inference.export.export', export)
    last = network.with_suffix('.pth')
    (tmp_path / 'last_checkpoint').write_text(str(last))
    calibrated = tmp_path / 'small-calibrated.pth'
    calibration = Calibration.default(SIXray.METAINFO['classes'], threshold=0.3)
    store_calibration(last, calibration, calibrated)
    for source in (tmp_path, calibrated):
        cli_export.main([str(network), str(source), 'out.onnx', '--format', 'onnx'])
    without = 'without thresholds from mmsxm calibrate: 0.5 for each class'
    assert capsys.readouterr().out.splitlines() == [
        f'Exported {last} to out.onnx, {without}',
        checked
        := 'Checked with batches of 1, 2 and 3 images: differs from PyTorch by at most 4.2e-07',
        f'Exported {calibrated} to out.onnx, with its thresholds',
        checked,
    ]
    assert [info.calibration.thresholds['Gun'] for info in exported] == [0.5, 0.3]


def test_the_test_command_plots_curves(network: Path, tmp_path: Path) -> None:
    out = tmp_path / 'points'
    done = run(
        'test', network, '--operating-points', out, '--work-dir', tmp_path / 'log', *ALL_BAGS
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in out.iterdir()} == {
        f'{name}.csv' for name in ('operating_points', 'average_precision', 'curves', 'reliability')
    } | {'roc.png', 'precision_recall.png', 'reliability.png'}
    with open(out / 'operating_points.csv', newline='') as file:
        rows = {row['class']: row for row in csv.DictReader(file)}
    assert int(rows['any_item']['negatives']) > 0  # bags without items were read
    assert rows['any_item']['false_positive_rate']
    lines = (line.split('│') for line in done.stdout.splitlines() if '│' in line)
    table = {name.strip(): [cell.strip() for cell in cells] for name, *cells in lines}
    assert list(table)[-2:] == ['mean', 'any_item']
    printed = 100 * float(rows['any_item']['false_positive_rate'])  # at the last detection rate
    assert table['any_item'][-1] == f'{printed:.1f}'


def test_occlusion_levels_reach_the_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scope: None
) -> None:
    data = tmp_path / 'opixray'
    write_opixray(data, train=2, test=12, image_size=(96, 96))
    monkeypatch.setenv('OPIXRAY_ROOT', str(data))
    base = 'configs/baselines/resnet50_opixray.py'
    network = write_network(tmp_path, base, OPIXray.METAINFO['classes'])
    out = tmp_path / 'points'
    done = run('test', network, '--operating-points', out, '--work-dir', tmp_path / 'log')
    assert done.returncode == 0, done.stderr
    with open(out / 'average_precision.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    dataset = OPIXray(str(data), split='test')
    for level in (1, 2, 3):
        expected = sum(
            len(info['gt_label']) for info in dataset if info['occlusion_level'] == level
        )
        found = [int(row['positives']) for row in rows if row['group'] == f'OL{level}']
        assert sum(found) == expected
