"""Exports of Datumaro 1.13: ``Dataset.export(folder, 'coco', save_media=True)``."""

import json
import math

import pytest
from PIL import Image

from mmsxm.datasets import CocoXray, DatumaroXray

CATEGORIES = [
    {'id': 1, 'name': 'Gun', 'supercategory': ''},
    {'id': 2, 'name': 'Messer äö', 'supercategory': ''},
]
NAMES = {2: 'day1/a.jpg', 3: 'day1/b.jpg', 4: 'c.jpg', 5: 'Größe 1.jpg'}
INSTANCES = [
    {
        **{'id': 1, 'image_id': 2, 'category_id': 2, 'segmentation': [], 'area': 165.0},
        **{'bbox': [10.0, 20.0, 30.0, 5.5], 'iscrowd': 0},
        'attributes': {'occluded': False, 'rotation': 90.0},
    },
    {
        **{'id': 2, 'image_id': 5, 'category_id': 1, 'area': 264.0},
        'segmentation': [[1.0, 2.0, 20.0, 2.0, 20.0, 30.0]],
        **{'bbox': [1.0, 2.0, 19.0, 28.0], 'iscrowd': 0},
    },
    {
        **{'id': 3, 'image_id': 5, 'category_id': 2, 'area': 200.0},
        'segmentation': {'counts': [510, 10, 40, 10, 2430], 'size': [50, 60]},
        **{'bbox': [10.0, 10.0, 20.0, 10.0], 'iscrowd': 1},
    },
    {
        **{'id': 4, 'image_id': 4, 'category_id': 1, 'segmentation': [], 'area': 0.0},
        **{'bbox': [0.0, 0.0, 0.0, 0.0], 'iscrowd': 0},
    },
]
# bag b has only a tag: without this file, it would be a harmless bag
LABELS = [
    {'id': 1, 'image_id': 2, 'category_id': 1, 'attributes': {'where': 'lid'}},
    {'id': 2, 'image_id': 3, 'category_id': 2},
]


def export(root, tasks, subset='train', merged=False):
    """Write the files of an export."""
    images = [
        {'id': number, 'width': 60, 'height': 50, 'file_name': name, 'license': 0}
        for number, name in NAMES.items()
    ]
    for name in NAMES.values():
        path = root / 'images' / ('' if merged else subset) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (60, 50)).save(path)
    (root / 'annotations').mkdir(exist_ok=True)
    for task, annotations in tasks.items():
        content = {'info': {}, 'categories': CATEGORIES, 'images': images}
        text = json.dumps({**content, 'annotations': annotations}, ensure_ascii=False)
        (root / f'annotations/{task}_{subset}.json').write_text(text, encoding='utf-8')
    return str(root)


def load(root, **kwargs):
    return DatumaroXray(root, serialize_data=False, **kwargs)


def test_tags_become_labels_without_boxes(tmp_path, log):
    root = export(tmp_path, {'instances': INSTANCES, 'labels': LABELS, 'captions': []})
    dataset = load(root)
    assert dataset.metainfo['classes'] == ('Gun', 'Messer äö')
    found = {info['img_id']: info for info in dataset}
    assert list(found) == ['train/day1/a', 'train/day1/b', 'train/c', 'train/Größe 1']
    assert [info['gt_label'] for info in found.values()] == [[0, 1], [1], [0], [0, 1]]
    unboxed = [info.get('unboxed_labels') for info in found.values()]
    assert unboxed == [[0], [1], [0], None]  # c has a box without an area
    assert found['train/Größe 1']['instances'] == [
        {'bbox': [1, 2, 20, 30], 'bbox_label': 0},
        {'bbox': [10, 10, 30, 20], 'bbox_label': 1},
    ]
    assert 'image-level labels (only their label counts): 2' in log[0]
    unread = f'annotation files that are not read: 1 ({tmp_path}/annotations/captions_train.json)'
    assert unread in log[0]


def test_a_tag_names_the_items_that_have_boxes(tmp_path):
    tags = [
        {'id': 3 + i, 'image_id': image, 'category_id': category}
        for i, (image, category) in enumerate([(2, 2), (4, 1), (5, 1), (5, 2)])
    ]
    no_box = {'id': 5, 'image_id': 5, 'category_id': 2, 'bbox': None}
    root = export(tmp_path, {'instances': [*INSTANCES, no_box], 'labels': tags})
    unboxed = {info['img_id']: info.get('unboxed_labels') for info in load(root)}
    # c has a box without an area, and in bag 1 one of two objects of a class has no box
    assert unboxed == {
        'train/day1/a': None,
        'train/day1/b': None,
        'train/c': [0],
        'train/Größe 1': [1],
    }


def test_a_tagged_and_boxed_item_trains_the_map_of_its_class(tmp_path, scope):
    tag = {'id': 1, 'image_id': 2, 'category_id': 2}
    root = export(tmp_path, {'instances': INSTANCES[:1], 'labels': [tag]})
    steps = [
        dict(type='mmsxm.LoadXrayImage'),
        dict(type='LoadAnnotations', with_bbox=True),
        dict(type='mmsxm.ClassHeatmap', num_classes=2),
    ]
    empty, drawn = load(root, pipeline=steps)[0]['gt_heatmap']
    assert not empty.any()
    assert drawn.min() == 0
    assert drawn.max() > 0.5


def test_image_level_labels_are_not_a_problem(tmp_path):
    root = export(tmp_path, {'instances': INSTANCES[:2], 'labels': LABELS})
    assert len(load(root, strict=True)) == 4


