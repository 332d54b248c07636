import hashlib
import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from mmsxm.datasets import SIXray
from mmsxm.datasets.meta_label_file import (
    LabelSource,
    MetaLabels,
    choose_level,
    read_meta_labels,
    source_of,
    write_meta_labels,
)

HEADER = 'name,Gun,Knife,Wrench,Pliers,Scissors'
LOSSES = {'P1': [0.1, 0.2, 0.3], 'P2': [0.5, 0.5, 0.4], 'P3': [0.2, 0.1, 0.1]}
LEVELS = {'P1': 0, 'P2': 2, 'P3': 1}


def write_list(root: Path, names: list[str], image_set: str = '10') -> None:
    rows = [HEADER, *(f'{name},1,-1,-1,-1,-1' for name in names)]
    path = root / f'ImageSet/{image_set}/train.csv'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(rows) + '\n')


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Create three images, a list of two of them, and a list of all."""
    folder = tmp_path / 'sixray'
    (folder / 'JPEGImage').mkdir(parents=True)
    for name in LOSSES:
        Image.new('RGB', (40, 30)).save(folder / 'JPEGImage' / f'{name}.jpg')
    write_list(folder, ['P1', 'P2'])
    write_list(folder, ['P1', 'P2', 'P3'], '100')
    return folder


class Pack:
    """Return the input of the pipeline."""

    def __call__(self, results: dict) -> dict:
        return results


def build(root: Path, image_set: str = '10', meta_labels: Path | str | None = None) -> SIXray:
    path = None if meta_labels is None else str(meta_labels)
    # serializing takes a third of a second
    return SIXray(
        str(root),
        image_set=image_set,
        meta_labels=path,
        pipeline=[Pack()],
        serialize_data=False,
    )


def labels_of(root: Path, image_set: str = '10', **changes: object) -> MetaLabels:
    """Create labels of all images of a list."""
    dataset = build(root, image_set)
    names = [dataset.get_data_info(i)['img_id'] for i in range(len(dataset))]
    labels = MetaLabels(
        teacher='chr_sixray.py',
        checkpoint_sha256='ab' * 32,
        source=source_of(dataset),
        losses={name: LOSSES[name] for name in names},
        levels={name: LEVELS[name] for name in names},
    )
    return labels._replace(**changes)


def test_the_level_of_the_smallest_loss_is_chosen() -> None:
    assert [choose_level(losses) for losses in LOSSES.values()] == list(LEVELS.values())
    assert choose_level([0.4, 0.4, 0.4]) == 0  # on a tie, the first one
    assert choose_level([0.5, 0.4, 0.4]) == 1


def test_labels_survive_a_round_trip(root: Path, tmp_path: Path) -> None:
    path = tmp_path / 'new' / 'labels.json'
    # 1/3 has no finite decimal form, and float32 rounds it differently from Python
    third = torch.tensor(1 / 3).item()
    labels = labels_of(root, losses={'P1': [third, 1 / 3, 2.0], 'P2': [0.5, 0.5, 0.4]})
    write_meta_labels(path, labels)
    assert read_meta_labels(path) == labels
    first = path.read_bytes()
    write_meta_labels(path, labels)
    assert path.read_bytes() == first


def test_the_file_names_the_source_of_its_labels(root: Path, tmp_path: Path) -> None:
    path = tmp_path / 'labels.json'
    write_meta_labels(path, labels_of(root))
    content = json.loads(path.read_text())
    listed = (root / 'ImageSet/10/train.csv').read_bytes()
    assert content['head'] == {
        'teacher': 'chr_sixray.py',
        'checkpoint_sha256': 'ab' * 32,
        'dataset': 'SIXray',
        'list_file': 'ImageSet/10/train.csv',
        'list_sha256': hashlib.sha256(listed).hexdigest(),
        'classes': ['Gun', 'Knife', 'Pliers', 'Scissors', 'Wrench'],
    }
    assert content['images']['P2'] == {'level': 2, 'losses': [0.5, 0.5, 0.4]}
    assert len(path.read_text().splitlines()) < 20  # one line per image, not per number


def test_a_dataset_adds_the_level_of_each_image(root: Path, tmp_path: Path) -> None:
    path = tmp_path / 'labels.json'
    write_meta_labels(path, labels_of(root, '100'))
    dataset = build(root, '100', path)
    levels = [dataset[i]['gt_meta_level'] for i in range(3)]
    assert [level.item() for level in levels] == [0, 2, 1]
    assert {(level.dtype, level.shape) for level in levels} == {(torch.int64, torch.Size())}
    assert 'gt_meta_level' not in build(root, '100')[0]


def test_labels_of_unused_images_are_allowed(root: Path, tmp_path: Path) -> None:
    path = tmp_path / 'labels.json'
    write_meta_labels(path, labels_of(root))
    (root / 'JPEGImage/P1.jpg').unlink()
    dataset = build(root, meta_labels=path)
    assert [dataset.get_data_info(0)['gt_meta_level']] == [2]


def test_a_list_may_be_in_another_folder(root: Path, tmp_path: Path) -> None:
    path = tmp_path / 'labels.json'
    write_meta_labels(path, labels_of(root))
    write_list(root, ['P1', 'P2'], 'copy')
    assert len(build(root, 'copy', path)) == 2


def test_the_error_of_a_missing_file_names_the_command_that_creates_it(root: Path) -> None:
    with pytest.raises(
        FileNotFoundError,
        match=r"'absent\.json' does not exist.*mmsxm meta-labels CONFIG CHECKPOINT",
    ):
        build(root, meta_labels='absent.json')


def test_a_missing_image_is_an_error(root: Path, tmp_path: Path) -> None:
    path = tmp_path / 'labels.json'
    whole = labels_of(root, '100')
    losses = {name: whole.losses[name] for name in ('P1', 'P3')}
    write_meta_labels(path, whole._replace(losses=losses))
    with pytest.raises(
        ValueError, match=r'labels\.json lacks 1 of 3 images of .*first P2\. Create it again'
    ):
        build(root, '100', path)


def test_labels_of_another_list_are_an_error(root: Path, tmp_path: Path) -> None:
    path = tmp_path / 'labels.json'
    write_meta_labels(path, labels_of(root, '100'))
    expected = r'labels\.json belongs to ImageSet/100/train\.csv.*not to ImageSet/10/train\.csv'
    with pytest.raises(ValueError, match=expected):
        build(root, meta_labels=path)


@pytest.mark.parametrize(
    ('field', 'value'), [('dataset', 'OPIXray'), ('classes', ('Gun', 'Knife'))]
)
def test_labels_of_another_dataset_are_an_error(
    field: str, value: object, root: Path, tmp_path: Path
) -> None:
    path = tmp_path / 'labels.json'
    source: LabelSource = labels_of(root).source._replace(**{field: value})
    write_meta_labels(path, labels_of(root, source=source))
    with pytest.raises(ValueError, match=f'labels.json belongs to .*: {field} is '):
        build(root, meta_labels=path)


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('{"head"', '{head', 'is not valid JSON'),
        ('"images"', '"pictures"', r"KeyError\('images'\)"),
        ('"classes"', '"klasses"', 'klasses|classes'),
        ('"level": 0, ', '', r"KeyError\('level'\)"),
        ('"level": 0', '"level": 3', r'P1 has the level 3\. It must be 0, 1 or 2'),
        ('"level": 0', '"level": 1.0', r'P1 has the level 1\.0'),
        ('[0.1, 0.2, 0.3]', '[0.1, 0.2]', r'P1 has the losses \[0\.1, 0\.2\]'),
        ('[0.1, 0.2, 0.3]', '[0.1, 0.2, NaN]', 'P1 has the losses'),
        ('[0.1, 0.2, 0.3]', '0.1', 'P1 has the losses 0.1'),
        ('{"level": 0, "losses": [0.1, 0.2, 0.3]}', '0', 'TypeError'),
    ],
)
def test_malformed_files_are_errors(
    old: str, new: str, message: str, root: Path, tmp_path: Path
) -> None:
    path = tmp_path / 'labels.json'
    write_meta_labels(path, labels_of(root))
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ValueError, match=rf'labels\.json.*({message})'):
        build(root, meta_labels=path)


def test_a_binary_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / 'labels.json').write_bytes(b'\xff\xfe')
    with pytest.raises(ValueError, match=r'labels\.json is not valid JSON'):
        read_meta_labels(tmp_path / 'labels.json')


def test_losses_that_are_not_numbers_are_an_error(root: Path, tmp_path: Path) -> None:
    labels = labels_of(root, losses={'P1': [0.1, float('nan'), 0.3], 'P2': [0.1, 0.2, 0.3]})
    with pytest.raises(ValueError, match=r'chr_sixray\.py: P1 has the losses .*nan'):
        write_meta_labels(tmp_path / 'labels.json', labels)
    assert not (tmp_path / 'labels.json').exists()
