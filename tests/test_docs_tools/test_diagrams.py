"""The diagrams of the networks are those that the script draws."""

from xml.etree import ElementTree

import pytest
from diagrams import DIAGRAMS, OUT

SVG = '{http://www.w3.org/2000/svg}'


@pytest.mark.parametrize('name', DIAGRAMS)
def test_a_diagram_is_up_to_date(name: str) -> None:
    assert (OUT / name).read_text() == DIAGRAMS[name](), 'run python tools/docs/diagrams.py'


@pytest.mark.parametrize('name', DIAGRAMS)
def test_boxes_lie_inside_the_picture_and_do_not_overlap(name: str) -> None:
    root = ElementTree.fromstring(DIAGRAMS[name]())
    width, height = map(float, root.attrib['viewBox'].split()[2:])
    boxes = [
        [float(rect.attrib[key]) for key in ('x', 'y', 'width', 'height')]
        for rect in root.iter(f'{SVG}rect')
        if 'x' in rect.attrib
    ]
    for x, y, w, h in boxes:
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height
    for number, (x, y, w, h) in enumerate(boxes):
        for other_x, other_y, other_w, other_h in boxes[:number]:
            apart = x >= other_x + other_w or other_x >= x + w
            assert apart or y >= other_y + other_h or other_y >= y + h