@pytest.mark.parametrize('task', ['instances', 'labels'])
def test_one_of_the_files_is_enough(tmp_path, task):
    root = export(tmp_path, {task: {'instances': INSTANCES, 'labels': LABELS}[task]})
    assert len(load(root)) == 4


def test_the_images_of_all_subsets_may_share_a_folder(tmp_path):
    root = export(tmp_path, {'labels': LABELS}, merged=True)
    assert [info['img_id'] for info in load(root)] == ['day1/a', 'day1/b', 'c', 'Größe 1']


def test_a_rotated_rectangle_is_enclosed(tmp_path):
    rotated = {**INSTANCES[0], 'attributes': {'rotation': 30}}
    whole = {**rotated, 'id': 2, 'image_id': 5, 'segmentation': [[10, 20, 40, 20, 40, 25.5]]}
    root = export(tmp_path, {'instances': [INSTANCES[0], {**rotated, 'image_id': 4}, whole]})
    boxes = [info['instances'][0]['bbox'] for info in load(root) if info['instances']]
    assert boxes[0] == pytest.approx([22.25, 7.75, 27.75, 37.75])  # by 90 degrees
    width = 30 * math.cos(math.pi / 6) + 5.5 * math.sin(math.pi / 6)
    height = 30 * math.sin(math.pi / 6) + 5.5 * math.cos(math.pi / 6)
    expected = [25 - width / 2, 22.75 - height / 2, 25 + width / 2, 22.75 + height / 2]
    assert boxes[1] == pytest.approx(expected)
    assert boxes[2] == [10, 20, 40, 25.5]  # the box of a polygon encloses it


def test_a_missing_subset_is_an_error_that_names_the_others(tmp_path):
    root = export(tmp_path, {'instances': INSTANCES}, subset='default')
    with pytest.raises(
        FileNotFoundError, match=r'There are instances_default\.json\. .* mmsxm split'
    ):
        load(root)


def test_the_digest_covers_both_files(tmp_path):
    root = export(tmp_path, {'instances': INSTANCES, 'labels': LABELS})
    before = load(root).list_digest()
    export(tmp_path, {'labels': LABELS[:1]})
    assert load(root).list_digest() != before


def test_problems_name_the_file_that_they_come_from(tmp_path, log):
    root = export(tmp_path, {'instances': INSTANCES, 'labels': LABELS})
    path = tmp_path / 'annotations/labels_train.json'
    content = json.loads(path.read_text(encoding='utf-8'))
    content['images'] += [{'id': 6, 'file_name': 'd.jpg'}, {'id': 7, 'file_name': 'e.jpg'}]
    content['categories'].append({'id': 3, 'name': 'Wrench'})
    content['annotations'].append({'id': 3, 'image_id': 7, 'category_id': 3})
    path.write_text(json.dumps(content), encoding='utf-8')
    Image.new('RGB', (60, 50)).save(tmp_path / 'images/train/e.jpg')
    load(root, metainfo={'classes': ('Gun', 'Messer äö')})
    assert f'missing images: 1 (train/d.jpg at {path}, images[4])' in log[0]
    assert f'no label is known: 1 ({path}, annotations[2], train/e)' in log[0]


def test_an_image_that_differs_only_in_its_suffix_keeps_its_tags_to_itself(tmp_path, log):
    root = export(tmp_path, {'instances': INSTANCES[:2], 'labels': LABELS})
    path = tmp_path / 'annotations/labels_train.json'
    content = json.loads(path.read_text(encoding='utf-8'))
    content['images'][2]['file_name'] = 'c.png'
    content['annotations'].append({'id': 3, 'image_id': 4, 'category_id': 1})
    path.write_text(json.dumps(content), encoding='utf-8')
    found = {info['img_id']: info['gt_label'] for info in load(root)}
    assert found['train/c'] == []  # c.jpg is a harmless bag, and c.png has a gun
    assert f'differs only in its suffix: 1 (train/c.png at {path}, images[2])' in log[0]


def test_a_fixed_list_keeps_images_at_the_same_place_of_another_file(tmp_path):
    root = export(tmp_path, {'instances': INSTANCES, 'labels': LABELS})
    for task, names in (('instances', [2, 5]), ('labels', [3])):
        path = tmp_path / f'annotations/{task}_train.json'
        content = json.loads(path.read_text(encoding='utf-8'))
        content['images'] = [item for item in content['images'] if item['id'] in names]
        path.write_text(json.dumps(content), encoding='utf-8')
    dataset = load(root)
    assert [row.line for row in dataset.read_list()] == [1, 2, 3]
    fixed = json.loads(dataset.list_without({1}))
    assert [item['file_name'] for item in fixed['images']] == [
        'train/Größe 1.jpg',
        'train/day1/b.jpg',
    ]


def test_a_fixed_list_is_one_coco_file_with_all_annotations(tmp_path):
    root = export(tmp_path, {'instances': INSTANCES, 'labels': LABELS})
    dataset = load(root)
    assert dataset.list_name == 'train.json'
    (tmp_path / 'annotations/fixed.json').write_text(dataset.list_without({1}), encoding='utf-8')
    fixed = CocoXray(
        ann_file='annotations/fixed.json',
        data_root=root,
        data_prefix={'img_path': 'images'},
        serialize_data=False,
    )
    keys = ('img_id', 'gt_label', 'instances', 'unboxed_labels')
    content = [[info.get(key) for key in keys] for info in dataset]
    assert [[info.get(key) for key in keys] for info in fixed] == content[1:]
