import pickle

import pytest
from PIL import Image

from mmsxm.datasets import SIXray, YoloXray

NAMES = 'names: [Gun, Knife]\n'


def write(root, images, data='train: images\n', names=NAMES):
    """Create a dataset; ``images`` maps paths to the text of their labels, None for no file."""
    for name, text in images.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (60, 50)).save(path)
        if text is not None:
            labels = root / name.replace('images', 'labels').replace('.jpg', '.txt')
            labels.parent.mkdir(parents=True, exist_ok=True)
            labels.write_text(text)
    (root / 'data.yaml').write_text(data + names)
    return str(root)


def load(root, **kwargs):
    return YoloXray(root, serialize_data=False, **kwargs)  # serializing takes a third of a second


def test_labels_and_boxes_follow_from_the_text_files(tmp_path, log):
    images = {
        'images/a.jpg': '1 0.5 0.5 0.5 0.4\n0 0.1 0.2 0.5 0.2 0.5 0.9\n',
        'images/day/b.jpg': '',
        'images/c.jpg': None,
    }
    dataset = load(write(tmp_path, images), strict=True)
    assert dataset.metainfo['classes'] == ('Gun', 'Knife')
    assert [info['img_id'] for info in dataset] == ['a', 'c', 'day/b']
    assert dataset[0]['gt_label'] == [0, 1]
    assert dataset[0]['instances'] == [
        {'bbox': [15, 15, 45, 35], 'bbox_label': 1},
        {'bbox': [6, 10, 30, 45], 'bbox_label': 0},
    ]
    assert dataset[1]['gt_label'] == dataset[2]['gt_label'] == []
    place = tmp_path / 'labels/c.txt'
    assert f'images without a text file, read as harmless bags: 1 ({place})' in log[0]


def test_bags_are_the_same_as_in_the_layout_of_sixray(own_data):
    for split in ('train', 'test'):
        theirs = SIXray(str(own_data['sixray']), split=split, serialize_data=False)
        ours = load(str(own_data['yolo']), split=split, strict=True)
        assert len(ours) == len(theirs) > 0
        for a, b in zip(ours, theirs, strict=True):
            assert (a['img_id'], a['gt_label']) == (b['img_id'], b['gt_label'])
            for x, y in zip(a['instances'], b['instances'], strict=True):
                assert x['bbox_label'] == y['bbox_label']
                assert x['bbox'] == pytest.approx(y['bbox'], abs=0.006)  # rounded to 0.01


@pytest.mark.parametrize(
    ('data', 'files'),
    [
        ('train: train.txt\n', {'train.txt': './images/a.jpg\nimages/x/b.jpg\n'}),
        ('train: lists/train.txt\n', {'lists/train.txt': 'images/a.jpg\n\nimages/x/b.jpg\n'}),
        ('train: [one.txt, images/x]\n', {'one.txt': './images/a.jpg\n'}),
        ('path: /content/bags\ntrain: images\n', {}),
    ],
)
def test_a_split_is_a_folder_a_list_or_several(tmp_path, data, files, log):
    box = '0 0.5 0.5 0.5 0.5'
    root = write(tmp_path, {'images/a.jpg': box, 'images/x/b.jpg': box}, data)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert [info['img_id'] for info in load(root, strict=True)] == ['a', 'x/b']
    ignored = 'path in data.yaml is ignored, because data_root takes its place: 1 (/content/bags)'
    assert (ignored in log[0]) == ('content' in data)


def test_roboflow_has_images_in_each_split(tmp_path):
    box = '0 0.5 0.5 0.5 0.5'
    images = {'train/images/a.jpg': box, 'valid/images/b.jpg': box}
    root = write(tmp_path, images, 'train: ../train/images\nval: ../valid/images\n')
    assert [info['img_id'] for info in load(root)] == ['train/images/a']
    assert [info['img_id'] for info in load(root, split='val')] == ['valid/images/b']


@pytest.mark.parametrize(
    ('text', 'kind'),
    [
        ('2 0.5 0.5 0.5 0.5', "objects of unknown class 'class 2': 1"),
        ('0 30 25 20 20', 'skipped boxes: no area inside the image: 1'),  # pixels
        ('0 nan 0.5 0.5 0.5', 'skipped boxes: no area inside the image: 1'),
        ('0 0.5 0.5 0 0.5', 'skipped boxes: no area inside the image: 1'),
        ('0 0.5 0.5 1.5 0.5', 'boxes clipped to the image: 1'),
        ('0 0.5 0.5 0.5', 'unreadable annotations: 1'),
        ('\0', 'unreadable annotations: 1'),
    ],
)
def test_problems_are_counted_or_an_error(tmp_path, log, text, kind):
    root = write(tmp_path, {'images/a.jpg': '1 0.5 0.5 0.5 0.5', 'images/b.jpg': text})
    load(root)
    assert kind in log[0]
    assert f'{tmp_path}/labels/b.txt' in log[0]
    with pytest.raises(ValueError, match='strict=True'):
        load(root, strict=True)


