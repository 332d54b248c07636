import json
import pickle

import pytest
from PIL import Image

from mmsxm.datasets import CocoXray, SIXray
from mmsxm.datasets.coco_xray import read_coco

CATEGORIES = [{'id': 3, 'name': 'Knife'}, {'id': 1, 'name': 'Gun'}]


def image(number, name):
    return {'id': number, 'file_name': name}


def item(number, image_id, category_id, bbox, **more):
    return {'id': number, 'image_id': image_id, 'category_id': category_id, 'bbox': bbox, **more}


def write(root, images, annotations, categories=CATEGORIES, files=None):
    """Create a dataset; ``files`` are the images on disk, by default all listed ones."""
    for name in [entry['file_name'] for entry in images] if files is None else files:
        path = root / 'images' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (60, 50)).save(path)
    content = {'images': images, 'annotations': annotations, 'categories': categories}
    (root / 'list.json').write_text(json.dumps(content))
    return root


def load(root, **kwargs):
    return CocoXray(
        ann_file='list.json',
        data_root=str(root),
        data_prefix={'img_path': 'images'},
        serialize_data=False,  # serializing takes a third of a second
        **kwargs,
    )


def test_labels_and_boxes_follow_from_the_objects(tmp_path):
    images = [image(7, 'a.jpg'), image(5, 'b.jpg')]
    annotations = [item(1, 7, 3, [10, 20, 30, 5.5]), item(2, 7, 1, [0, 0, 60, 50])]
    dataset = load(write(tmp_path, images, annotations), strict=True)
    assert dataset.metainfo['classes'] == ('Gun', 'Knife')  # by id
    assert dataset[0]['img_id'] == 'a'
    assert dataset[0]['gt_label'] == [0, 1]
    assert dataset[0]['instances'] == [
        {'bbox': [10, 20, 40, 25.5], 'bbox_label': 1},
        {'bbox': [0, 0, 60, 50], 'bbox_label': 0},
    ]
    assert dataset[1]['gt_label'] == dataset[1]['instances'] == []  # negative


def test_bags_are_the_same_as_in_the_layout_of_sixray(own_data):
    for split in ('train', 'test'):
        theirs = SIXray(str(own_data['sixray']), split=split, serialize_data=False)
        ours = CocoXray(
            ann_file=f'annotations/{split}.json',
            data_root=str(own_data['coco']),
            data_prefix={'img_path': 'images'},
            strict=True,
            serialize_data=False,
        )
        assert ours.metainfo['classes'] == theirs.metainfo['classes']
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            assert (a['img_id'], a['gt_label']) == (b['img_id'], b['gt_label'])
            assert len(a['instances']) == len(b['instances'])
            for x, y in zip(a['instances'], b['instances'], strict=True):
                assert x['bbox_label'] == y['bbox_label']
                # width and height were rounded once
                assert x['bbox'] == pytest.approx(y['bbox'], abs=1e-9)


def test_pycocotools_reads_the_same_objects(own_data):
    coco = pytest.importorskip('pycocotools.coco')
    path = own_data['coco'] / 'annotations/train.json'
    theirs, ours = coco.COCO(str(path)), read_coco(str(path))
    assert ours.classes == tuple(c['name'] for c in theirs.loadCats(sorted(theirs.getCatIds())))
    for row, entry in zip(ours.images, theirs.loadImgs(theirs.getImgIds()), strict=True):
        assert row.name == entry['file_name']
        annotations = theirs.loadAnns(theirs.getAnnIds(imgIds=entry['id']))
        objects = ours.objects.get(row.name.removesuffix('.jpg'), [])
        assert [o.class_name for o in objects] == [
            theirs.loadCats(a['category_id'])[0]['name'] for a in annotations
        ]
        for o, a in zip(objects, annotations, strict=True):
            x, y, width, height = a['bbox']
            assert o.bbox == pytest.approx((x, y, x + width, y + height))
    assert len(ours.objects) > 0


