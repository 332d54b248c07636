import csv
import os
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mmsxm.datasets import OPIXray, SIXray
from mmsxm.io.files import atomic_write
from mmsxm.simulation import dataset
from mmsxm.simulation.bag import simulate_bag
from mmsxm.simulation.dataset import write_opixray, write_sixray
from mmsxm.simulation.opixray_layout import LEVELS, occlusion_level
from mmsxm.simulation.sites import SITES

CLASSES = SITES['sixray'].classes

COUNTS = {'train': 6, 'test': 3, 'negatives': 4}
SMALL: dict[str, Any] = {'image_size': (64, 80), 'crowding': 'sparse'}


def _write(folder: Path, **changes: Any) -> int:
    return write_sixray(folder, **{**COUNTS, **SMALL, **changes})


def _bytes(folder: Path) -> dict[Path, bytes]:
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob('*') if path.is_file()
    }


def _rows(folder: Path, part: str, image_set: int = 10) -> list[dict[str, str]]:
    with open(folder / 'ImageSet' / str(image_set) / f'{part}.csv', newline='') as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope='module')
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('simulated') / 'sixray'
    assert _write(folder) == 13
    return folder


def test_lists_have_the_given_counts_and_do_not_overlap(simulated: Path) -> None:
    train, test = _rows(simulated, 'train'), _rows(simulated, 'test')
    assert list(train[0]) == ['name', 'Gun', 'Knife', 'Wrench', 'Pliers', 'Scissors']
    names = [[row['name'] for row in rows] for rows in (train, test)]
    # 4 negatives for 6 + 3 positives, of which round(4 * 6 / 9) = 3 are for training
    assert [sum(name[0] == 'P' for name in part) for part in names] == [6, 3]
    assert [sum(name[0] == 'N' for name in part) for part in names] == [3, 1]
    assert not set(names[0]) & set(names[1])


def test_items_are_removed_only_from_images(simulated: Path, tmp_path: Path) -> None:
    assert _write(tmp_path / 'blank', items_removed=True) == 13
    before, after = _bytes(simulated), _bytes(tmp_path / 'blank')
    changed = {path for path in before if before[path] != after[path]} - {Path('simulation.json')}
    assert changed == {Path(f'JPEGImage/P{i:05d}.jpg') for i in range(1, 10)}
    for name in ('P00001', 'P00009'):
        alone = simulate_bag(0, 2 * int(name[1:]), with_items=False, **SMALL)
        quality = [cv2.IMWRITE_JPEG_QUALITY, alone.scanner.jpeg_quality]
        _, expected = cv2.imencode('.jpg', alone.image[..., ::-1], quality)
        assert after[Path('JPEGImage') / f'{name}.jpg'] == expected.tobytes()


def test_lists_match_the_annotations(simulated: Path) -> None:
    for row in _rows(simulated, 'train') + _rows(simulated, 'test'):
        annotation = simulated / 'Annotation' / f'{row["name"]}.xml'
        present = {name for name in CLASSES if row[name] == '1'}
        assert all(row[name] in ('1', '-1') for name in CLASSES)
        if row['name'].startswith('N'):
            assert not annotation.exists()
            assert not present
        else:
            assert {
                item.findtext('name') for item in ET.parse(annotation).iter('object')
            } == present
            assert present


def test_annotation_matches_the_bag(simulated: Path) -> None:
    bag = simulate_bag(0, 2, **SMALL)
    root = ET.parse(simulated / 'Annotation' / 'P00001.xml').getroot()
    assert (root.findtext('size/height'), root.findtext('size/width')) == ('64', '80')
    items = root.findall('object')
    assert [CLASSES.index(item.findtext('name')) for item in items] == list(bag.labels)
    for item, box in zip(items, bag.boxes, strict=True):
        written = [
            float(item.findtext(f'bndbox/{key}', '')) for key in ('xmin', 'ymin', 'xmax', 'ymax')
        ]
        assert written == list(box)
    shares = [float(item.findtext('visible', '')) for item in items]
    assert shares == pytest.approx(bag.visible, abs=6e-4)