def test_an_unreadable_image_is_skipped(tmp_path, log):
    root = write(
        tmp_path, {'images/a.jpg': '1 0.5 0.5 0.5 0.5', 'images/b.jpg': '0 0.5 0.5 0.5 0.5'}
    )
    (tmp_path / 'images/b.jpg').write_bytes(b'no image')
    assert [info['img_id'] for info in load(root)] == ['a']
    assert f'skipped images: unreadable: 1 ({tmp_path}/images/b.jpg: the file is not' in log[0]
    assert 'unreadable annotations' not in log[0]


def test_images_that_are_listed_twice_are_used_once(tmp_path, log):
    images = {'images/a.jpg': '1 0.5 0.5 0.5 0.5', 'images/b.jpg': ''}
    root = write(tmp_path, images, 'train: train.txt\n')
    Image.new('RGB', (60, 50)).save(tmp_path / 'images/a.png')
    (tmp_path / 'train.txt').write_text('images/a.jpg\nimages/b.jpg\nimages/a.jpg\nimages/a.png\n')
    assert [info['img_id'] for info in load(root)] == ['a', 'b']
    place = f'at {tmp_path}/train.txt'
    assert f'images listed more than once (one entry is used): 1 (a.jpg {place}:3)' in log[0]
    assert f'differs only in its suffix: 1 (a.png {place}:4)' in log[0]


def test_problems_of_several_lists_name_the_list_and_its_line(tmp_path, log):
    images = {'images/a.jpg': '1 0.5 0.5 0.5 0.5', 'images/b.jpg': ''}
    data = 'train: [images, one.txt, two.txt]\n'
    root = write(tmp_path, images, data)
    (tmp_path / 'one.txt').write_text('images/x.jpg\nimages/a.jpg\n')
    (tmp_path / 'two.txt').write_text('\nimages/y.jpg\n')
    load(root)
    one, two = tmp_path / 'one.txt', tmp_path / 'two.txt'
    assert f'missing images: 2 (x.jpg at {one}:1, y.jpg at {two}:2)' in log[0]
    assert f'listed more than once (one entry is used): 1 (a.jpg at {one}:2)' in log[0]
    (tmp_path / 'two.txt').write_text('\nimages/../y.jpg\n')
    with pytest.raises(ValueError, match=r"two\.txt:2: 'images/\.\./y\.jpg' is not a path inside"):
        load(root)


def test_text_files_in_another_place_do_not_make_all_bags_harmless(tmp_path):
    root = write(tmp_path, {'images/a.jpg': None, 'images/b.jpg': None})
    with pytest.raises(ValueError, match=r'None of the 2 images of .* has a text file, such as .*'):
        load(root)


@pytest.mark.parametrize(
    ('data', 'error', 'reason'),
    [
        ('val: images\n', ValueError, r'data\.yaml has no train\. Add train: '),
        ('train: nothing\n', FileNotFoundError, r'nothing., the train of .*data\.yaml, does not'),
        ('train: list.txt\n', ValueError, r"list\.txt:1: '\.\./a\.jpg' is not a path inside"),
        ('train: other.txt\n', ValueError, r"other\.txt:1: .* is not in the image folder 'images'"),
    ],
)
def test_a_wrong_entry_is_an_error(tmp_path, data, error, reason):
    root = write(tmp_path, {'images/a.jpg': ''}, data)
    (tmp_path / 'list.txt').write_text('../a.jpg')
    (tmp_path / 'other.txt').write_text('pictures/a.jpg')
    with pytest.raises(error, match=reason):
        load(root)


def test_metainfo_can_select_classes(tmp_path):
    images = {'images/a.jpg': '0 0.5 0.5 0.5 0.5', 'images/b.jpg': '1 0.5 0.5 0.5 0.5'}
    root = write(tmp_path, images)
    dataset = load(root, metainfo={'classes': ['knife']})
    assert [info['gt_label'] for info in dataset] == [[0]]
    with pytest.raises(ValueError, match=r'data\.yaml has no category Bat'):
        load(root, metainfo={'classes': ['Bat']})


def test_a_name_in_another_unicode_form_is_found(tmp_path):
    decomposed, composed = 'Gro\u0308ße', 'Größe'
    root = write(tmp_path, {f'images/{decomposed}.jpg': '0 0.5 0.5 0.5 0.5'}, 'train: train.txt\n')
    (tmp_path / 'train.txt').write_text(f'images/{composed}.jpg\n', encoding='utf-8')
    (info,) = load(root, strict=True)
    assert (info['img_id'], info['gt_label']) == (composed, [0])


def test_the_digest_and_the_fixed_list_are_those_of_the_names(tmp_path):
    images = {'images/a.jpg': '0 0.5 0.5 0.5 0.5', 'images/x/b.jpg': '', 'images/c.jpg': ''}
    dataset = load(write(tmp_path, images))
    before = dataset.list_digest()
    assert dataset.list_name == 'train.txt'
    assert dataset.list_without({2}) == './images/a.jpg\n./images/x/b.jpg\n'
    (tmp_path / 'images/c.jpg').unlink()
    assert load(str(tmp_path)).list_digest() != before
    assert b'labels' not in pickle.dumps(dataset.data_list)
