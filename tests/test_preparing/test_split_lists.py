import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmsxm.cli.main import run
from mmsxm.cli.split import FORMATS as CHOICES
from mmsxm.datasets import CocoXray, CsvXray, DatumaroXray, VocXray, YoloXray
from mmsxm.preparing.split_formats import FORMATS
from mmsxm.preparing.split_lists import Division, SplitReport, read_column, split_dataset

CLASSES = ['Gun', 'Knife']
DAYS = 6
BAGS = 4  # a day
Write = Callable[..., Path]


def picture(number: int) -> np.ndarray:
    """Return an image that looks like no other."""
    small = np.random.default_rng(number).integers(0, 255, (12, 12), dtype=np.uint8)
    return cv2.resize(small, (96, 80), interpolation=cv2.INTER_CUBIC)


def classes_of(bag: int) -> list[str]:
    return [['Gun'], ['Knife'], ['Gun', 'Knife'], []][bag]


@pytest.fixture(scope='module')
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write days of bags in all formats, without lists; one look-alike links two days."""
    root = tmp_path_factory.mktemp('split')
    names = [f'2024-05-{day:02}/{bag}.png' for day in range(1, DAYS + 1) for bag in range(BAGS)]
    for number, name in enumerate(names):
        path = root / 'images' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = picture(number)
        if name == '2024-05-06/3.png':  # the first bag of the first day, scanned once more
            pixels = np.roll(picture(0), 1)
        cv2.imwrite(str(path), pixels)
    objects = [(name, CLASSES.index(c)) for name in names for c in classes_of(int(name[-5]))]
    for layout in ('coco', 'csv', 'voc', 'yolo'):
        (root / layout).mkdir()
        images = root / layout / ('JPEGImages' if layout == 'voc' else 'images')
        shutil.copytree(root / 'images', images)

    (root / 'coco/annotations').mkdir()
    content = {
        'info': {'year': 2024},
        'images': [{'id': i, 'file_name': name, 'day': name[:10]} for i, name in enumerate(names)],
        'annotations': [
            {'id': i, 'image_id': names.index(name), 'category_id': c, 'bbox': [1, 2, 30, 40]}
            for i, (name, c) in enumerate(objects)
        ],
        'categories': [{'id': i, 'name': name} for i, name in enumerate(CLASSES)],
    }
    (root / 'coco/annotations/all.json').write_text(json.dumps(content))

    rows = [f'{name},{CLASSES[c]},{name[:10]},1,2,31,42' for name, c in objects]
    rows += [f'{name},,{name[:10]},,,,' for name in names if not classes_of(int(name[-5]))]
    (root / 'csv/all.csv').write_text('\n'.join(['image,label,day,x1,y1,x2,y2', *sorted(rows)]))

    for name in names:
        xml = (root / 'voc/Annotations' / name).with_suffix('.xml')
        text = (root / 'yolo/labels' / name).with_suffix('.txt')
        for path in (xml, text):
            path.parent.mkdir(parents=True, exist_ok=True)
        found = [c for own, c in objects if own == name]
        box = '<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>31</xmax><ymax>42</ymax></bndbox>'
        items = [f'<object><name>{CLASSES[c]}</name>{box}</object>' for c in found]
        xml.write_text(f'<annotation>{"".join(items)}</annotation>')
        text.write_text(''.join(f'{c} {16 / 96} {22 / 80} {30 / 96} {40 / 80}\n' for c in found))
    (root / 'yolo/data.yaml').write_text('train: images  # all\nnames: [Gun, Knife]\n')
    return root


@pytest.fixture
def write(written: Path, tmp_path: Path) -> Write:
    """Return a function that copies the bags in a format."""

    def copy(layout: str) -> Path:
        return Path(shutil.copytree(written / layout, tmp_path / layout))

    return copy


LISTS = {'coco': ['annotations/all.json'], 'csv': [], 'voc': [], 'yolo': []}


def split(root: Path, layout: str, division: Division, overwrite: bool = False) -> SplitReport:
    return split_dataset(FORMATS[layout](str(root), LISTS[layout]), division, overwrite)


def load(root: Path, layout: str, part: str) -> dict[str, tuple]:
    """Read a list as its dataset does: labels and boxes by name."""
    settings = {'metainfo': {'classes': CLASSES}, 'serialize_data': False, 'strict': True}
    images = {'img_path': 'images'}
    if layout in ('coco', 'csv'):
        kind = {'coco': CocoXray, 'csv': CsvXray}[layout]
        name = {'coco': f'annotations/{part}.json', 'csv': f'{part}.csv'}[layout]
        data = kind(ann_file=name, data_root=str(root), data_prefix=images, **settings)
    else:
        data = {'voc': VocXray, 'yolo': YoloXray}[layout](str(root), split=part, **settings)
    return {info['img_id']: (info['gt_label'], info['instances']) for info in data}


@pytest.mark.parametrize('layout', FORMATS)
def test_the_lists_of_each_format_are_the_same_whole_days(layout: str, write: Write) -> None:
    root = write(layout)
    report = split(root, layout, Division('folder'))
    parts = {part: load(root, layout, part) for part in ('train', 'val', 'test')}
    assert {part: len(rows) for part, rows in parts.items()} == report.images
    assert sum(report.images.values()) == DAYS * BAGS
    assert sum(report.groups.values()) == DAYS
    days = {part: {name[:10] for name in rows} for part, rows in parts.items()}
    assert days['train'] | days['val'] | days['test'] == {f'2024-05-{d:02}' for d in range(1, 7)}
    assert sum(map(len, days.values())) == DAYS
    (home,) = (part for part, rows in parts.items() if '2024-05-01/0' in rows)
    assert '2024-05-06/3' in parts[home]  # with the bag that it looks like, and both their days
    assert (report.joined, report.moved) == (1, 0)
    for rows in parts.values():
        for name, (labels, instances) in rows.items():
            assert labels == [CLASSES.index(c) for c in classes_of(int(name[-1]))]
            assert [item['bbox'] for item in instances] == [[1, 2, 31, 42]] * len(labels)
    # the formats agree
    other = write('csv') if layout != 'csv' else write('coco')
    split(other, other.name, Division('folder'))
    assert list(load(other, other.name, 'val')) == sorted(parts['val'])


def test_days_are_split_in_their_order(write: Write) -> None:
    root = write('voc')
    report = split(root, 'voc', Division('date', shares=(0.5, 0.25, 0.25)))
    names = {part: set(load(root, 'voc', part)) for part in ('train', 'val', 'test')}
    assert '2024-05-06/3' in names['train']  # with the bag that it looks like
    names['train'].remove('2024-05-06/3')
    days = {part: {name[:10] for name in found} for part, found in names.items()}
    assert days['train'] == {'2024-05-01', '2024-05-02', '2024-05-03'}
    assert max(days['val']) < min(days['test'])
    assert report.moved == 1


def test_16_bit_images_of_a_small_range_are_told_apart(write: Write) -> None:
    root = write('voc')
    for path in root.glob('JPEGImages/*/*.png'):
        pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        cv2.imwrite(str(path), pixels.astype(np.uint16))  # up to 255 of 65,535
    report = split(root, 'voc', Division('date'))
    assert report.moved == 1
    assert report.images == {'train': 17, 'val': 4, 'test': 3}


def test_images_of_one_gray_value_do_not_look_alike(write: Write) -> None:
    root = write('voc')
    for number, path in enumerate(sorted(root.glob('JPEGImages/*/*.png'))):
        cv2.imwrite(str(path), np.full((80, 96), number, np.uint8))
    report = split(root, 'voc', Division('date'))
    assert report.moved == 0
    assert report.images == {'train': 16, 'val': 4, 'test': 4}


def test_a_missing_list_explains_what_its_path_is_relative_to(write: Write) -> None:
    root = write('coco')
    name = f'{root.name}/annotations/all.json'
    with pytest.raises(FileNotFoundError, match=f'{name} does not exist.*relative to {root}'):
        FORMATS['coco'](str(root), [name])


def test_a_list_without_images_is_an_error(write: Write) -> None:
    root = write('voc')
    for path in root.glob('JPEGImages/*/*.png'):
        cv2.imwrite(str(path), picture(0))
    with pytest.raises(ValueError, match=r'val and test would be empty.*look like'):
        split(root, 'voc', Division('date'))
    assert not (root / 'ImageSets/Main/train.txt').exists()


def test_too_few_groups_are_left_if_most_look_alike(write: Write) -> None:
    root = write('voc')
    for path in root.glob('JPEGImages/*/0.png'):
        cv2.imwrite(str(path), picture(0))
    with pytest.raises(ValueError, match=r'only 1 of the 6 groups remain.*Remove copies'):
        split(root, 'voc', Division('folder'))


def test_groups_may_be_in_a_column(write: Write, tmp_path: Path) -> None:
    root = write('csv')
    split(root, 'csv', Division('column', column='day'))
    kept = [load(root, 'csv', part) for part in ('train', 'val', 'test')]
    assert sum(len({name[:10] for name in rows}) for rows in kept) == DAYS
    with open(root / 'train.csv') as file:
        assert next(csv.reader(file)) == ['image', 'label', 'day', 'x1', 'y1', 'x2', 'y2']

    table = tmp_path / 'lanes.csv'
    names = sorted(str(p.relative_to(root / 'images')) for p in root.rglob('images/*/*.png'))
    lanes = [f'{name},{number % 4}' for number, name in enumerate(names)]
    table.write_text('\n'.join(['image,lane', *lanes]))
    coco = write('coco')
    split(coco, 'coco', Division('column', column='lane', table=str(table)))
    lists = [load(coco, 'coco', part) for part in ('train', 'val', 'test')]
    assert sum(len({name[-1] for name in rows}) for rows in lists) == 4


def test_the_column_is_read_from_all_lists(write: Write) -> None:
    whole = write('csv')
    split(whole, 'csv', Division('column', column='day'))
    expected = [load(whole, 'csv', part) for part in ('train', 'val', 'test')]
    header, *rows = (whole / 'all.csv').read_text().splitlines()
    for name, part in (('first.csv', rows[:9]), ('second.csv', rows[9:])):
        (whole / name).write_text('\n'.join([header, *part]))
    source = FORMATS['csv'](str(whole), ['first.csv', 'second.csv'])
    split_dataset(source, Division('column', column='day'), overwrite=True)
    assert [load(whole, 'csv', part) for part in ('train', 'val', 'test')] == expected


def test_a_missing_group_is_reported_before_images_are_read(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object, **__: object) -> None:
        raise AssertionError('an image was read')

    monkeypatch.setattr('mmsxm.preparing.split_lists.hash_file', read)
    with pytest.raises(ValueError, match=r'all\.csv:1: the header .* has no column lane'):
        split(write('csv'), 'csv', Division('column', column='lane'))


def test_a_date_may_be_in_a_column(write: Write) -> None:
    root = write('csv')
    split(root, 'csv', Division('date', column='day'))
    by_column = {part: list(load(root, 'csv', part)) for part in ('train', 'val', 'test')}
    split(root, 'csv', Division('date'), overwrite=True)
    assert {part: list(load(root, 'csv', part)) for part in by_column} == by_column
    assert '2024-05-06/0' in by_column['test']


def test_coco_keeps_everything_else(write: Write) -> None:
    root = write('coco')
    split(root, 'coco', Division('folder'))
    content = json.loads((root / 'annotations/val.json').read_text())
    assert content['info'] == {'year': 2024}
    assert all(image['day'] == image['file_name'][:10] for image in content['images'])


def test_an_export_of_cvat_is_joined_to_plain_coco(write: Write) -> None:
    root = write('coco')
    content = json.loads((root / 'annotations/all.json').read_text())
    (root / 'annotations/all.json').unlink()
    (root / 'images').rename(root / 'default')
    (root / 'images').mkdir()
    (root / 'default').rename(root / 'images/default')
    boxes, tags = content['annotations'][::2], content['annotations'][1::2]
    tags = [{key: tag[key] for key in ('id', 'image_id', 'category_id')} for tag in tags]
    for task, annotations in (('instances', boxes), ('labels', tags)):
        path = root / f'annotations/{task}_default.json'
        path.write_text(json.dumps({**content, 'annotations': annotations}))
    whole = {
        info['img_id']: (info['gt_label'], info['instances'], info.get('unboxed_labels'))
        for info in DatumaroXray(str(root), split='default', serialize_data=False)
    }
    source = FORMATS['coco'](str(root))
    assert source.lists == ['annotations/instances_default.json', 'annotations/labels_default.json']
    split_dataset(source, Division('folder'))
    found = {}
    for part in ('train', 'val', 'test'):
        data = CocoXray(
            ann_file=f'annotations/{part}.json',
            data_root=str(root),
            data_prefix={'img_path': 'images'},
            serialize_data=False,
        )
        for info in data:
            found[info['img_id']] = (
                info['gt_label'],
                info['instances'],
                info.get('unboxed_labels'),
            )
    assert found == whole
    assert any(unboxed for _, _, unboxed in whole.values())


def test_yolo_is_split_again_and_keeps_its_first_data_yaml(write: Write) -> None:
    root = write('yolo')
    split(root, 'yolo', Division('folder'))
    text = (root / 'data.yaml').read_text()
    assert text == 'names: [Gun, Knife]\ntrain: train.txt\nval: val.txt\ntest: test.txt\n'
    assert (root / 'val.txt').read_text().startswith('./images/2024-05-0')
    with pytest.raises(ValueError, match=r'train\.txt exists\. To replace it, add --overwrite\.'):
        split(root, 'yolo', Division('folder', seed=1))
    report = split(root, 'yolo', Division('folder', seed=1), overwrite=True)
    assert sum(report.images.values()) == DAYS * BAGS
    assert (root / 'data.yaml').read_text() == text
    assert (root / 'data.old.yaml').read_text() == 'train: images  # all\nnames: [Gun, Knife]\n'


def test_a_malformed_file_is_one_error(write: Write) -> None:
    root = write('coco')
    text = (root / 'annotations/all.json').read_text()
    (root / 'annotations/all.json').write_text(text.replace('"name": "Gun"', '"nam": "Gun"'))
    with pytest.raises(ValueError, match=r'all\.json, categories\[0\]: the id or the name is'):
        split(root, 'coco', Division('folder'))


def test_a_list_with_annotations_is_never_replaced(write: Write) -> None:
    root = write('csv')
    (root / 'all.csv').rename(root / 'train.csv')
    before = (root / 'train.csv').read_text()
    source = FORMATS['csv'](str(root), ['train.csv'])
    with pytest.raises(ValueError, match=r'train\.csv has annotations of all lists .* Rename it'):
        split_dataset(source, Division('folder'), overwrite=True)
    assert (root / 'train.csv').read_text() == before
    assert not (root / 'val.csv').exists()


def test_images_that_cannot_be_used_are_reported_and_in_no_list(write: Write) -> None:
    root = write('voc')
    (root / 'JPEGImages/2024-05-01/1.png').write_bytes(b'no image')
    (root / 'Annotations/2024-05-01/2.xml').unlink()
    (root / 'Annotations/2024-05-02/2.xml').write_text('<broken')
    report = split(root, 'voc', Division('folder'))
    assert sum(report.images.values()) == DAYS * BAGS - 3
    lines = '\n'.join(report.problems.lines())
    assert 'unreadable images: 1 (2024-05-01/1: the file is not an image' in lines
    assert 'images without an XML file, left out: 1 (2024-05-01/2.png)' in lines
    assert 'unreadable annotations, left out: 1' in lines


def test_a_missing_image_is_reported(write: Write) -> None:
    root = write('csv')
    (root / 'images/2024-05-01/1.png').unlink()
    report = split(root, 'csv', Division('folder'))
    assert list(report.problems.lines()) == ['missing images: 1 (2024-05-01/1.png)']


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        ('name,day\n', r'has no column image'),
        ('image,when\n', r'has no column day'),
        ('image,day\na.png,1\nb.png,\n', r'no day for 1 of 2 images\. The first is b\.png'),
        ('image,day\n../a.png,1\n', r"table\.csv:2: '\.\./a\.png' is not a path inside"),
        ('image,day\na.png,1\na.jpg,2\n', r":3: day of a\.jpg is '2', but was '1' in an earlier"),
    ],
)
def test_a_table_without_a_value_for_each_image_is_an_error(
    tmp_path: Path, text: str, reason: str
) -> None:
    (tmp_path / 'table.csv').write_text(text)
    with pytest.raises(ValueError, match=reason):
        read_column([str(tmp_path / 'table.csv')], 'day', ['a.png', 'b.png'])


def test_the_command_reports_sizes_classes_and_what_is_missing(
    write: Write, capsys: pytest.CaptureFixture
) -> None:
    root = write('coco')
    content = json.loads((root / 'annotations/all.json').read_text())
    content['categories'].append({'id': 7, 'name': 'Bat\x1b'})
    content['annotations'].append({'id': 99, 'image_id': 0, 'category_id': 7, 'bbox': [1, 2, 3, 4]})
    (root / 'annotations/all.json').write_text(json.dumps(content))
    args = ['coco', str(root), 'annotations/all.json', '--by', 'folder', '--workers', '0']
    run('split', [*args, '--shares', '50', '25', '25', '--seed', '5'])
    output = capsys.readouterr().out
    rows = dict(line.split('│', 1) for line in output.splitlines() if '│' in line)
    counts = {
        key.strip(): [int(c) for c in row.split('│')] for key, row in rows.items() if key.strip()
    }
    assert sum(counts['images']) == DAYS * BAGS
    assert sum(counts['Gun']) == sum(counts['Knife']) == 2 * DAYS
    assert sum(counts['harmless bags']) == DAYS
    assert output.count('Warning: ') == 2  # the bat is in one list
    assert r'has no image with Bat\x1b.' in output
    assert f'wrote {root}/annotations/test.json' in output
    assert '\x1b' not in output


@pytest.mark.parametrize(
    ('args', 'reason'),
    [
        (['--by', 'column'], '--by column needs --column NAME'),
        (['--by', 'folder', '--column', 'day'], '--by folder does not use --column'),
        (['--by', 'date', '--table', 'x.csv'], '--table needs --column NAME'),
        (['--by', 'folder', '--shares', '60', '40', '0'], 'use three numbers above 0'),
    ],
)
def test_arguments_that_contradict_are_errors(
    args: list[str], reason: str, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit):
        run('split', ['csv', 'nowhere', *args])
    assert reason in capsys.readouterr().err


def test_the_command_offers_all_formats() -> None:
    assert set(CHOICES) == set(FORMATS)