def test_images_in_several_folders_may_share_a_name(tmp_path):
    images = [image(1, 'easy/0001.jpg'), image(2, 'hard/0001.jpg'), image(3, './hard//2.jpg')]
    annotations = [item(1, 1, 1, [0, 0, 9, 9]), item(2, 2, 3, [0, 0, 9, 9])]
    dataset = load(write(tmp_path, images, annotations))
    assert [info['img_id'] for info in dataset] == ['easy/0001', 'hard/0001', 'hard/2']
    assert [info['gt_label'] for info in dataset] == [[0], [1], []]
    assert dataset[1]['img_path'] == str(tmp_path / 'images/hard/0001.jpg')


@pytest.mark.parametrize(
    'name',
    ['../a.jpg', 'x/../../a.jpg', '/a.jpg', 'easy\\a.jpg', 'C:/a.jpg', '\\\\nas\\a.jpg', 'a\0.jpg'],
)
def test_a_path_that_leaves_the_folder_is_refused(tmp_path, name):
    root = write(tmp_path, [image(1, 'a.jpg'), image(2, name)], [], files=['a.jpg'])
    with pytest.raises(
        ValueError, match=r'list\.json, images\[1\]: .* not a path inside the image folder\. Write'
    ):
        load(root)


def test_links_out_of_the_folder_are_not_followed(tmp_path, log):
    root = write(tmp_path / 'set', [image(1, 'a.jpg')], [])
    Image.new('RGB', (60, 50)).save(tmp_path / 'secret.jpg')
    (root / 'images/inside.jpg').symlink_to(root / 'images/a.jpg')
    (root / 'images/outside.jpg').symlink_to(tmp_path / 'secret.jpg')
    (root / 'images/folder').symlink_to(tmp_path)
    (root / 'images/dead.jpg').symlink_to(tmp_path / 'nothing.jpg')
    names = ['a.jpg', 'inside.jpg', 'outside.jpg', 'folder/secret.jpg', 'dead.jpg']
    write(root, [image(i, name) for i, name in enumerate(names)], [], files=[])
    assert [info['img_id'] for info in load(root)] == ['a', 'inside']
    assert 'missing images: 3' in log[-1]
    assert 'skipped links: broken, to a folder, or out of the image folder: 3' in log[-1]


def test_the_folder_itself_may_be_a_link(tmp_path):
    root = write(tmp_path / 'set', [image(1, 'a.jpg')], [])
    (root / 'images').rename(tmp_path / 'elsewhere')
    (root / 'images').symlink_to(tmp_path / 'elsewhere')
    assert len(load(root)) == 1


def test_metainfo_can_select_classes(tmp_path, log):
    images = [image(1, 'a.jpg'), image(2, 'b.jpg'), image(3, 'c.jpg')]
    annotations = [item(1, 1, 3, [0, 0, 9, 9]), item(2, 1, 1, [0, 0, 9, 9])]
    annotations += [item(3, 2, 1, [0, 0, 9, 9])]
    root = write(tmp_path, images, annotations)
    dataset = load(root, metainfo={'classes': ('knife',)})
    assert [info['img_id'] for info in dataset] == ['a', 'c']
    assert [info['gt_label'] for info in dataset] == [[0], []]
    place = f'{root}/list.json, annotations'
    assert f"objects of unknown class 'Gun': 2 ({place}[1], {place}[2])" in log[0]
    assert f'skipped images: no label is known: 1 ({root}/list.json, annotations[2], b)' in log[0]


def test_a_class_that_is_missing_in_the_file_is_an_error(tmp_path):
    root = write(tmp_path, [image(1, 'a.jpg')], [])
    with pytest.raises(
        ValueError, match=r'no category Bat, Bow\. Its categories are Gun, Knife\. Spell'
    ):
        load(root, metainfo={'classes': ('Gun', 'Bat', 'Bow')})


def test_classes_are_known_before_images_are_read(tmp_path):
    root = write(tmp_path, [image(1, 'a.jpg')], [], files=[])
    assert load(root, lazy_init=True).metainfo['classes'] == ('Gun', 'Knife')


