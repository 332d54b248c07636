import copy
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from mmsxm.datasets import XrayDataset
from mmsxm.datasets.annotations import AnnotatedObject, ListedImage, clip_box
from mmsxm.datasets.image_folder import ImageFolder
from mmsxm.datasets.loading_report import ProblemCounts
from mmsxm.datasets.sample_rng import sample_rng
from mmsxm.imaging.dicom import DICOM_SUFFIXES
from mmsxm.imaging.images import IMAGE_SUFFIXES

ROOT = Path(__file__).resolve().parents[2]
WIDTH, HEIGHT = 40, 30


class ToyDataset(XrayDataset):
    """Dataset whose list and objects are arguments."""

    METAINFO = {'classes': ('Gun', 'Knife')}

    def __init__(self, folder, rows, objects=None, **kwargs):
        self.rows, self.objects = rows, objects or {}
        (folder / 'list.txt').touch()
        super().__init__('list.txt', str(folder), {'img_path': 'images'}, **kwargs)

    def read_list(self):
        for line, (name, gt_label) in enumerate(self.rows, start=1):
            yield ListedImage(name, line, gt_label)

    def annotation_path(self, img_id):
        return img_id

    def read_objects(self, img_id):
        if img_id not in self.objects:
            raise FileNotFoundError(img_id)
        return [AnnotatedObject(name, box, f'{img_id}:1') for name, box in self.objects[img_id]]


class Draw:
    """Transform that draws one number from each generator."""

    def __call__(self, data_info):
        numbers = [random.random(), np.random.rand(), torch.rand(()).item()]  # noqa: NPY002
        return torch.tensor(numbers, dtype=torch.float64)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'images').mkdir()
    for name in ('a.jpg', 'b.png', 'c.TIFF', 'd.jpg'):
        Image.new('RGB', (WIDTH, HEIGHT)).save(tmp_path / 'images' / name)
    return tmp_path


GUN = ('Gun', (1.5, 2.0, 10.0, 20.0))


def test_data_infos_contain_path_id_labels_and_instances(folder, log):
    dataset = ToyDataset(folder, [('a', [0]), ('b', [])], {'a': [GUN]})
    assert dataset[0] == {
        'img_path': str(folder / 'images' / 'a.jpg'),
        'img_id': 'a',
        'gt_label': [0],
        'instances': [{'bbox': [1.5, 2.0, 10.0, 20.0], 'bbox_label': 0}],
        'sample_idx': 0,
    }
    assert dataset[1]['gt_label'] == dataset[1]['instances'] == []
    assert len(log) == 1
    assert 'Gun 1, Knife 0; without a positive label 1' in log[0]


def test_labels_of_objects_without_a_usable_box_are_named(folder, log):
    objects = {
        'a': [GUN, ('Gun', None), ('Knife', (1, 1, 9, 9))],
        'b': [('Knife', (WIDTH + 1, 0, WIDTH + 9, 9)), ('Gun', (3, 3, 3, 9)), ('Gun', None)],
        'c': [GUN, GUN],
    }
    dataset = ToyDataset(folder, [(name, None) for name in 'abc'], objects)
    assert [info.get('unboxed_labels') for info in dataset] == [[0], [0, 1], None]
    assert [len(info['instances']) for info in dataset] == [2, 0, 2]


def test_listed_labels_and_other_objects_without_a_box_are_named(folder):
    rows = [('a', [0, 1]), ('b', [1]), ('d', []), ('c', [0])]
    dataset = ToyDataset(folder, rows, {'a': [GUN], 'c': [GUN, ('Knife', None)]})
    assert [info.get('unboxed_labels') for info in dataset] == [[1], [1], None, [1]]


def test_labels_follow_from_objects_if_the_list_has_none(folder):
    knife = ('Knife', (0.0, 0.0, 5.0, 5.0))
    dataset = ToyDataset(folder, [('a', None)], {'a': [knife, GUN, knife]})
    assert dataset[0]['gt_label'] == [0, 1]
    assert [item['bbox_label'] for item in dataset[0]['instances']] == [1, 0, 1]


