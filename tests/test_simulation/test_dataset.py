import csv
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import cv2
import pytest

from mmsxm.simulation.bag import simulate_bag
from mmsxm.simulation.dataset import write_sixray
from mmsxm.simulation.items import CLASSES

COUNTS = {'train': 6, 'test': 3, 'negatives': 4}
SMALL: dict[str, Any] = {'image_size': (64, 80), 'crowding': 'sparse'}


def _write(folder: Path, **changes: Any) -> int:
    return write_sixray(folder, **{**COUNTS, **SMALL, **changes})


def _bytes(folder: Path) -> dict[Path, bytes]:
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob('*') if path.is_file()
    }


def _rows(folder: Path, part: str) -> list[dict[str, str]]:
    with open(folder / 'ImageSet' / '10' / f'{part}.csv', newline='') as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope='module')
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('simulated') / 'sixray'
    assert _write(folder) == 13
    return folder


def test_lists_have_the_counts_and_share_nothing(simulated: Path) -> None:
    train, test = _rows(simulated, 'train'), _rows(simulated, 'test')
    assert list(train[0]) == ['name', 'Gun', 'Knife', 'Wrench', 'Pliers', 'Scissors']
    names = [[row['name'] for row in rows] for rows in (train, test)]
    # 4 negatives for 6 + 3 positives: round(4 * 6 / 9) = 3 of them in training.
    assert [sum(name[0] == 'P' for name in part) for part in names] == [6, 3]
    assert [sum(name[0] == 'N' for name in part) for part in names] == [3, 1]
    assert not set(names[0]) & set(names[1])


def test_lists_agree_with_the_annotations(simulated: Path) -> None:
    for row in _rows(simulated, 'train') + _rows(simulated, 'test'):
        annotation = simulated / 'Annotation' / f'{row["name"]}.xml'
        present = {name for name in CLASSES if row[name] == '1'}
        assert all(row[name] in ('1', '-1') for name in CLASSES)
        if row['name'].startswith('N'):
            assert not annotation.exists()
            assert not present
        else:
            assert {
                thing.findtext('name') for thing in ET.parse(annotation).iter('object')
            } == present
            assert present


def test_annotation_is_that_of_the_bag(simulated: Path) -> None:
    bag = simulate_bag(0, 2, **SMALL)
    root = ET.parse(simulated / 'Annotation' / 'P00001.xml').getroot()
    assert (root.findtext('size/height'), root.findtext('size/width')) == ('64', '80')
    things = root.findall('object')
    assert [CLASSES.index(thing.findtext('name')) for thing in things] == list(bag.labels)
    for thing, box in zip(things, bag.boxes, strict=True):
        written = [
            float(thing.findtext(f'bndbox/{key}', '')) for key in ('xmin', 'ymin', 'xmax', 'ymax')
        ]
        assert written == list(box)


def test_images_have_the_right_colours(simulated: Path) -> None:
    image = cv2.imread(str(simulated / 'JPEGImage' / 'P00001.jpg'))
    expected = simulate_bag(0, 2, **SMALL).image[..., ::-1]
    assert image is not None
    assert image.shape == expected.shape
    # JPEG halves the colour's resolution, yet swapped channels would differ by tens.
    assert abs(image.astype(float) - expected).mean() < 8


def test_any_number_of_workers_gives_the_same_bytes(simulated: Path, tmp_path: Path) -> None:
    _write(tmp_path / 'two', workers=2)
    assert _bytes(tmp_path / 'two') == _bytes(simulated)


def test_unfinished_set_is_finished(tmp_path: Path) -> None:
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


def test_more_images_leave_the_others_alone(simulated: Path, tmp_path: Path) -> None:
    _write(tmp_path / 'more', train=7, negatives=5)
    for path in simulated.glob('JPEGImage/*'):
        assert (tmp_path / 'more' / 'JPEGImage' / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    'change', [{'seed': 1}, {'train': 7}, {'image_size': (64, 64)}, {'crowding': 'typical'}]
)
def test_set_of_other_parameters_is_refused(simulated: Path, change: dict[str, Any]) -> None:
    before = _bytes(simulated)
    with pytest.raises(ValueError, match='delete it or name another folder'):
        _write(simulated, **change)
    assert _bytes(simulated) == before


def test_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'holiday.jpg').write_bytes(b'')
    with pytest.raises(ValueError, match='is not empty and no simulated set'):
        _write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ['holiday.jpg']
    (tmp_path / 'simulation.json').write_text('{"train": ')
    with pytest.raises(ValueError, match='is not empty and no simulated set'):
        _write(tmp_path)


@pytest.mark.parametrize(
    'change', [{'train': 0, 'test': 0}, {'negatives': -1}, {'crowding': 'full'}]
)
def test_mistakes_write_nothing(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r'or more|unknown'):
        _write(tmp_path / 'set', **change)
    assert not (tmp_path / 'set').exists()


def test_tool(tmp_path: Path) -> None:
    tool = Path(__file__).parents[2] / 'tools' / 'simulate.py'
    folder = str(tmp_path / 'set')
    command = [
        sys.executable,
        str(tool),
        'sixray',
        folder,
        *['--train', '2', '--test', '1', '--size', '64', '64'],
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1].startswith(f'{folder}: 3 images simulated in')
    assert json.loads((tmp_path / 'set' / 'simulation.json').read_text())['image_size'] == [64, 64]
    refused = subprocess.run([*command, '--seed', '1'], capture_output=True, text=True)
    assert refused.returncode == 1
    assert 'name another folder' in refused.stderr
    assert 'Traceback' not in refused.stderr
