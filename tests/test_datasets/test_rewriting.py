import math

import pytest

from mmsxm.datasets.opixray import read_box_lines
from mmsxm.datasets.rewriting import lines_with_boxes, voc_with_boxes
from mmsxm.datasets.voc import read_voc_objects

BOXES = [(1.25, -2.0, 3.123456, 4.0), (math.nan,) * 4]


def check_objects(objects, *names):
    first, second = objects
    assert (first.class_name, second.class_name) == names
    assert first.bbox == BOXES[0]
    assert all(map(math.isnan, second.bbox))


def test_only_boxes_and_size_of_an_xml_change(tmp_path):
    path = tmp_path / 'a.xml'
    path.write_text(
        '<annotation><folder>X</folder><size><width>9</width><height>8</height></size>'
        '<object><name>Gun</name><visible>0.5</visible><bndbox><xmin>1</xmin><ymin>1</ymin>'
        '<xmax>2</xmax><ymax>2</ymax></bndbox></object><object><name>Knife</name></object>'
        '</annotation>'
    )
    text = voc_with_boxes(str(path), BOXES, (30, 40))
    assert b'<size><width>40</width><height>30</height></size>' in text
    assert b'<folder>X</folder>' in text
    assert b'<visible>0.5</visible>' in text
    path.write_bytes(text)
    check_objects(read_voc_objects(str(path)), 'Gun', 'Knife')


def test_only_boxes_of_lines_change(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_text('a.jpg Scissor 1 2 3 4\n\nb Straight_Knife 5 6 7 8')
    text = lines_with_boxes(str(path), BOXES, (30, 40)).decode()
    assert [line.split()[0] for line in text.splitlines()] == ['a.jpg', 'b']
    path.write_text(text)
    check_objects(read_box_lines(str(path)), 'Scissor', 'Straight_Knife')


def test_the_number_of_boxes_must_match_the_objects(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_text('a.jpg Scissor 1 2 3 4\n')
    with pytest.raises(ValueError, match='longer'):
        lines_with_boxes(str(path), BOXES, (30, 40))
