import pytest
from PIL import Image

from mmsxm.datasets import CsvXray, SIXray
from mmsxm.datasets.csv_xray import read_object_csv

HEADER = 'image,label,x1,y1,x2,y2'
CLASSES = {'classes': ('Gun', 'Knife')}


def write(root, rows, header=HEADER, files=None):
    for name in {row.split(',')[0] for row in rows} if files is None else files:
        path = root / 'images' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (60, 50)).save(path)
    (root / 'list.csv').write_text('\n'.join((header, *rows)))
    return root


def load(root, metainfo=CLASSES, **kwargs):
    return CsvXray(
        ann_file='list.csv',
        data_root=str(root),
        data_prefix={'img_path': 'images'},
        metainfo=metainfo,
        serialize_data=False,  # serializing takes a third of a second
        **kwargs,
    )


def test_each_row_is_an_object(tmp_path):
    rows = ['a.jpg,Knife,1,2.5,30,40', 'b.jpg,,,,,', 'a.jpg,Gun,0,0,60,50']
    dataset = load(write(tmp_path, rows), strict=True)
    assert [info['img_id'] for info in dataset] == ['a', 'b']
    assert [info['gt_label'] for info in dataset] == [[0, 1], []]
    assert dataset[0]['instances'] == [
        {'bbox': [1, 2.5, 30, 40], 'bbox_label': 1},
        {'bbox': [0, 0, 60, 50], 'bbox_label': 0},
    ]


def test_labels_may_have_no_boxes(tmp_path):
    rows = ['a.jpg,Knife,,,,', 'a.jpg,Gun,0,0,60,50', 'b.jpg,Gun,,,,']
    dataset = load(write(tmp_path, rows), strict=True)
    assert [info['gt_label'] for info in dataset] == [[0, 1], [0]]
    assert [len(info['instances']) for info in dataset] == [1, 0]
    assert [info.get('unboxed_labels') for info in dataset] == [[1], [0]]


def test_columns_of_boxes_are_optional_and_others_are_ignored(tmp_path):
    rows = ['a.jpg,monday,Gun', 'b.jpg,tuesday,']
    dataset = load(write(tmp_path, rows, header='image, day,label'), strict=True)
    assert [info['gt_label'] for info in dataset] == [[0], []]


def test_bags_are_the_same_as_in_the_layout_of_sixray(own_data):
    for split in ('train', 'test'):
        theirs = SIXray(str(own_data['sixray']), split=split, serialize_data=False)
        ours = CsvXray(
            ann_file=f'{split}.csv',
            data_root=str(own_data['csv']),
            data_prefix={'img_path': 'images'},
            metainfo=theirs.metainfo,
            strict=True,
            serialize_data=False,
        )
        assert len(ours) == len(theirs) > 0
        for a, b in zip(ours, theirs, strict=True):
            keys = ('img_id', 'gt_label', 'instances')
            assert [a[key] for key in keys] == [b[key] for key in keys]


@pytest.mark.parametrize(
    ('row', 'kind'),
    [
        ('a.jpg,Bow,1,1,9,9', "objects of unknown class 'Bow': 1"),
        ('a.jpg,Bow,,,,', "objects of unknown class 'Bow': 1"),
        ('a.jpg,,1,1,9,9', "objects of unknown class '': 1"),
        ('a.jpg,Gun,1,1,9,', 'skipped boxes: no area inside the image: 1'),
        ('a.jpg,Gun,1,1,9,wide', 'skipped boxes: no area inside the image: 1'),
        ('a.jpg,Gun,9,1,1,9', 'skipped boxes: no area inside the image: 1'),
        ('a.jpg,Gun,1,1,99,9', 'boxes clipped to the image: 1'),
        ('a.jpg,,,,,', 'images with both a label and an empty row (the label is kept): 1'),
        ('a.png,Gun,1,1,9,9', 'skipped images: another image differs only in its suffix: 1'),
    ],
)
def test_problems_are_counted_or_an_error(tmp_path, log, row, kind):
    root = write(tmp_path, ['a.jpg,Knife,1,1,9,9', row])
    dataset = load(root)
    assert [info['img_id'] for info in dataset] == ['a']
    assert 1 in dataset[0]['gt_label']
    assert kind in log[0]
    assert f'{root}/list.csv:3' in log[0]
    with pytest.raises(ValueError, match='strict=True'):
        load(root, strict=True)


def test_an_image_with_only_unknown_objects_is_not_a_negative(tmp_path, log):
    root = write(tmp_path, ['a.jpg,Gun,,,,', 'b.jpg,Bow,,,,'])
    assert len(load(root)) == 1
    assert f'skipped images: no label is known: 1 ({root}/list.csv:3, b)' in log[0]


def test_images_may_be_in_subfolders(tmp_path):
    rows = ['monday/1.jpg,Gun,,,,', 'tuesday/1.jpg,,,,,']
    assert [info['img_id'] for info in load(write(tmp_path, rows))] == ['monday/1', 'tuesday/1']


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', ":1: the header '' has no column image, label. Write"),
        ('image;label;x1;y1;x2;y2\n', ":1: the header 'image;label;x1;y1;x2;y2' has no column"),
        ('image,label,x1,y1\n', ":1: the header 'image,label,x1,y1' has no column x2, y2. Write"),
        (f'{HEADER}\na.jpg,Gun\n', ':2: 2 values, but the header has 6 columns'),
        (f'{HEADER}\na.jpg,Gun,,,,\n../b.jpg,Gun,,,,\n', ":3: '../b.jpg' is not a path inside"),
        (f'{HEADER}\n,Gun,,,,\n', ":2: '' is not a path inside the image folder"),
    ],
)
def test_an_error_in_a_csv_names_file_and_line(tmp_path, text, message):
    path = tmp_path / 'list.csv'
    path.write_text(text)
    with pytest.raises(ValueError, match=r'list\.csv') as raised:
        read_object_csv(str(path))
    assert f'{path}{message}' in str(raised.value)


@pytest.mark.parametrize('data', [b'\xff\xfe', HEADER.encode() + b'\n"' + b'x' * 200_000])
def test_a_file_that_is_not_a_csv_is_an_error(tmp_path, data):
    path = tmp_path / 'list.csv'
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r'list\.csv is not a CSV file in UTF-8'):
        read_object_csv(str(path))


def test_a_csv_from_a_spreadsheet_is_read(tmp_path):
    path = tmp_path / 'list.csv'
    path.write_bytes(f'\ufeff{HEADER}\r\n\r\na.jpg, Gun,1,1,9,9\r\n'.encode())
    content = read_object_csv(str(path))
    assert [row[:2] for row in content.images] == [('a.jpg', 3)]
    assert content.objects['a'][0].class_name == 'Gun'