def test_names_that_differ_only_in_case_are_one_class(tmp_path):
    categories = [*CATEGORIES, {'id': 8, 'name': 'GUN'}]
    annotations = [item(1, 1, 8, [0, 0, 9, 9])]
    dataset = load(write(tmp_path, [image(1, 'a.jpg')], annotations, categories))
    assert dataset.metainfo['classes'] == ('Gun', 'Knife')
    assert dataset[0]['gt_label'] == [0]


@pytest.mark.parametrize(
    ('annotation', 'kind', 'instances'),
    [
        (item(1, 1, 9, [0, 0, 9, 9]), "unknown class 'category_id 9': 1", 0),
        (item(1, 1, [], [0, 0, 9, 9]), "unknown class 'category_id None': 1", 0),
        (item(1, 77, 1, [0, 0, 9, 9]), 'skipped annotations: their image is not listed: 1', 0),
        (item(1, '1', 1, [0, 0, 9, 9]), 'skipped annotations: their image is not listed: 1', 0),
        (item(1, [], 1, [0, 0, 9, 9]), 'skipped annotations: their image is not listed: 1', 0),
        (7, 'skipped annotations: their image is not listed: 1', 0),
        (item(2, 1, 1, [0, 0, 9, 9]), 'annotations with a repeated id (all are kept): 1', 1),
        (item(1, 1, 1, None), 'annotations without a box (only their label counts): 1', 0),
        (item(1, 1, 1, [0, 0, 9]), 'skipped boxes: no area inside the image: 1', 0),
        (item(1, 1, 1, [0, 0, 9, '9']), 'skipped boxes: no area inside the image: 1', 0),
        (item(1, 1, 1, [0, 0, 9, float('nan')]), 'skipped boxes: no area inside the image: 1', 0),
        (item(1, 1, 1, [0, 0, 9, 10**400]), 'skipped boxes: no area inside the image: 1', 0),
        (item(1, 1, 1, [0, 0, 0, 9]), 'skipped boxes: no area inside the image: 1', 0),
        (item(1, 1, 1, 'wide'), 'skipped boxes: no area inside the image: 1', 0),
        (item(1, 1, 1, [0, 0, 99, 9]), 'boxes clipped to the image: 1', 1),
        (
            item(1, 1, 1, [0, 0, 9, 9], iscrowd=1),
            'group annotations (iscrowd), read as one object: 1',
            1,
        ),
        (item(1, 1, 1, None, segmentation=[[0, 0, 'x', 9]]), 'skipped boxes: no area', 0),
        (item(1, 1, 1, None, segmentation={'counts': 'abc'}), 'without a box (only their label', 0),
    ],
)
def test_problems_are_counted_or_an_error(tmp_path, log, annotation, kind, instances):
    good = item(2, 1, 3, [1, 1, 5, 5])
    root = write(tmp_path, [image(1, 'a.jpg')], [good, annotation])
    dataset = load(root)
    assert kind in log[0]
    assert f'{root}/list.json, annotations[1]' in log[0]
    assert len(dataset[0]['instances']) == 1 + instances
    with pytest.raises(ValueError, match='strict=True'):
        load(root, strict=True)


def test_the_label_of_an_annotation_without_a_box_counts(tmp_path):
    annotations = [{'id': 1, 'image_id': 1, 'category_id': 3}]
    dataset = load(write(tmp_path, [image(1, 'a.jpg')], annotations))
    assert (dataset[0]['gt_label'], dataset[0]['instances']) == ([1], [])


def test_the_box_of_polygons_is_their_extent(tmp_path):
    polygons = [[5, 6, 20, 6, 20, 30], [1, 8, 2, 9.5, 3, 8]]
    annotations = [{'id': 1, 'image_id': 1, 'category_id': 1, 'segmentation': polygons}]
    dataset = load(write(tmp_path, [image(1, 'a.jpg')], annotations), strict=True)
    assert dataset[0]['instances'] == [{'bbox': [1, 6, 20, 30], 'bbox_label': 0}]


