import math

import pytest

from mmsxm.datasets.yolo import (
    label_path,
    read_data_yaml,
    read_yolo_objects,
    to_pixels,
    with_entries,
)

NAMES = {'0': 'Gun', '1': 'Knife'}


def data_yaml(tmp_path, text):
    path = tmp_path / 'data.yaml'
    path.write_text(text, encoding='utf-8')
    return read_data_yaml(str(path))


def objects(tmp_path, text):
    path = tmp_path / 'a.txt'
    path.write_text(text)
    return read_yolo_objects(str(path), NAMES)


@pytest.mark.parametrize('names', ['names: [Gun, no]', 'names:\n  0: Gun\n  1: no'])
def test_names_are_a_list_or_a_dict(tmp_path, names):
    data = data_yaml(tmp_path, f'train: images/train\nval: [a.txt, b]\ntest:\n{names}\n')
    assert data.names == {'0': 'Gun', '1': 'no'}
    assert data.entries == {'train': ['images/train'], 'val': ['a.txt', 'b']}


@pytest.mark.parametrize(
    ('path', 'entry', 'ignored'),
    [
        ('', 'train/images', ''),
        ('./', 'train/images', ''),
        ('bags', 'bags/train/images', ''),
        ('/content/bags', 'train/images', '/content/bags'),
        ('../datasets/bags', 'train/images', '../datasets/bags'),
        ('C:\\bags', 'train/images', 'C:\\bags'),
        ('elsewhere', 'train/images', 'elsewhere'),
    ],
)
def test_the_folder_of_the_file_takes_the_place_of_path(tmp_path, path, entry, ignored):
    (tmp_path / 'bags').mkdir()
    # Roboflow writes ../train/images for train/images
    data = data_yaml(tmp_path, f'path: {path}\ntrain: ../train/images\nnames: [Gun]')
    assert data.entries == {'train': [entry]}
    assert data.ignored_path == ignored


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        ('[]', 'is not a data.yaml'),
        ('train: images', 'has no names of classes'),
        ('names: []', 'has no names of classes'),
        ('names: [[Gun]]', 'has no names of classes'),
        ('names: {a: Gun}', "the class number 'a' in names is not a number"),
        ('names: {99999999999999999999: Gun}', 'is not a number'),
        ('names: [Gun]\nkpt_shape: [17, 3]', 'describes keypoints'),
        ('names: [Gun]\ntrain: {a: b}', 'train is .* Write a folder'),
        ('names: [Gun]\ntrain: /data/images', "'/data/images' is not a path inside the folder"),
        ('names: [Gun]\ntrain: a/../../b', 'is not a path inside the folder'),
        ('names: [Gun]\ntrain: a\\b', 'is not a path inside the folder'),
    ],
)
def test_a_malformed_file_is_an_error_that_names_it(tmp_path, text, reason):
    with pytest.raises(ValueError, match=rf'data\.yaml.*{reason}'):
        data_yaml(tmp_path, text)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'data\.yaml. does not exist\. Set data_root'):
        read_data_yaml(str(tmp_path / 'data.yaml'))


@pytest.mark.parametrize(
    ('image', 'text'),
    [
        ('images/a.jpg', 'labels/a.txt'),
        ('images/train/a.b.png', 'labels/train/a.b.txt'),
        ('train/images/a.jpg', 'train/labels/a.txt'),
        ('images/images/a.jpg', 'images/labels/a.txt'),
        ('bags/a.jpg', 'bags/a.txt'),
    ],
)
def test_the_last_folder_images_becomes_labels(image, text):
    assert label_path(image) == text


def test_boxes_polygons_and_track_ids_are_read(tmp_path):
    lines = '1 0.5 0.5 0.5 0.25\n\n0 0.1 0.2 0.5 0.2 0.5 0.9\n0 0.5 0.5 0.5 0.25 17\n7.0 0 0 1 1\n'
    found = objects(tmp_path, lines)
    assert [o.class_name for o in found] == ['Knife', 'Gun', 'Gun', 'class 7']
    assert [o.bbox for o in found] == [
        (0.25, 0.375, 0.75, 0.625),
        (0.1, 0.2, 0.5, 0.9),
        (0.25, 0.375, 0.75, 0.625),
        (-0.5, -0.5, 0.5, 0.5),
    ]
    assert found[1].place == f'{tmp_path}/a.txt:3'
    assert all(map(math.isnan, objects(tmp_path, '0 nan nan nan nan')[0].bbox))


@pytest.mark.parametrize(
    'line',
    [
        '0',
        '0 0.5 0.5 0.5',
        '0 0.5 0.5 0.5 0.25 0.93',  # a confidence
        'Gun 0.5 0.5 0.5 0.25',
        '0.5 0.5 0.5 0.5 0.25',
        'inf 0.5 0.5 0.5 0.25',
        '0,0.5,0.5,0.5,0.25',
    ],
)
def test_another_line_is_an_error_with_its_place(tmp_path, line):
    with pytest.raises(ValueError, match=r'a\.txt:2: .* does not have the form .class cx cy w h'):
        objects(tmp_path, f'1 0.5 0.5 0.5 0.25\n{line}')


def test_six_decimals_give_integer_pixels_again():
    width, height = 4999, 3333
    for x1, x2 in ((0, 1), (1, 4998), (1234, 3210), (4997, 4999)):
        center, size = (f'{value / width:.6f}' for value in ((x1 + x2) / 2, x2 - x1))
        cx, w = float(center), float(size)
        box = to_pixels((cx - w / 2, 0.0, cx + w / 2, 1.0), (height, width))
        assert box == (x1, 0, x2, height)


def test_entries_are_replaced_and_the_rest_stays():
    old = (
        '# mine\npath: /x\ntrain:\n  - images/a\n  - images/b\nnc: 2  # two\nval: images/v\n'
        'names:\n  0: a\n'
    )
    new = with_entries(old, {'train': 'train.txt', 'val': 'val.txt', 'test': 'test.txt'}, 'x')
    assert new == (
        '# mine\nnc: 2  # two\nnames:\n  0: a\ntrain: train.txt\nval: val.txt\ntest: test.txt\n'
    )


@pytest.mark.parametrize('old', ['{train: a, names: [b]}', '"train": a\nnames: [b]'])
def test_entries_that_cannot_be_replaced_are_an_error(old):
    with pytest.raises(ValueError, match=r'The entries of x cannot be replaced\. Write path'):
        with_entries(old, {'train': 'train.txt'}, 'x')
