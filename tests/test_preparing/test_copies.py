"""Prepared copies: networks see the same pixels, and stops and damage are repaired."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from mmsxm.calibration.station_scores import station_scores
from mmsxm.datasets import XrayDataset
from mmsxm.imaging.foreground import foreground_window
from mmsxm.preparing import copies as preparing
from mmsxm.preparing.copies import prepare_data
from mmsxm.preparing.threat_bank import training_set
from mmsxm.registry import DATASETS
from mmsxm.simulation import write_opixray
from mmsxm.training.config import load_config

pytestmark = pytest.mark.usefixtures('scope')


@pytest.fixture(scope='module')
def knives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write bags in the layout of OPIXray, larger than the network input, with irregular boxes."""
    root = tmp_path_factory.mktemp('opixray') / 'set'
    write_opixray(root, train=3, test=2, image_size=(280, 370), crowding='sparse')
    path = root / 'train' / 'train_annotation' / '000001.txt'
    image = cv2.imread(str(root / 'train' / 'train_image' / '000001.jpg'))
    image[:, :60] = 255  # a margin to crop
    cv2.imwrite(str(root / 'train' / 'train_image' / '000001.jpg'), image)
    assert foreground_window(image, 240, 8)[0] > 40
    path.write_text(
        '000001.jpg Scissor 5 100 120 150\n'  # reaches into the margin
        '000001.jpg Scissor -50 100 420 200\n'  # leaves the image
        '000001.jpg Scissor -50 100 -5 200\n'  # is outside
        '000001.jpg Scissor 10 20 30 40\n'  # is completely in the margin
    )
    return root


@pytest.fixture
def own_release(simulate: Callable[..., Path], tmp_path: Path) -> Path:
    """Copy a release that a test may change."""
    return shutil.copytree(simulate(4, 2, negatives=3), tmp_path / 'raw')


def pipelined(config: str, phase: str, root: Path) -> XrayDataset:
    cfg = load_config(config)
    dataset = DATASETS.build(cfg[f'{phase}_dataloader'].dataset | {'data_root': str(root)})
    dataset.set_epoch(0, 1)
    return dataset


def check_equal(config: str, phase: str, raw: Path, copy: Path) -> None:
    old, new = (pipelined(config, phase, root) for root in (raw, copy))
    assert len(old) == len(new) > 0
    for a, b in zip(old, new, strict=True):
        assert torch.equal(a['inputs'], b['inputs'])
        a, b = a['data_samples'], b['data_samples']
        assert torch.equal(a.gt_label, b.gt_label)
        assert np.shape(a.gt_bboxes) == np.shape(b.gt_bboxes)
        np.testing.assert_allclose(b.gt_bboxes, a.gt_bboxes, atol=1e-3)
        for target in ('gt_heatmap', 'gt_meta_level'):
            assert (target in a) == (target in b)
            if target in a:
                assert torch.equal(a.get(target), b.get(target))


@pytest.mark.parametrize('workers', [0, 2])
def test_networks_see_the_same_pixels_of_sixray(
    simulate: Callable[..., Path], tmp_path: Path, workers: int
) -> None:
    raw, copy = simulate(4, 2, negatives=3), tmp_path / 'copy'
    report = prepare_data('sixray', raw, copy, workers=workers)
    assert report == (9, 0, {})
    for config in ('sxmnet_sixray_stage1', 'sxmnet_sixray_stage2'):
        for phase in ('train', 'test'):
            check_equal(f'configs/{config}.py', phase, raw, copy)
    for part in ('train', 'test'):
        name = f'ImageSet/10/{part}.csv'
        assert (copy / name).read_bytes() == (raw / name).read_bytes()


def test_networks_see_the_same_pixels_of_opixray(knives: Path, tmp_path: Path) -> None:
    assert prepare_data('opixray', knives, tmp_path / 'copy') == (5, 0, {})
    for config in ('sxmnet_opixray_stage1', 'sxmnet_opixray_stage2'):
        for phase in ('train', 'test'):
            check_equal(f'configs/{config}.py', phase, knives, tmp_path / 'copy')
    # Stage I skips this image, because one of its boxes is outside
    boxes = pipelined('configs/sxmnet_opixray_stage2.py', 'train', tmp_path / 'copy')
    info = boxes.get_data_info(0)
    assert len(info['instances']) == 3  # without the one outside
    assert min(side for item in info['instances'] for side in item['bbox']) < 0
    levels = 'test/test_knife-1.txt'
    assert (tmp_path / 'copy' / levels).read_bytes() == (knives / levels).read_bytes()


