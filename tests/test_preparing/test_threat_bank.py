"""Banks are built only from training images."""

import csv
import runpy
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mmcv
import numpy as np
import pytest
from mmengine.config import Config, ConfigDict

from mmsxm.datasets.threat_bank_file import ThreatBank
from mmsxm.datasets.transforms import project
from mmsxm.preparing.threat_bank import (
    counts_by_class,
    cut_bank,
    data_classes,
    draw_bank,
    simulate_bank,
    training_set,
)
from mmsxm.simulation import MATERIALS, SCANNERS, SITES, show
from mmsxm.training.browsing import browse
from mmsxm.training.config import load_config

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs/baselines/mobilenet-v2_tip_sixray.py'
LISTS = Path('ImageSet/10')


@pytest.fixture
def bags(simulate: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Simulate a dataset that a test may change; the configs find it and its bank."""
    folder = tmp_path / 'sixray'
    shutil.copytree(simulate(train=30, test=6, size=256), folder)
    monkeypatch.setenv('SIXRAY_ROOT', str(folder))
    monkeypatch.setenv('SIXRAY_SET', '10')
    monkeypatch.setenv('THREAT_BANK', str(tmp_path / 'bank.npz'))
    return folder


def rows(path: Path) -> list[list[str]]:
    with path.open(newline='') as file:
        return list(csv.reader(file))


@pytest.mark.usefixtures('bags')
def test_items_are_only_cut_from_the_training_list(bags: Path, tmp_path: Path) -> None:
    dataset = training_set(load_config(CONFIG))
    bank = cut_bank(dataset)
    trained_on = {name for name, *_ in rows(bags / LISTS / 'train.csv')[1:]}
    assert {bank[i].source for i in range(len(bank))} <= trained_on
    assert bank.classes == tuple(dataset.CLASSES)
    assert bank.sources <= trained_on
    assert bank.header['list'].endswith('train.csv')
    boxes = sum(len(dataset.get_data_info(i)['instances']) for i in range(len(dataset)))
    assert len(bank) + sum(bank.header['left_out'].values()) == boxes

    fewest = cut_bank(dataset, per_class=1)
    assert max(counts_by_class(fewest).values()) == 1
    assert fewest.header['left_out']['better ones of its class'] == len(bank) - len(fewest)


def test_items_of_a_class_that_the_list_denies_are_not_cut(bags: Path) -> None:
    header, *listed = rows(bags / LISTS / 'train.csv')
    gun = header.index('Gun')
    with (bags / LISTS / 'train.csv').open('w', newline='') as file:
        csv.writer(file).writerows(
            [header, *([*row[:gun], '-1', *row[gun + 1 :]] for row in listed)]
        )
    dataset = training_set(load_config(CONFIG))
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    denied = sum(item['bbox_label'] == 0 for info in infos for item in info['instances'])
    bank = cut_bank(dataset)
    assert counts_by_class(bank)['Gun'] == 0
    assert bank.header['left_out']['class that is not a label of the image'] == denied > 0


def test_the_tool_builds_a_bank_that_training_uses(
    bags: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    path, sheet = tmp_path / 'bank.npz', tmp_path / 'sheet.png'
    arguments = ['build_threat_bank.py', str(CONFIG), str(path), '--sheet', str(sheet)]
    monkeypatch.setattr(sys, 'argv', arguments)
    runpy.run_path(str(ROOT / 'tools/build_threat_bank.py'), run_name='__main__')
    bank = ThreatBank.load(path)
    assert f'{len(bank)} items' in capsys.readouterr().out
    assert mmcv.imread(str(sheet)).shape == draw_bank(bank).shape
    cfg = load_config(CONFIG)
    plain = load_config(ROOT / 'configs/baselines/mobilenet-v2_sixray.py')
    pairs = zip(browse(cfg, 'train', 8), browse(plain, 'train', 8), strict=True)
    changed = [one.shape != two.shape or not np.array_equal(one, two) for one, two in pairs]
    assert any(changed)


def test_test_images_in_the_training_list_are_rejected(bags: Path) -> None:
    train, test = bags / LISTS / 'train.csv', bags / LISTS / 'test.csv'
    leaked = rows(test)[1]
    with train.open('a', newline='') as file:
        csv.writer(file).writerow(leaked)
    with pytest.raises(
        ValueError, match=rf'1 images of .*train\.csv .*\({leaked[0]}\)\. Remove them'
    ):
        training_set(load_config(CONFIG))


def test_filters_of_the_test_set_do_not_hide_shared_images(bags: Path) -> None:
    leaked = rows(bags / LISTS / 'test.csv')[-1]
    with (bags / LISTS / 'train.csv').open('a', newline='') as file:
        csv.writer(file).writerow(leaked)
    cfg = load_config(CONFIG)
    cfg.val_dataloader.dataset.indices = cfg.test_dataloader.dataset.indices = 1
    with pytest.raises(ValueError, match=leaked[0]):
        training_set(cfg)


@pytest.mark.usefixtures('bags')
def test_a_config_without_a_test_set_is_rejected() -> None:
    cfg = load_config(CONFIG)
    cfg.val_dataloader = cfg.test_dataloader = None
    with pytest.raises(ValueError, match='Name the set that you test on'):
        training_set(cfg)


@pytest.mark.usefixtures('bags')
@pytest.mark.parametrize('setting', [{'split': 'test'}, {'test_mode': True}])
def test_a_test_set_is_rejected(setting: dict) -> None:
    cfg = load_config(CONFIG)
    cfg.train_dataloader.dataset.update(setting)
    with pytest.raises(ValueError, match='Items are cut only from training images'):
        training_set(cfg)


@pytest.mark.usefixtures('bags')
def test_datasets_in_wrappers_are_found() -> None:
    cfg = load_config(CONFIG)
    inner = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = ConfigDict(type='RepeatDataset', times=2, dataset=inner)
    assert len(training_set(cfg)) == 30
    inner.split = 'test'
    with pytest.raises(ValueError, match='Items are cut only from training images'):
        training_set(cfg)
    cfg.train_dataloader.dataset = ConfigDict(type='ConcatDataset', datasets=[inner])
    with pytest.raises(ValueError, match='one dataset of X-ray images at a time'):
        training_set(cfg)


@pytest.mark.parametrize('data', ['sixray', 'opixray'])
def test_items_are_simulated_without_images(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f'{data.upper()}_ROOT', str(tmp_path / 'nowhere'))
    classes = data_classes(load_config(ROOT / f'configs/sxmnet_{data}_stage1.py'))
    bank = simulate_bank(classes, 2)
    assert counts_by_class(bank) == dict.fromkeys(classes, 2)
    more, other = simulate_bank(classes, 3), simulate_bank(classes, 2, seed=1)
    for label in range(len(classes)):
        patch = bank[2 * label].patch
        np.testing.assert_array_equal(patch, more[3 * label].patch)
        assert not np.array_equal(patch, other[2 * label].patch)
        assert patch.min() < 150  # the item is visible
        assert np.concatenate([*patch[[0, -1]], *patch[:, [0, -1]]]).min() >= 250  # no seam


def test_a_simulated_item_looks_as_in_the_scanner() -> None:
    classes = list(SITES['sixray'].classes)
    for scanner in ('sixray_white', 'sixray_grey'):
        background = np.frombuffer(bytes.fromhex(SCANNERS[scanner][0].background), np.uint8)
        patch = simulate_bank(classes, 1, scanner)[0].patch
        projected = project(np.full((900, 900, 3), background[::-1]), patch, 0, 0)
        # air is the background itself; a pistol is metal, which is more blue than red
        np.testing.assert_array_equal(projected[-1, -1], background[::-1])
        metal = projected[: patch.shape[0], : patch.shape[1]][patch[..., 2] < 100]
        assert metal[:, 0].mean() > metal[:, 2].mean() + 50


@pytest.mark.parametrize(
    'layer', [('cloth', 5.0), ('plastic', 3.0), ('water', 7.0), ('aluminium', 1.0)]
)
def test_projection_is_slightly_darker_than_the_scanner(layer: tuple[str, float]) -> None:
    """The docs describe this limit: false-color pictures are not transmissions."""
    scanner = replace(SCANNERS['sixray_white'][0], edges=0.0)

    def shown(*layers: tuple[str, float]) -> np.ndarray:
        attenuation = np.zeros((2, 9, 9), dtype=np.float32)
        for material, thickness in layers:
            for channel, mu in zip(
                attenuation, MATERIALS[material].mu(scanner.energies), strict=True
            ):
                channel += np.float32(mu * thickness)
        return show(attenuation, scanner, 10.0)[..., ::-1]

    def luminance(image: np.ndarray) -> float:
        return float(image[4, 4] @ [0.114, 0.587, 0.299])

    item = ('steel', 0.3)
    page = np.full((99, 99, 3), 255, dtype=np.uint8)  # air of the scanner, which defines white
    page[:9, :9] = shown(layer)
    projected = luminance(project(page, shown(item), 0, 0))
    truth = luminance(shown(layer, item))
    assert projected < luminance(shown(layer))
    assert truth - 40 < projected < truth


def test_unknown_classes_and_scanners_are_rejected() -> None:
    with pytest.raises(
        ValueError, match=r'Bat cannot be simulated\. Use one of these .*Gun, Knife'
    ):
        simulate_bank(['Bat'], 1)
    with pytest.raises(ValueError, match='unknown'):
        simulate_bank(list(SITES['sixray'].classes), 1, 'nowhere')


def test_real_items_can_be_cut(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('SIXRAY_ROOT', str(real_data / 'sixray_mini'))
    monkeypatch.setenv('SIXRAY_SET', 'mini')
    cfg: Config = load_config(CONFIG)
    cfg.train_dataloader.dataset.indices = 150
    dataset = training_set(cfg)
    bank = cut_bank(dataset)
    boxes = sum(len(dataset.get_data_info(i)['instances']) for i in range(len(dataset)))
    # most boxes contain more than their item, but pistols often lie alone
    assert 0.1 * boxes < len(bank) < 0.6 * boxes
    patches = [bank[i].patch for i in range(len(bank))]
    rims = [np.concatenate([*patch[[0, -1]], *patch[:, [0, -1]]]) for patch in patches]
    assert min(rim.min() for rim in rims) >= 250  # no seam
    assert all(np.median(patch.max(axis=2)) > 60 for patch in patches)
