import pytest

from mmsxm.io.yaml_files import MAX_YAML_BYTES, parse_yaml, read_yaml


def test_values_are_text_whatever_they_look_like(tmp_path):
    path = tmp_path / 'data.yaml'
    path.write_text('names: [no, 0x10, 1.5, ~, Größe]\n0: null\n', encoding='utf-8')
    assert read_yaml(path) == {'names': ['no', '0x10', '1.5', '~', 'Größe'], '0': 'null'}


def test_tags_create_no_objects(tmp_path):
    done = tmp_path / 'done'
    text = f'a: !!python/object/apply:os.mkdir [{done}]'
    assert parse_yaml(text.encode(), 'x') == {'a': [str(done)]}
    assert not done.exists()


@pytest.mark.parametrize(
    ('data', 'reason'),
    [
        (b'a: [1', 'x is not readable YAML in UTF-8: '),
        (b'\xff', 'x is not readable YAML in UTF-8: '),
        (b'a: &a [1]\nb: [*a, *a]', r'aliases \(\*name\) are not supported .* line 2'),
        (b'a: 1\na: 2', "the key 'a' repeats .* line 2"),
        (b'[' * 30, 'values are nested more than 20 deep'),
        (b'? [1]\n: 2', 'unhashable key'),
        (b'#' * (MAX_YAML_BYTES + 1), 'x is longer than 100,000 bytes'),
    ],
)
def test_other_content_is_one_error(data, reason):
    with pytest.raises(ValueError, match=reason):
        parse_yaml(data, 'x')
