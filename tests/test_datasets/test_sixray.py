import os
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mmsxm.datasets import SIXray
from mmsxm.datasets.sixray import read_label_csv
from mmsxm.datasets.voc import read_voc_objects

CLASSES = ('Gun', 'Knife', 'Pliers', 'Scissors', 'Wrench')
HEADER = 'name,Gun,Knife,Wrench,Pliers,Scissors'


def voc(*objects):
    body = ''.join(
        f'<object><name>{name}</name><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>'
        f'<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>'
        for name, x1, y1, x2, y2 in objects
    )
    return f'<annotation>{body}</annotation>'


def make_root(root, rows, annotations, image_set='10', split='train', header=HEADER):
    for folder in ('JPEGImage', 'Annotation', f'ImageSet/{image_set}'):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / 'ImageSet' / image_set / f'{split}.csv').write_text('\n'.join((header, *rows)))
    for row in rows:
        name = row.split(',')[0].removesuffix('.jpg')
        Image.new('RGB', (60, 50)).save(root / 'JPEGImage' / f'{name}.jpg')
    for name, text in annotations.items():
        (root / 'Annotation' / f'{name}.xml').write_text(text)
    return str(root)


def test_columns_are_read_by_name_in_the_order_of_the_paper(tmp_path):
    rows = ['P00001,1,-1,-1,-1,1', 'P00002.jpg,0,0,1,0,0', 'N00001,-1,-1,-1,-1,-1']
    dataset = SIXray(make_root(tmp_path, rows, {}))
    assert dataset.metainfo['classes'] == CLASSES
    assert [dataset[i]['gt_label'] for i in range(3)] == [[0, 3], [4], []]
    assert dataset[1]['img_id'] == 'P00002'


def test_boxes_are_not_changed(tmp_path):
    text = voc(('Gun', 0, 3.25, 60, 50), ('KNIFE', 1, 2, 30, 40))
    dataset = SIXray(make_root(tmp_path, ['P1,1,1,-1,-1,-1'], {'P1': text}), strict=True)
    assert dataset[0]['instances'] == [
        {'bbox': [0, 3.25, 60, 50], 'bbox_label': 0},
        {'bbox': [1, 2, 30, 40], 'bbox_label': 1},
    ]


def test_hammers_are_skipped(tmp_path):
    text = voc(('Hammer', 1, 1, 9, 9), ('Gun', 2, 2, 9, 9))
    root = make_root(tmp_path, ['P1,1,-1,-1,-1,-1'], {'P1': text})
    assert [item['bbox_label'] for item in SIXray(root)[0]['instances']] == [0]
    with pytest.raises(ValueError, match=r"unknown class 'Hammer': 1 .*P1\.xml, object 1"):
        SIXray(root, strict=True)


def test_labels_of_the_csv_override_the_objects(tmp_path):
    text = voc(('Knife', 1, 1, 9, 9))
    dataset = SIXray(make_root(tmp_path, ['P1,1,-1,-1,-1,-1'], {'P1': text}))
    assert dataset[0]['gt_label'] == [0]
    assert dataset[0]['instances'][0]['bbox_label'] == 1