def test_images_are_found_with_without_and_with_another_suffix(folder):
    folder_of_images = ImageFolder(str(folder / 'images'))
    names = ['a', 'a.jpg', 'b.jpg', 'c.tiff', 'c']
    found = [folder_of_images.find(name) for name in names]
    assert [path.rsplit('/', 1)[1] for path in found] == [
        'a.jpg',
        'a.jpg',
        'b.png',
        'c.TIFF',
        'c.TIFF',
    ]
    assert folder_of_images.find('e.jpg') is None


# DICOM: see test_loading.py
@pytest.mark.parametrize('suffix', sorted(IMAGE_SUFFIXES - set(DICOM_SUFFIXES)))
def test_training_reads_all_formats_of_screening(folder, suffix):
    Image.new('RGB', (WIDTH, HEIGHT)).save(folder / 'images' / f'e{suffix}')
    pipeline = [dict(type='mmsxm.LoadXrayImage')]
    dataset = ToyDataset(folder, [(f'e{suffix}', [0])], pipeline=pipeline)
    assert dataset[0]['img_id'] == 'e'
    assert dataset[0]['img'].shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(
    ('gt_label', 'objects', 'kind'),
    [
        ([0], [], 'annotations without objects: 1 (a)'),
        ([0], [GUN, ('Bow', GUN[1]), ('Bow', GUN[1])], "unknown class 'Bow': 2 (a:1, a:1)"),
        ([0], [('Gun', (5.0, 5.0, 5.0, 9.0))], 'no area inside the image: 1 (a:1'),
        ([0], [('Gun', (9.0, 5.0, 1.0, 9.0))], 'no area inside the image: 1 (a:1'),
        ([0], [('Gun', (float('nan'), 1.0, 2.0, 3.0))], 'no area inside the image: 1 (a:1'),
        ([0], [('Gun', (41.0, 1.0, 50.0, 3.0))], 'no area inside the image: 1 (a:1'),
        ([0], [('Gun', (0.1, 0.2, 0.9, 1.0))], '(are they fractions of the image?): 1 (a:1'),
        ([0], [('Gun', (-3.0, 1.0, 50.0, 3.0))], 'boxes clipped to the image: 1 (a:1'),
        ([1], [GUN], 'labels that differ from the objects'),
        (None, [('Bow', GUN[1])], 'no label is known: 1 (a)'),
        (None, None, 'no label is known: 1 (a)'),
    ],
)
def test_problems_are_counted_or_an_error(folder, log, gt_label, objects, kind):
    rows = [('a', gt_label), ('d', [])]
    annotations = {} if objects is None else {'a': objects}
    ToyDataset(folder, rows, annotations)
    assert kind in log[0]
    with pytest.raises(ValueError, match='strict=True') as raised:
        ToyDataset(folder, rows, annotations, strict=True)
    assert kind in str(raised.value)


def test_missing_images_are_counted_or_an_error(folder, log):
    rows = [('a', [0]), ('e.jpg', [0])]
    assert len(ToyDataset(folder, rows)) == 1
    assert f'missing images: 1 (e.jpg at {folder}/list.txt:2)' in log[0]
    with pytest.raises(FileNotFoundError, match=r'missing images: 1 \(e\.jpg at'):
        ToyDataset(folder, rows, strict=True)


@pytest.mark.parametrize('name', ['../secret.jpg', '../secret', 'images/../../secret.jpg', '.'])
def test_a_list_cannot_name_files_outside_the_folder(folder, log, name):
    Image.new('RGB', (WIDTH, HEIGHT)).save(folder / 'secret.jpg')
    absolute = str(folder / 'secret.jpg')
    dataset = ToyDataset(folder, [('a', [0]), (name, [0]), (absolute, [0])])
    assert [info['img_id'] for info in dataset] == ['a']
    assert 'missing images: 2' in log[0]


