import base64
import re
from xml.etree import ElementTree

import cv2
import numpy as np

from mmsxm.review.page import (
    LONGEST,
    Bar,
    QueueRow,
    bars_html,
    escape_html,
    image_html,
    queue_html,
    tile_html,
)

NASTY = '<img src=x onerror="alert(1)">\'&${7*7}{{value}}`\u202egnp.exe\udcff\n'


def pictures(page: str) -> list[np.ndarray]:
    found = re.findall(r'data:image/png;base64,([^"]*)', page)
    return [
        cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_UNCHANGED)
        for data in found
    ]


def test_names_are_shown_as_literal_text() -> None:
    text = escape_html(NASTY)
    assert not set(text) & set('<>"\'{}$`\u202e\n')
    assert text.encode().startswith(b'&lt;img')
    row = QueueRow(0, f'/bags/{NASTY}', [NASTY], NASTY, '')
    page = queue_html([row], 0) + bars_html([Bar(NASTY, 0.5)]) + tile_html(NASTY, 1, 1, 0.5)
    assert '<img' not in page
    assert '{' not in page


def test_a_queue_marks_the_open_row_and_counts_hidden_rows() -> None:
    rows = [
        QueueRow(4, '/a/x.png', ['Gun'], '', 'confirm'),
        QueueRow(2, 'C:\\b\\y.png', [], '', ''),
    ]
    buttons = ElementTree.fromstring(queue_html(rows, 2, hidden=1200))
    assert [button.get('aria-current') for button in buttons[:2]] == ['false', 'true']
    assert [button.findtext('span') for button in buttons[:2]] == ['x.png', 'y.png']
    assert [button.findtext('em/b') for button in buttons[:2]] == ['Gun', None]
    assert buttons[2].text == '1,200 more images of lower risk are not listed'
    assert 'no images' in queue_html([], 0)


def test_files_that_were_not_screened_are_marked() -> None:
    assert 'not screened' in queue_html([QueueRow(0, 'a', [], 'the file is empty', '')], 0)


def test_a_picture_has_separate_layers_for_pixels_map_and_boxes() -> None:
    image = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    attention_map = np.array([[0, 0.1], [0.2, 0.4]], np.float32)
    page = image_html(image, attention_map, (10, 0, 50, 30), [{'bbox': [1, 2, 11, 22]}])
    bag, red = pictures(page)
    np.testing.assert_array_equal(bag, image)
    assert red[..., 3].tolist() == [[0, 64], [128, 255]]  # relative to the maximum
    svg = ElementTree.fromstring(page)
    assert svg.get('viewBox') == '0 0 50 30'
    assert [svg[1].get(side) for side in ('x', 'y', 'width', 'height')] == ['10', '0', '40', '30']
    box = [float(svg[2].get(side) or '') for side in ('x', 'y', 'width', 'height')]
    assert box == [1, 2, 10, 20]


def test_a_region_with_a_class_has_its_name_and_number() -> None:
    regions = [
        {'bbox': [1, 12, 11, 22], 'label': NASTY},
        {'bbox': [1, 12, 11, 22], 'label': 'Gun'},
        {'bbox': [1, 2, 3, 4]},
    ]
    page = image_html(
        np.zeros((30, 50, 3), np.uint8), None, (0, 0, 50, 30), regions, ['Gun', NASTY]
    )
    _, nasty, gun, plain = ElementTree.fromstring(page.replace('\u202e', ''))
    assert (nasty.get('data-class'), gun.get('data-class')) == ('1', '0')
    assert gun[0].attrib | {'class': ''} == nasty[0].attrib | {'class': ''}
    assert gun[1].text == 'Gun'
    assert nasty[1].get('y') != gun[1].get('y')  # names do not cover each other
    assert plain.tag == 'rect'
    assert '<img' not in page
    assert '{' not in page


def test_without_attention_only_the_image_is_shown() -> None:
    assert len(pictures(image_html(np.zeros((3, 4, 3), np.uint8), None, (0, 0, 4, 3), []))) == 1


def test_large_images_are_shrunk_for_the_page() -> None:
    page = image_html(np.zeros((20, 2 * LONGEST, 3), np.uint8), None, (0, 0, 1, 1), [])
    assert pictures(page)[0].shape == (10, LONGEST, 3)
    assert f'viewBox="0 0 {2 * LONGEST} 20"' in page


def test_tiles_show_the_change_since_calibration() -> None:
    assert '+1,500' in tile_html('Gun', 1600, 100, 0.25)
    assert '-22' in tile_html('Gun', 3, 25, 0.25)
    assert '+0' not in tile_html('Gun', 25, 25, 0.25)


def test_an_image_thinner_than_a_pixel_of_the_page_is_shown() -> None:
    thin = np.zeros((1, 3 * LONGEST, 3), np.uint8)
    assert len(pictures(image_html(thin, None, (0, 0, 1, 1), []))) == 1