def test_the_manifest_lists_every_file(simulate: Callable[..., Path], tmp_path: Path) -> None:
    from mmsxm.io.files import sha256

    raw, copy = simulate(4, 2, negatives=3), tmp_path / 'copy'
    prepare_data('sixray', raw, copy, size=32)
    with open(copy / 'prepared.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    written = {path.relative_to(copy).as_posix() for path in copy.rglob('*') if path.is_file()}
    assert {row['file'] for row in rows} == written - {'prepared.csv', 'prepared.json'}
    for row in rows:
        assert row['sha256'] == sha256(copy / row['file'])
        assert row['source_sha256'] == sha256(raw / row['source'])
    assert json.loads((copy / 'prepared.json').read_text())['size'] == 32


def test_a_second_run_only_repairs_changed_files(own_release: Path, tmp_path: Path) -> None:
    raw, copy = own_release, tmp_path / 'copy'
    prepare_data('sixray', raw, copy, size=32)
    whole = {path: path.read_bytes() for path in copy.rglob('*') if path.is_file()}
    times = {path: path.stat().st_mtime_ns for path in (copy / 'JPEGImage').iterdir()}
    assert prepare_data('sixray', raw, copy, size=32) == (0, 9, {})
    assert {path: path.stat().st_mtime_ns for path in times} == times

    damaged, lost = copy / 'JPEGImage' / 'P00001.bmp', copy / 'JPEGImage' / 'P00002.bmp'
    damaged.write_bytes(damaged.read_bytes()[:-1] + b'x')
    lost.unlink()
    (copy / 'Annotation' / 'P00003.xml').unlink()
    (copy / 'ImageSet' / '10' / 'train.csv').write_text('')
    assert prepare_data('sixray', raw, copy, size=32) == (3, 6, {})
    assert {path: path.read_bytes() for path in whole} == whole

    shutil.copy(raw / 'JPEGImage' / 'P00001.jpg', raw / 'JPEGImage' / 'P00004.jpg')
    assert prepare_data('sixray', raw, copy, size=32) == (1, 8, {})
    assert (copy / 'JPEGImage' / 'P00004.bmp').read_bytes() == damaged.read_bytes()


def test_files_that_no_longer_exist_in_the_release_are_deleted(
    own_release: Path, tmp_path: Path
) -> None:
    raw, copy = own_release, tmp_path / 'copy'
    prepare_data('sixray', raw, copy, size=32)
    (raw / 'JPEGImage' / 'P00001.jpg').unlink()
    (raw / 'Annotation' / 'P00002.xml').unlink()
    (raw / 'ImageSet' / '10' / 'test.csv').unlink()
    prepare_data('sixray', raw, copy, size=32)
    assert not (copy / 'JPEGImage' / 'P00001.bmp').exists()
    assert (copy / 'JPEGImage' / 'P00002.bmp').exists()
    assert not (copy / 'Annotation' / 'P00002.xml').exists()
    assert not (copy / 'ImageSet' / '10' / 'test.csv').exists()


def test_an_image_from_another_file_is_prepared_again(own_release: Path, tmp_path: Path) -> None:
    raw, copy = own_release, tmp_path / 'copy'
    prepare_data('sixray', raw, copy, size=32)
    corrected = np.full((40, 40, 3), 7, np.uint8)
    cv2.imwrite(str(raw / 'JPEGImage' / 'P00001.bmp'), corrected)  # its name sorts first
    assert prepare_data('sixray', raw, copy, size=32) == (1, 8, {})
    assert (cv2.imread(str(copy / 'JPEGImage' / 'P00001.bmp')) == 7).all()


def test_an_image_without_a_known_scale_is_reported(own_release: Path, tmp_path: Path) -> None:
    raw = own_release
    path = raw / 'JPEGImage' / 'P00001.jpg'
    Image.fromarray(np.full((8, 8), 0.5, np.float32)).save(path, 'TIFF')
    report = prepare_data('sixray', raw, tmp_path / 'copy', size=32)
    assert list(report.broken) == [str(path)]


def test_a_stop_leaves_no_incomplete_files_and_no_lists(
    simulate: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, copy = simulate(4, 2, negatives=3), tmp_path / 'copy'
    write, written = preparing.atomic_write, []

    def stop_at_the_fourth_image(path: Path, data: bytes, sync: bool = True) -> None:
        written.append(path)
        if sum(name.suffix == '.bmp' for name in written) == 4:
            raise KeyboardInterrupt
        write(path, data, sync)

    monkeypatch.setattr(preparing, 'atomic_write', stop_at_the_fourth_image)
    with pytest.raises(KeyboardInterrupt):
        prepare_data('sixray', raw, copy, size=32)
    monkeypatch.undo()
    assert len(list((copy / 'JPEGImage').iterdir())) == 3
    assert not (copy / 'ImageSet').exists()
    with open(copy / 'prepared.csv', 'a') as file:
        file.write('JPEGImage/P00001.bmp,JPEG')  # killed while writing
    assert prepare_data('sixray', raw, copy, size=32) == (6, 3, {})
    assert prepare_data('sixray', raw, copy, size=32) == (0, 9, {})


def test_broken_images_are_reported_and_malformed_annotations_copied(
    simulate: Callable[..., Path], own_release: Path, tmp_path: Path
) -> None:
    raw, copy = own_release, tmp_path / 'copy'
    cut_off, empty = raw / 'JPEGImage' / 'P00001.jpg', raw / 'JPEGImage' / 'P00002.jpg'
    cut_off.write_bytes(cut_off.read_bytes()[:-200])
    empty.write_bytes(b'')
    (raw / 'Annotation' / 'P00003.xml').write_text('<annotation>')
    report = prepare_data('sixray', raw, copy, size=32)
    assert (report.prepared, report.intact) == (7, 0)
    assert report.broken.keys() == {str(cut_off), str(empty)}
    assert 'truncated' in report.broken[str(cut_off)]
    assert not (copy / 'JPEGImage' / 'P00001.bmp').exists()
    assert (copy / 'Annotation' / 'P00003.xml').read_text() == '<annotation>'

    shutil.copy(simulate(4, 2, negatives=3) / 'JPEGImage' / 'P00001.jpg', cut_off)
    report = prepare_data('sixray', raw, copy, size=32)
    assert (report.prepared, report.intact, len(report.broken)) == (1, 7, 1)
    cut_off.write_bytes(b'broken later')
    assert len(prepare_data('sixray', raw, copy, size=32).broken) == 2
    assert not (copy / 'JPEGImage' / 'P00001.bmp').exists()


def test_invalid_folders_and_numbers_are_rejected(
    simulate: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, copy = simulate(4, 2, negatives=3), tmp_path / 'copy'
    with pytest.raises(FileNotFoundError, match=r'image folder .* does not exist\. Set data_root'):
        prepare_data('opixray', raw, copy)
    with pytest.raises(ValueError, match='size=0'):
        prepare_data('sixray', raw, copy, size=0)
    with pytest.raises(
        ValueError, match=r'is not empty, and prepared\.json does not describe a copy'
    ):
        prepare_data('sixray', raw, raw)
    assert not copy.exists()
    with monkeypatch.context() as patch:
        patch.setattr(preparing.shutil, 'disk_usage', lambda path: SimpleNamespace(free=0))
        with pytest.raises(ValueError, match=r'9 images of 32 x 32 need 0.0 GB more, but only'):
            prepare_data('sixray', raw, copy, size=32)
    prepare_data('sixray', raw, copy, size=32)
    with pytest.raises(
        ValueError,
        match=r'is not empty, and prepared\.json does not describe a copy with these settings',
    ):
        prepare_data('sixray', raw, copy, size=64)
    with pytest.raises(ValueError, match=r'is a prepared copy\. Use the folder of the release'):
        prepare_data('sixray', copy, tmp_path / 'again')
    with pytest.raises(ValueError, match='are prepared by Resize'):
        pipelined('configs/sxmnet_sixray_stage1.py', 'train', copy)  # to 256
    cfg = load_config('configs/sxmnet_sixray_stage1.py')
    cfg.train_dataloader.dataset.data_root = str(copy)
    with pytest.raises(ValueError, match='items are cut from full-size images'):
        training_set(cfg)
    dataset = DATASETS.build(cfg.train_dataloader.dataset | {'pipeline': []})
    backend = SimpleNamespace(info=SimpleNamespace(classes=tuple(dataset.CLASSES)))
    with pytest.raises(ValueError, match='but a station sees them in full size'):
        station_scores(backend, dataset)