def test_the_suffix_selects_among_images_with_one_stem(folder):
    for suffix in ('png', 'tif'):
        Image.new('RGB', (WIDTH, HEIGHT)).save(folder / 'images' / f'a.{suffix}')
    images = ImageFolder(str(folder / 'images'))
    found = [images.find(name).rsplit('/', 1)[1] for name in ('a.png', 'a.tif', 'a', 'a.bmp')]
    assert found == ['a.png', 'a.tif', 'a.jpg', 'a.jpg']


def test_notes_are_not_errors(folder, log):
    rows = [('a', [0]), ('b', [1]), ('d', [])]
    objects = {'a': [('gUN', GUN[1])]}
    dataset = ToyDataset(folder, rows, objects, strict=True)
    assert dataset[0]['instances'][0]['bbox_label'] == 0
    assert "class 'Gun' in another case: 1 (a:1)" in log[0]
    assert 'positive images without an annotation file: 1 (b)' in log[0]


def test_images_without_labels_or_boxes_can_be_skipped(folder, log):
    rows = [('a', [0]), ('b', [1]), ('d', [])]
    objects = {'a': [GUN]}
    assert len(ToyDataset(folder, rows, objects)) == 3
    assert len(ToyDataset(folder, rows, objects, positives_only=True)) == 2
    assert 'skipped images: no positive label: 1 (d)' in log[-1]
    assert len(ToyDataset(folder, rows, objects, require_boxes=True)) == 1
    assert 'skipped images: no usable box: 2 (b, d)' in log[-1]


def test_images_with_an_item_without_a_box_are_skipped_where_boxes_are_required(folder, log):
    rows = [('a', None), ('b', None), ('d', None)]
    objects = {'a': [GUN], 'b': [GUN, ('Knife', None)], 'd': [GUN, ('Gun', (5, 5, 5, 9))]}
    dataset = ToyDataset(folder, rows, objects, require_boxes=True)
    assert [info['img_id'] for info in dataset] == ['a']
    assert 'skipped images: an item has no usable box: 2 (b, d)' in log[-1]
    assert len(ToyDataset(folder, rows, objects)) == 3


def test_objects_of_negatives_are_not_read(folder):
    dataset = ToyDataset(folder, [('a', [])], {'a': [GUN]})
    assert dataset[0]['instances'] == []


def test_an_unreadable_image_is_skipped(folder, log):
    (folder / 'images' / 'a.jpg').write_bytes(b'no image')
    dataset = ToyDataset(folder, [('a', [0]), ('b', [0])], {'a': [GUN], 'b': [GUN]})
    assert [dataset[i]['img_id'] for i in range(len(dataset))] == ['b']
    assert 'skipped images: unreadable: 1' in log[0]


@pytest.mark.parametrize('rows', [[], [('e', [0])], [('a', [])]])
def test_the_error_of_an_empty_dataset_contains_the_report(folder, rows):
    with pytest.raises(ValueError, match='No usable images are left') as raised:
        ToyDataset(folder, rows, positives_only=True)
    assert f'0 of {len(rows)} rows of {folder}/list.txt' in str(raised.value)
    assert str(folder / 'images') in str(raised.value)


def test_the_error_of_a_missing_folder_names_it(tmp_path):
    with pytest.raises(FileNotFoundError, match='images'):
        ToyDataset(tmp_path, [('a', [0])])


def test_unknown_arguments_are_rejected(folder):
    with pytest.raises(TypeError, match='stricct'):
        ToyDataset(folder, [('a', [0])], stricct=True)


def test_boxes_are_clipped_to_the_image():
    assert clip_box((1.0, 2.0, 3.5, 4.0), (30, 40)) == (1.0, 2.0, 3.5, 4.0)
    assert clip_box((-1.0, -2.0, 50.0, 60.0), (30, 40)) == (0.0, 0.0, 40.0, 30.0)
    assert clip_box((40.0, 2.0, 50.0, 4.0), (30, 40)) is None
    assert clip_box((1.0, 2.0, float('inf'), 4.0), (30, 40)) is None