@pytest.mark.parametrize(
    'text', ['', 'no xml', '<annotation>', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>']
)
def test_an_unreadable_xml_only_loses_the_boxes(tmp_path, text):
    root = make_root(tmp_path, ['P1,1,-1,-1,-1,-1'], {'P1': text})
    dataset = SIXray(root)
    assert dataset[0]['gt_label'] == [0]
    assert dataset[0]['instances'] == []
    with pytest.raises(ValueError, match=r'unreadable annotations: 1 .*P1\.xml'):
        SIXray(root, strict=True)


def test_empty_fields_only_lose_the_object(tmp_path):
    text = voc(('Gun', '', 1, 9, 9), ('', 1, 1, 9, 9), ('Gun', 'x', 1, 9, 9), ('Gun', 1, 1, 9, 9))
    text = text.replace('</annotation>', '<object/></annotation>')
    dataset = SIXray(make_root(tmp_path, ['P1,1,-1,-1,-1,-1'], {'P1': text}))
    assert [item['bbox'] for item in dataset[0]['instances']] == [[1, 1, 9, 9]]


def test_image_set_and_split_select_the_list(tmp_path):
    root = make_root(tmp_path, ['P1,1,-1,-1,-1,-1'], {}, image_set='mine', split='test')
    assert len(SIXray(root, split='test', image_set='mine', test_mode=True)) == 1
    with pytest.raises(FileNotFoundError, match=r'ImageSet/10/train\.csv'):
        SIXray(root)
    with pytest.raises(ValueError, match="'val'"):
        SIXray(root, split='val')


def test_metainfo_can_select_classes(tmp_path):
    rows = ['P1,1,-1,-1,-1,1', 'P2,-1,1,-1,-1,-1']
    dataset = SIXray(make_root(tmp_path, rows, {}), classes=('Scissors', 'Gun'))
    assert [dataset[i]['gt_label'] for i in range(2)] == [[0, 1], []]


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', ":1: the header '' has no column name, Gun"),
        (
            'name,Gun,Knife,Wrench,Pliers\n',
            ":1: the header 'name,Gun,Knife,Wrench,Pliers' has no column Scissors. Write",
        ),
        (f'{HEADER}\nP1,1,-1\n', ':2: 3 values, but the header has 6'),
        (f'{HEADER}\nP1,1,-1,-1,-1,-1\nP2,1,2,-1,-1,-1\n', ":3: '2' is not a label"),
        (f'{HEADER}\nP1,1,,-1,-1,-1\n', ":2: '' is not a label"),
    ],
)
def test_an_error_in_a_csv_names_file_and_line(tmp_path, text, message):
    path = tmp_path / 'train.csv'
    path.write_text(text)
    with pytest.raises(ValueError, match=r'train\.csv') as raised:
        list(read_label_csv(str(path), CLASSES))
    assert f'{path}{message}' in str(raised.value)


def test_a_csv_from_a_spreadsheet_is_read(tmp_path):
    path = tmp_path / 'train.csv'
    path.write_bytes(f'\ufeff{HEADER}\r\n\r\nP1, 1,-1,-1,-1,-1\r\n'.encode())
    (row,) = read_label_csv(str(path), CLASSES)
    assert (row.name, row.line, row.gt_label) == ('P1', 3, [0])


def read_bytes(read, data):
    """Read ``data`` as a file; an error must be ValueError and name the file."""
    file, path = tempfile.mkstemp()
    with os.fdopen(file, 'wb') as stream:
        stream.write(data)
    try:
        return read(path)
    except ValueError as error:
        assert path in str(error)  # noqa: PT017, any other error fails the test by itself
        return None
    finally:
        os.unlink(path)


csv_like = st.text('name,GunKifeWrchPlsSo"\r\n\0 10-2\'', max_size=60)
rows_like = csv_like.map(lambda text: f'{HEADER}\n{text}')
tags = ('annotation', 'object', 'name', 'bndbox', 'xmin')
xml_like = st.lists(
    st.sampled_from(
        [
            *(form.format(tag) for tag in tags for form in ('<{}>', '</{}>', '<{}/>')),
            *('1', 'nan', 'Gun', '&', '&lt;', '\0'),
            '<?xml version="1.0" encoding="utf-7"?>',
            '<!DOCTYPE a SYSTEM "file:///b">',
        ]
    ),
    max_size=12,
).map(''.join)


@given(st.one_of(st.binary(max_size=60), st.one_of(csv_like, rows_like).map(str.encode)))
def test_any_csv_is_read_or_rejected_with_an_error_that_names_the_file(data):
    rows = read_bytes(lambda path: list(read_label_csv(path, CLASSES)), data)
    assert rows is None or all(set(row.gt_label) <= set(range(5)) for row in rows)


@given(st.one_of(st.binary(max_size=60), xml_like.map(str.encode)))
def test_any_xml_is_read_or_rejected_with_an_error_that_names_the_file(data):
    objects = read_bytes(read_voc_objects, data)
    assert objects is None or all(len(item.bbox) == 4 for item in objects)


def test_real_bags_are_read(real_data):
    root = str(real_data / 'sixray_mini')
    for split, rows, negatives in (('train', 1448, 281), ('test', 345, 32)):
        dataset = SIXray(root, split=split, image_set='mini', strict=True)
        assert len(dataset) == rows
        positives = SIXray(root, split=split, image_set='mini', positives_only=True)
        assert len(positives) == rows - negatives
        boxes = SIXray(root, split=split, image_set='mini', require_boxes=True)
        assert len(boxes) == rows - negatives
