import pytest
from PIL import Image

from mmsxm.datasets import SIXray, VocXray

GUN = (
    '<object><name>Gun</name><bndbox><xmin>1</xmin><ymin>2.5</ymin><xmax>30</xmax><ymax>40</ymax>'
    '</bndbox></object>'
)
CLASSES = {'classes': ('Gun', 'Knife')}


def write(root, annotations, names=None, split='train'):
    """Create a dataset; ``annotations`` are the contents of the XML files, None for no file."""
    for name, objects in annotations.items():
        image, xml = root / f'JPEGImages/{name}.jpg', root / f'Annotations/{name}.xml'
        for path in (image, xml):
            path.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (60, 50)).save(image)
        if objects is not None:
            xml.write_text(f'<annotation>{objects}</annotation>')
    path = root / f'ImageSets/Main/{split}.txt'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(annotations if names is None else names))
    return str(root)


def load(root, metainfo=CLASSES, **kwargs):
    # serializing takes a third of a second
    return VocXray(root, metainfo=metainfo, serialize_data=False, **kwargs)


def test_labels_and_boxes_follow_from_the_xml(tmp_path):
    root = write(tmp_path, {'a': GUN, 'b': ''})
    dataset = load(root, strict=True)
    assert dataset[0]['gt_label'] == [0]
    # corners are not changed: they are 0-based
    assert dataset[0]['instances'] == [{'bbox': [1, 2.5, 30, 40], 'bbox_label': 0}]
    assert dataset[1]['gt_label'] == []  # annotated without objects


def test_an_image_without_an_xml_is_not_a_negative(tmp_path, log):
    root = write(tmp_path, {'a': GUN, 'b': None, 'c': '<broken'})
    assert [info['img_id'] for info in load(root)] == ['a']
    annotations = tmp_path / 'Annotations'
    places = f'{annotations}/b.xml, {annotations}/c.xml'
    assert f'skipped images: no label is known: 2 ({places})' in log[0]
    assert f'without an annotation file: 1 ({annotations}/b.xml)' in log[0]
    assert 'unreadable annotations: 1' in log[0]


def test_bags_are_the_same_as_in_the_layout_of_sixray(own_data):
    for split in ('train', 'test'):
        theirs = SIXray(str(own_data['sixray']), split=split, serialize_data=False)
        ours = load(str(own_data['voc']), theirs.metainfo, split=split, strict=True)
        assert len(ours) == len(theirs) > 0
        for a, b in zip(ours, theirs, strict=True):
            keys = ('img_id', 'gt_label', 'instances')
            assert [a[key] for key in keys] == [b[key] for key in keys]


def test_the_split_selects_the_list(tmp_path):
    root = write(tmp_path, {'a': GUN, 'b': GUN}, ['b.jpg'], split='trainval')
    dataset = load(root, split='trainval')
    assert [info['img_id'] for info in dataset] == ['b']
    with pytest.raises(FileNotFoundError, match=r'ImageSets/Main/train\.txt'):
        load(root)


def test_images_may_be_in_subfolders(tmp_path):
    root = write(tmp_path, {'monday/1': GUN, 'tuesday/1': ''})
    dataset = load(root)
    assert [(info['img_id'], info['gt_label']) for info in dataset] == [
        ('monday/1', [0]),
        ('tuesday/1', []),
    ]


def test_an_image_that_is_listed_twice_is_used_once(tmp_path, log):
    root = write(tmp_path, {'a': GUN, 'b': ''}, ['a', 'b', 'a.jpg'])
    assert len(load(root)) == 2
    assert 'images listed more than once (one entry is used): 1 (a)' in log[0]


@pytest.mark.parametrize('name', ['../a', '/a.jpg', 'x\\a'])
def test_a_path_that_leaves_the_folder_is_refused(tmp_path, name):
    root = write(tmp_path, {'a': GUN}, ['a', name])
    with pytest.raises(ValueError, match=r'train\.txt:2: .* not a path inside the image folder'):
        load(root)


@pytest.mark.parametrize('metainfo', [None, {'classes': ()}, {'classes': 'Gun'}])
def test_classes_are_required(tmp_path, metainfo):
    root = write(tmp_path, {'a': GUN})
    with pytest.raises(ValueError, match='VocXray needs the names of its classes'):
        load(root, metainfo=metainfo)


def test_a_dataset_without_objects_of_its_classes_is_an_error(tmp_path):
    root = write(tmp_path, {'a': GUN})
    with pytest.raises(ValueError, match=r"No usable images are left(.|\n)*unknown class 'Gun': 1"):
        load(root, metainfo={'classes': ('Bat',)})