def test_problem_counts_keep_the_first_places():
    problems = ProblemCounts(examples=2)
    for place in 'abc':
        problems.add('odd', place)
    problems.add('rare', 'z')
    assert list(problems.lines()) == ['odd: 3 (a, b, ...)', 'rare: 1 (z)']


def random_states():
    return random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002


def assert_same_states(ours, theirs):
    assert ours[0] == theirs[0]
    assert ours[1][0] == theirs[1][0]
    np.testing.assert_array_equal(ours[1][1], theirs[1][1])
    assert ours[1][2] == theirs[1][2]
    assert torch.equal(ours[2], theirs[2])


def test_sample_rng_restores_the_generators_even_after_an_error():
    def draw_and_fail():
        with sample_rng(1, 2, 3):
            Draw()({})
            raise RuntimeError

    before = random_states()
    with pytest.raises(RuntimeError):
        draw_and_fail()
    assert_same_states(before, random_states())


def test_sample_rng_can_be_nested():
    with sample_rng(0, 0, 0):
        expected = [Draw()({}), Draw()({})]
    with sample_rng(0, 0, 0):
        first = Draw()({})
        with sample_rng(0, 0, 1):
            inner = Draw()({})
        second = Draw()({})
    assert torch.equal(torch.stack(expected), torch.stack([first, second]))
    assert not torch.isin(inner, torch.stack(expected)).any()


def test_sample_rng_depends_on_each_of_its_numbers():
    draws = []
    for numbers in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)):
        with sample_rng(*numbers):
            draws.append(Draw()({}))
    assert torch.stack(draws).unique().numel() == 4 * 3


@pytest.mark.parametrize('num_workers', [0, 2])
def test_random_numbers_depend_only_on_seed_epoch_and_index(folder, num_workers):
    rows = [(name, [0]) for name in 'abcd']
    dataset = ToyDataset(folder, rows, pipeline=[Draw()])
    loader = DataLoader(
        dataset, batch_size=2, num_workers=num_workers, persistent_workers=num_workers > 0
    )

    def epoch(seed, number):
        dataset.set_epoch(seed, number)
        return torch.cat(list(loader))

    first, second, other_seed, first_again = epoch(7, 0), epoch(7, 1), epoch(8, 0), epoch(7, 0)
    everything = torch.cat([first, second, other_seed])
    assert everything.unique().numel() == everything.numel()
    assert torch.equal(first, first_again)

    dataset.set_epoch(7, 0)
    before = random_states()
    in_another_order = torch.stack([dataset[i] for i in (3, 1, 0, 2)])
    assert torch.equal(in_another_order, first[[3, 1, 0, 2]])
    assert_same_states(before, random_states())


def test_a_deep_copy_has_its_own_epoch_shared_with_workers(folder):
    dataset = ToyDataset(folder, [('a', [0])], pipeline=[Draw()])
    other = copy.deepcopy(dataset)
    loader = DataLoader(other, num_workers=1, persistent_workers=True)
    draws = []
    for epoch in (1, 2):
        other.set_epoch(0, epoch)
        draws.append(next(iter(loader)))
    assert not torch.equal(*draws)
    assert dataset._epoch.numbers.tolist() == [0, 0]


def test_a_negative_epoch_is_an_error(folder):
    dataset = ToyDataset(folder, [('a', [0])])
    with pytest.raises(ValueError, match='negative'):
        dataset.set_epoch(0, -1)


def test_a_pipeline_that_learns_from_boxes_requires_boxes(folder):
    rows = [('a', [0]), ('b', [1])]
    level = {'type': 'mmsxm.IntuitiveMetaLevel'}
    with pytest.raises(ValueError, match=r'IntuitiveMetaLevel in the pipeline.*gated') as raised:
        ToyDataset(folder, rows, pipeline=[level])
    named = re.findall(r'configs/[\w/-]+_own\.py', str(raised.value))
    assert len(named) == 2
    assert all((ROOT / name).is_file() for name in named)
    ToyDataset(folder, rows, {'a': [('Gun', (1, 2, 3, 4))]}, pipeline=[level])
