import os
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mmsxm.datasets import OPIXray
from mmsxm.datasets.opixray import read_box_lines, read_name_list


def make_root(root, annotations, split='train', lists=None, suffix='.jpg'):
    """``lists`` maps the ends of ``<split>_knife...`` to names; by default, one list has all."""
    for folder in ('image', 'annotation'):
        (root / split / f'{split}_{folder}').mkdir(parents=True, exist_ok=True)
    for name, text in annotations.items():
        Image.new('RGB', (60, 50)).save(root / split / f'{split}_image' / f'{name}{suffix}')
        (root / split / f'{split}_annotation' / f'{name}.txt').write_text(text)
    for level, names in (lists or {'': annotations}).items():
        (root / split / f'{split}_knife{level}.txt').write_text('\n'.join(names) + '\n')
    return str(root)


SCISSOR = 'a.jpg Scissor 1 2 30 40\n'


def test_boxes_and_labels_are_read(tmp_path):
    text = SCISSOR + '\na.jpg Multi-tool_Knife 3 4 5.5 6\n'
    info = OPIXray(make_root(tmp_path, {'a': text}), strict=True)[0]
    assert info['gt_label'] == [2, 4]
    assert info['instances'] == [
        {'bbox': [1, 2, 30, 40], 'bbox_label': 2},
        {'bbox': [3, 4, 5.5, 6], 'bbox_label': 4},
    ]


@pytest.mark.parametrize('suffix', ['.jpg', '.tiff', '.TIFF'])
@pytest.mark.parametrize('listed', ['a', 'a.jpg'])
def test_names_are_listed_with_and_without_suffix(tmp_path, suffix, listed):
    root = make_root(tmp_path, {'a': SCISSOR}, lists={'': [listed]}, suffix=suffix)
    assert OPIXray(root)[0]['img_path'].endswith(f'train/train_image/a{suffix}')


def test_an_occlusion_level_selects_its_images(tmp_path):
    lists = {'': ['a', 'b', 'c'], '-1': ['a'], '-2': ['b'], '-3': ['c']}
    root = make_root(tmp_path, dict.fromkeys('abc', SCISSOR), split='test', lists=lists)
    assert len(OPIXray(root, split='test')) == 3
    for level, name in ((1, 'a'), (2, 'b'), (3, 'c')):
        dataset = OPIXray(root, split='test', occlusion_level=level)
        assert [info['img_id'] for info in dataset] == [name]


def test_names_with_dots_keep_their_occlusion_levels(tmp_path):
    names = ('bag.01', 'bag.02')
    lists = {'': names, '-1': ['bag.02'], '-3': ['bag.01.jpg']}
    root = make_root(tmp_path, dict.fromkeys(names, SCISSOR), split='test', lists=lists)
    levels = {info['img_id']: info.get('occlusion_level') for info in OPIXray(root, split='test')}
    assert levels == {'bag.01': 3, 'bag.02': 1}


def test_data_infos_contain_the_occlusion_level(tmp_path):
    lists = {'': ['a', 'b', 'c'], '-1': ['c.jpg'], '-3': ['a']}
    root = make_root(tmp_path, dict.fromkeys('abc', SCISSOR), split='test', lists=lists)
    levels = {info['img_id']: info.get('occlusion_level') for info in OPIXray(root, split='test')}
    assert levels == {'a': 3, 'b': None, 'c': 1}


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'split': 'val'}, "'val'"),
        ({'split': 'test', 'occlusion_level': 4}, '4'),
        ({'split': 'train', 'occlusion_level': 1}, "Only split='test'"),
    ],
)
def test_invalid_splits_are_rejected(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        OPIXray(str(tmp_path), **arguments)


def test_boxes_that_leave_the_image_are_clipped(tmp_path):
    root = make_root(tmp_path, {'a': 'a.jpg Scissor 50 -2 1200 20\n'})
    assert OPIXray(root)[0]['instances'] == [{'bbox': [50, 0, 60, 20], 'bbox_label': 2}]
    with pytest.raises(ValueError, match=r'boxes clipped to the image: 1 .*a\.txt:1'):
        OPIXray(root, strict=True)


def test_a_label_is_kept_if_its_box_is_invalid(tmp_path):
    info = OPIXray(make_root(tmp_path, {'a': 'a.jpg Scissor 9 9 9 20\n'}))[0]
    assert (info['gt_label'], info['instances']) == ([2], [])


@pytest.mark.parametrize('text', ['', 'a.jpg Scissor 1 2 3\n', 'a.jpg Spoon 1 2 3 4\n'])
def test_an_image_without_a_known_label_is_skipped(tmp_path, text):
    root = make_root(tmp_path, {'a': text, 'b': SCISSOR})
    assert [info['img_id'] for info in OPIXray(root)] == ['b']
    with pytest.raises(ValueError, match=r'no label is known: 1 .*a\.txt'):
        OPIXray(root, strict=True)


@pytest.mark.parametrize(
    'line', ['a.jpg Scissor 1 2 3', 'a.jpg Scissor 1 2 3 4 5', 'a.jpg 1 2 3 4 x', 'a']
)
def test_the_error_of_a_malformed_line_names_it(tmp_path, line):
    path = tmp_path / 'a.txt'
    path.write_text(SCISSOR + line)
    with pytest.raises(ValueError, match=r'a\.txt:2: .*image_name class x1 y1 x2 y2'):
        read_box_lines(str(path))


text_like = st.text('aScisor. -1234e\n\t\r', max_size=50).map(str.encode)


@given(
    st.one_of(st.binary(max_size=50), text_like), st.sampled_from([read_box_lines, read_name_list])
)
def test_any_text_is_read_or_rejected_with_an_error_that_names_the_file(data, read):
    file, path = tempfile.mkstemp()
    with os.fdopen(file, 'wb') as stream:
        stream.write(data)
    try:
        list(read(path))
    except ValueError as error:
        assert path in str(error)  # noqa: PT017, any other error fails the test by itself
    finally:
        os.unlink(path)