def test_images_have_the_right_channel_order(simulated: Path) -> None:
    image = cv2.imread(str(simulated / 'JPEGImage' / 'P00001.jpg'))
    expected = simulate_bag(0, 2, **SMALL).image[..., ::-1]
    assert image is not None
    assert image.shape == expected.shape
    # JPEG halves the color resolution, but swapped channels would differ by tens.
    assert abs(image.astype(float) - expected).mean() < 8


def test_the_number_of_workers_does_not_change_the_bytes(simulated: Path, tmp_path: Path) -> None:
    _write(tmp_path / 'two', workers=2)
    assert _bytes(tmp_path / 'two') == _bytes(simulated)


@pytest.mark.parametrize('before', [None, '7'])
def test_each_worker_has_one_thread(before: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    name = 'OMP_NUM_THREADS'
    monkeypatch.delenv(name, raising=False)
    if before is not None:
        monkeypatch.setenv(name, before)
    with dataset._mapper(2) as mapper:
        assert list(mapper(os.getenv, [name, name])) == ['1', '1']
    assert os.environ.get(name) == before


def test_an_unfinished_set_is_completed(tmp_path: Path) -> None:
    folder = tmp_path / 'set'
    _write(folder)
    whole = _bytes(folder)
    (folder / 'JPEGImage' / 'P00002.jpg').unlink()
    (folder / 'Annotation' / 'P00002.xml').unlink()
    (folder / 'JPEGImage' / 'N00004.jpg').unlink()
    (folder / 'ImageSet' / '10' / 'test.csv').unlink()
    assert _write(folder) == 2
    assert _bytes(folder) == whole
    assert _write(folder) == 0


def test_more_images_do_not_change_the_others(simulated: Path, tmp_path: Path) -> None:
    _write(tmp_path / 'more', train=7, negatives=5)
    for path in simulated.glob('JPEGImage/*'):
        assert (tmp_path / 'more' / 'JPEGImage' / path.name).read_bytes() == path.read_bytes()


def test_two_processes_may_write_the_same_set(
    simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, folder = os.replace, tmp_path / 'set'
    interrupted: list[Path] = []

    def late(source: Path, target: Path) -> None:
        # Another process writes the complete file before the first process finishes it.
        if target.suffix == '.jpg' and not interrupted:
            interrupted.append(target)
            with monkeypatch.context() as other:
                other.setattr(os, 'getpid', lambda: 0)
                atomic_write(target, b'of another process')
        replace(source, target)

    monkeypatch.setattr(os, 'replace', late)
    _write(folder)
    assert interrupted
    assert _bytes(folder) == _bytes(simulated)


@pytest.mark.parametrize(
    'change',
    [
        {'seed': 1},
        {'train': 7},
        {'image_size': (64, 64)},
        {'crowding': 'typical'},
        {'scanner': 'opixray'},
        {'negatives': 0, 'lists': [1]},
    ],
)
def test_a_set_with_other_parameters_is_rejected(simulated: Path, change: dict[str, Any]) -> None:
    before = _bytes(simulated)
    with pytest.raises(ValueError, match='Delete it or name another folder'):
        _write(simulated, **change)
    assert _bytes(simulated) == before


def test_a_folder_with_other_files_is_rejected(tmp_path: Path) -> None:
    (tmp_path / 'holiday.jpg').write_bytes(b'')
    with pytest.raises(ValueError, match=r'is not empty, and its simulation\.json does not record'):
        _write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ['holiday.jpg']
    (tmp_path / 'simulation.json').write_text('{"train": ')
    with pytest.raises(ValueError, match=r'is not empty, and its simulation\.json does not record'):
        _write(tmp_path)


@pytest.mark.parametrize(
    'change',
    [
        {'train': 0, 'test': 0},
        {'negatives': -1},
        {'crowding': 'full'},
        {'scanner': 'ct'},
        {'seed': -1},
        {'lists': [10]},
        {'negatives': 0, 'lists': [10, 0]},
    ],
)
def test_invalid_arguments_write_nothing(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r'or more|unknown|only one of the two'):
        _write(tmp_path / 'set', **change)
    assert not (tmp_path / 'set').exists()


def test_lists_contain_r_negatives_per_positive_and_are_nested(tmp_path: Path) -> None:
    assert _write(tmp_path, train=2, test=1, negatives=0, lists=[3, 1]) == 3 + 9
    names = {
        (image_set, part): [row['name'] for row in _rows(tmp_path, part, image_set)]
        for image_set in (1, 3)
        for part in ('train', 'test')
    }
    for (image_set, part), listed in names.items():
        positives = 2 if part == 'train' else 1
        assert [name[0] for name in listed] == ['P'] * positives + ['N'] * positives * image_set
        assert len(set(listed)) == len(listed)
    for part in ('train', 'test'):
        assert set(names[1, part]) < set(names[3, part])
    assert not set(names[3, 'train']) & set(names[3, 'test'])
    assert len(list((tmp_path / 'JPEGImage').iterdir())) == 12
    assert len(SIXray(str(tmp_path), image_set=3, strict=True)) == 8


def test_sets_can_be_loaded_by_their_datasets(simulated: Path, knives: Path) -> None:
    sixray = SIXray(str(simulated), strict=True)
    assert [len(info['instances']) > 0 for info in sixray] == [True] * 6 + [False] * 3
    for split, count in (('train', 4), ('test', 8)):
        dataset = OPIXray(str(knives), split=split, strict=True)
        assert len(dataset) == count
        assert dataset.metainfo['classes'] == SITES['opixray'].classes


@pytest.fixture(scope='module')
def knives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('simulated') / 'opixray'
    assert write_opixray(folder, train=4, test=8, crowding='dense', image_size=(120, 150)) == 12
    return folder


def test_opixray_annotation_matches_the_bag(knives: Path) -> None:
    bag = simulate_bag(0, 2 * 5, (120, 150), 'dense', site='opixray')
    lines = (knives / 'test' / 'test_annotation' / '000005.txt').read_text().splitlines()
    expected = [
        ['000005.jpg', bag.classes[label], *(f'{side:.0f}' for side in box)]
        for label, box in zip(bag.labels, bag.boxes, strict=True)
    ]
    assert [line.split() for line in lines] == expected
    image = cv2.imread(str(knives / 'test' / 'test_image' / '000005.jpg'))
    assert image is not None
    assert abs(image.astype(float) - bag.image[..., ::-1]).mean() < 8


def test_occlusion_lists_match_the_visible_shares(knives: Path) -> None:
    names = (knives / 'test' / 'test_knife.txt').read_text().split()
    assert names == [f'{i:06d}' for i in range(5, 13)]
    by_level = [
        (knives / 'test' / f'test_knife-{level}.txt').read_text().split() for level in (1, 2, 3)
    ]
    assert sorted(name for listed in by_level for name in listed) == names
    for level, listed in enumerate(by_level, start=1):
        for name in listed:
            bag = simulate_bag(0, 2 * int(name), (120, 150), 'dense', site='opixray')
            written = (knives / 'test' / 'test_visible' / f'{name}.txt').read_text().split()
            assert np.array(written, float) == pytest.approx(bag.visible, abs=6e-4)
            assert occlusion_level(bag.visible) == level
    assert not list((knives / 'train').glob('*-1.txt'))


def test_the_most_hidden_item_determines_the_occlusion_level() -> None:
    slight, partial = LEVELS
    assert [occlusion_level([share]) for share in (1, slight, partial, 0)] == [1, 1, 2, 3]
    # The most hidden item of an image determines its level.
    assert occlusion_level([1.0, 0.1, 1.0]) == 3


def test_an_unfinished_opixray_set_is_completed(knives: Path, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {'crowding': 'dense', 'image_size': (120, 150)}
    write_opixray(tmp_path / 'set', train=4, test=8, workers=2, **arguments)
    assert _bytes(tmp_path / 'set') == _bytes(knives)
    (tmp_path / 'set' / 'test' / 'test_image' / '000006.jpg').unlink()
    (tmp_path / 'set' / 'test' / 'test_visible' / '000006.txt').unlink()
    (tmp_path / 'set' / 'test' / 'test_knife-1.txt').unlink()
    assert write_opixray(tmp_path / 'set', train=4, test=8, **arguments) == 1
    assert _bytes(tmp_path / 'set') == _bytes(knives)