def test_objects_of_an_image_that_is_listed_twice_are_merged(tmp_path, log):
    images = [image(1, 'a.jpg'), image(2, 'a.jpg')]  # some tools write an entry for each box
    annotations = [item(1, 1, 1, [0, 0, 9, 9]), item(2, 2, 3, [0, 0, 9, 9])]
    root = write(tmp_path, images, annotations)
    (info,) = load(root)
    assert info['gt_label'] == [0, 1]
    assert f'images listed more than once (their objects are merged): 1 (a.jpg at {root}' in log[0]


def test_images_with_the_same_id_are_skipped(tmp_path, log):
    images = [image(1, 'a.jpg'), image(1, 'b.jpg'), image(2, 'c.jpg')]  # two exports in one file
    annotations = [item(1, 1, 1, [0, 0, 9, 9]), item(2, 2, 3, [0, 0, 9, 9])]
    dataset = load(write(tmp_path, images, annotations))
    assert [info['img_id'] for info in dataset] == ['c']
    assert 'skipped images: another image has the same id: 2' in log[0]
    assert 'skipped annotations: their image is not listed: 1' in log[0]


def test_images_that_differ_only_in_the_suffix_are_counted(tmp_path, log):
    images = [image(1, 'a.png'), image(2, 'a.jpg')]
    annotations = [item(1, 1, 1, [0, 0, 9, 9]), item(2, 2, 3, [0, 0, 9, 9])]
    dataset = load(write(tmp_path, images, annotations))
    assert [info['img_path'] for info in dataset] == [str(tmp_path / 'images/a.png')]
    assert dataset[0]['gt_label'] == [0]
    assert 'skipped images: another image differs only in its suffix: 1 (a.jpg at' in log[0]


@pytest.mark.parametrize('entry', [7, {'id': 2}, {'file_name': 'b.jpg'}, {'id': 2, 'file_name': 3}])
def test_an_entry_without_id_or_file_name_is_skipped(tmp_path, log, entry):
    images = [image(1, 'a.jpg'), entry]
    assert len(load(write(tmp_path, images, [], files=['a.jpg']))) == 1
    assert 'skipped images: id or file_name is missing: 1' in log[0]


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', 'is not valid JSON in UTF-8'),
        ('{"images": [', 'is not valid JSON in UTF-8'),
        ('[' * 100_000, 'is not valid JSON in UTF-8'),
        ('\xff', 'is not valid JSON in UTF-8'),
        ('[]', 'not a COCO annotation file: it has no list images, annotations, categories. '),
        ('{"images": [], "categories": {}}', 'no list annotations, categories'),
    ],
)
def test_a_file_in_another_format_is_an_error(tmp_path, text, message):
    path = tmp_path / 'list.json'
    path.write_bytes(text.encode('latin-1'))
    with pytest.raises(ValueError, match=r'list\.json is no') as raised:
        read_coco(str(path))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ('category', 'message'),
    [
        ({'id': 2}, 'the id or the name is missing'),
        ({'id': 2, 'name': ' '}, 'the id or the name is missing'),
        ({'name': 'Bat'}, 'the id or the name is missing'),
        ('Bat', 'the id or the name is missing'),
        ({'id': 1, 'name': 'Bat'}, "'Bat' has the id of 'Gun'"),
    ],
)
def test_a_category_without_a_class_is_an_error(tmp_path, category, message):
    root = write(tmp_path, [image(1, 'a.jpg')], [], [*CATEGORIES, category])
    with pytest.raises(ValueError, match=r'categories\[2\]: .*') as raised:
        load(root)
    assert message in str(raised.value)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r'list .*list\.json. does not exist\. Set data_root'
    ):
        load(tmp_path)
    root = write(tmp_path, [image(1, 'a.jpg')], [], files=[])
    with pytest.raises(FileNotFoundError, match=r'image folder .* does not exist\. Set data_root'):
        load(root)


def test_the_file_is_not_copied_to_workers(tmp_path):
    root = write(tmp_path, [image(1, 'a.jpg')], [item(1, 1, 1, [0, 0, 9, 9])])
    dataset = load(root)
    assert 'annotations[0]' not in str(pickle.dumps(dataset))
    # later access reads it again
    assert [o.class_name for o in dataset.read_objects('a')] == ['Gun']
    assert 'annotations[0]' in str(pickle.dumps(dataset))
