"""Data check: it finds all planted faults and nothing else."""

import csv
import json
import os
import re
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from forked_tools import run_tool
from mmcv.transforms import LoadImageFromFile
from mmengine.config import Config
from PIL import Image

from mmsxm.checking.check_datasets import check_datasets
from mmsxm.checking.findings import KINDS
from mmsxm.checking.fixed_lists import write_fixed_lists
from mmsxm.checking.page import check_page
from mmsxm.checking.report import Report
from mmsxm.cli import check as cli_check
from mmsxm.cli.main import run
from mmsxm.imaging.images import read_image
from mmsxm.training.config import DATALOADERS, load_config

ROOT = Path(__file__).resolve().parents[2]
TRAIN, TEST = 24, 12  # each class occurs in both, and only one test image has scissors
ONLY_SCISSORS = 'P00027'


class Release:
    """Dataset in the layout of SIXray that a test may damage."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def image(self, name: str) -> Path:
        return self.root / 'JPEGImage' / f'{name}.jpg'

    def xml(self, name: str) -> Path:
        return self.root / 'Annotation' / f'{name}.xml'

    def csv(self, split: str) -> Path:
        return self.root / 'ImageSet' / '10' / f'{split}.csv'

    def edit(self, name: str, change: Callable[[str], str]) -> None:
        before = self.xml(name).read_text()
        after = change(before)
        assert after != before
        self.xml(name).write_text(after)

    def set_box(self, name: str, **corners: object) -> None:
        """Change corners of the first object."""

        def change(text: str) -> str:
            for corner, value in corners.items():
                head, rest = text.split(f'<{corner}>', 1)
                text = f'{head}<{corner}>{value}</{corner}>{rest.split(f"</{corner}>", 1)[1]}'
            return text

        self.edit(name, change)

    def rows(self, split: str) -> list[list[str]]:
        with open(self.csv(split), newline='') as file:
            return list(csv.reader(file))

    def write_rows(self, split: str, rows: list[list[str]]) -> None:
        with open(self.csv(split), 'w', newline='') as file:
            csv.writer(file, lineterminator='\n').writerows(rows)

    def row(self, split: str, name: str) -> list[str]:
        return next(row for row in self.rows(split) if row[0] == name)

    def append(self, split: str, name: str, labels: list[str]) -> None:
        self.write_rows(split, [*self.rows(split), [name, *labels]])

    def relabel(self, split: str, name: str) -> None:
        """Invert the labels of a row."""
        rows = self.rows(split)
        for row in rows:
            if row[0] == name:
                row[1:] = ['-1' if label == '1' else '1' for label in row[1:]]
        self.write_rows(split, rows)

    def copy(self, name: str, new: str, split: str, change: Callable | None = None) -> None:
        """List an image again under a new name, unchanged or slightly changed."""
        source = 'train' if int(name[1:]) <= TRAIN else 'test'
        self.append(split, new, self.row(source, name)[1:])
        shutil.copy(self.xml(name), self.xml(new))
        if change is None:
            shutil.copy(self.image(name), self.image(new))
        else:
            cv2.imwrite(str(self.image(new)), change(cv2.imread(str(self.image(name)))))


@pytest.fixture
def release(simulate: Callable[..., Path], tmp_path: Path) -> Release:
    shutil.copytree(simulate(TRAIN, TEST, negatives=6), tmp_path / 'set')
    return Release(tmp_path / 'set')


def check(
    release: Release, monkeypatch: pytest.MonkeyPatch, workers: int = 0, **settings: object
) -> Report:
    """Check all rows, including negatives, with further settings for all datasets."""
    monkeypatch.setenv('DEMO_ROOT', str(release.root))
    settings = {'positives_only': False, **settings}
    options = {f'{n}.dataset.{key}': v for n in DATALOADERS for key, v in settings.items()}
    cfg = load_config(ROOT / 'configs/demo/resnet18.py', options=options)
    return check_datasets(cfg, workers)


def found(report: Report) -> list[tuple[str, str]]:
    """Return the kinds of findings, each with its image, or its file if there is no image."""
    return sorted(
        (one.kind, one.row.name if one.row else Path(one.place).name) for one in report.findings
    )


def claim(image: Path, side: int) -> None:
    """Write a PNG without pixels, whose header claims a square of the given side."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
        )

    header = struct.pack('>IIBBBBB', side, side, 8, 2, 0, 0, 0)
    data = chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(b'')) + chunk(b'IEND', b'')
    image.write_bytes(b'\x89PNG\r\n\x1a\n' + data)


BOMB = """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;">]>
<annotation><object><name>&y;</name></object></annotation>"""


def plant(release: Release) -> list[tuple[str, str]]:
    """Damage a dataset in every way, each image in one, and return the expected findings."""
    for name in ('P00001', 'P00002', 'P00003', 'P00004', 'P00005'):
        data = release.image(name).read_bytes()
        release.image(name).unlink()
        if name == 'P00002':
            release.image(name).write_bytes(data[: len(data) // 2])
        elif name == 'P00003':
            release.image(name).touch()
        elif name == 'P00004':
            release.image(name).write_text('no image')
        elif name == 'P00005':
            claim(release.image(name), 50_000)
    faults = [('missing-image', 'P00001')]
    faults += [('broken-image', f'P0000{i}') for i in (2, 3, 4, 5)]

    release.xml('P00006').unlink()
    release.xml('P00007').write_text('<annotation><filename>P00007.jpg</filename></annotation>')
    release.edit('P00008', lambda text: text[: len(text) // 2])
    release.xml('P00009').write_text(BOMB)
    faults += [('no-annotation', 'P00006'), ('empty-annotation', 'P00007')]
    faults += [('broken-annotation', 'P00008'), ('broken-annotation', 'P00009')]

    release.set_box('P00010', xmin='left')
    release.set_box('P00011', xmin=50, xmax=20)
    release.set_box('P00012', ymin=30, ymax=30)
    release.set_box('P00013', xmin=200, xmax=300)
    release.set_box('P00014', xmin=-20)
    release.set_box('P00015', ymin=30, ymax=31)
    faults += [('box-no-number', 'P00010'), ('box-inverted', 'P00011'), ('box-no-area', 'P00012')]
    faults += [('box-outside', 'P00013'), ('box-over-border', 'P00014'), ('box-tiny', 'P00015')]

    hammer = '<object><name>Hammer</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax>'
    hammer += '<ymax>9</ymax></bndbox></object></annotation>'
    release.edit('P00016', lambda text: text.replace('</annotation>', hammer))
    release.edit('P00017', lambda text: text.replace('Wrench', 'wrench'))
    release.relabel('train', 'P00018')
    faults += [('unknown-class', 'P00016'), ('class-case', 'P00017'), ('labels-differ', 'P00018')]

    labels = release.row('train', 'P00019')[1:]
    release.append('train', 'P00019.jpg', labels)
    release.append('train', 'P00020', labels)
    faults += [('repeated-row', 'P00019.jpg'), ('contradicting-rows', 'P00020')]
    faults += [('labels-differ', 'P00020')]  # labels of this row and its boxes

    release.append('train', 'P00025', release.row('test', 'P00025')[1:])
    release.copy('P00026', 'X00001', 'train')
    release.copy('P00021', 'X00002', 'test', lambda image: cv2.convertScaleAbs(image, alpha=0.95))
    release.copy('P00022', 'X00003', 'train')
    release.copy('P00023', 'X00004', 'train', lambda image: np.roll(image, 1, axis=0))
    release.copy('P00028', 'X00005', 'test')
    faults += [('leak', 'P00025'), ('leaked-copy', 'X00001'), ('near-leak', 'X00002')]
    faults += [('identical-images', 'X00003'), ('near-duplicate', 'X00004')]
    faults += [('identical-images', 'X00005')]

    stripe = cv2.resize(cv2.imread(str(release.image('N00001'))), (400, 60))
    cv2.imwrite(str(release.image('N00001')), stripe)
    shutil.copy(release.image('N00002'), release.image('X00006'))
    release.image('X00006').write_bytes(release.image('X00006').read_bytes())
    faults += [('odd-size', 'N00001'), ('unlisted-image', 'X00006.jpg')]

    release.write_rows('test', [row for row in release.rows('test') if row[0] != ONLY_SCISSORS])
    release.image(ONLY_SCISSORS).unlink()
    faults += [('untested-class', 'test.csv')]

    # this file marks the set as simulated, so that its counts are not compared
    (release.root / 'simulation.json').unlink()
    faults += [('unpublished-count', 'train.csv'), ('unpublished-count', 'test.csv')]
    return sorted(faults)


def test_a_clean_dataset_has_no_findings(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    report = check(release, monkeypatch)
    assert report.findings == []
    assert report.may_train
    train, test = report.lists
    assert (train.split, test.split) == ('train', 'val/test')
    assert (train.rows, train.usable, train.positives, train.left_out) == (28, 28, 24, 0)
    assert (test.rows, test.positives, test.images['Scissors']) == (14, 12, 1)
    assert train.statistics['image width']['median'] == 96
    assert 0 < train.statistics['box share of the image, %']['median'] < 100


def test_exactly_the_planted_faults_are_found(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = plant(release)
    assert len(faults) > 20
    report = check(release, monkeypatch, workers=2)
    assert found(report) == faults
    assert not report.may_train


def test_fixed_lists_have_no_errors(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(release)
    report = check(release, monkeypatch)
    written = write_fixed_lists(report, release.root / 'ImageSet' / 'fine')
    # 5 broken images, 2 broken XML files, a repeated row, two test images
    assert [(fixed.path.name, fixed.dropped) for fixed in written] == [
        ('train.csv', 10),
        ('test.csv', 0),
    ]
    dropped = {finding.row.name for finding in report.findings if finding.severity == 'error'}
    rows = release.rows('train')
    fixed = [row for row in rows if row[0] not in dropped or row == release.row('train', 'P00020')]
    text = (release.root / 'ImageSet' / 'fine' / 'train.csv').read_text()
    assert list(csv.reader(text.splitlines())) == fixed

    again = check(release, monkeypatch, image_set='fine')
    assert again.may_train
    assert again.lists[0].rows == again.lists[0].usable == len(fixed) - 1
    with pytest.raises(ValueError, match='one of the original lists'):
        write_fixed_lists(again, release.root / 'ImageSet' / 'fine')


def test_rows_with_line_breaks_are_dropped_completely(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = release.rows('train')
    labels = rows[1][1:]
    release.write_rows('train', [rows[0], ['no\n"such"\r\nimage', *labels], *rows[1:]])
    report = check(release, monkeypatch)
    assert [finding.kind for finding in report.findings] == ['missing-image']
    write_fixed_lists(report, release.root / 'ImageSet' / 'fine')
    text = (release.root / 'ImageSet' / 'fine' / 'train.csv').read_text()
    assert list(csv.reader(text.splitlines())) == rows


@pytest.mark.parametrize(
    ('spoil', 'kind', 'words'),
    [
        (lambda r: r.csv('test').unlink(), 'no-list', r'The list .* does not exist'),
        (
            lambda r: shutil.rmtree(r.root / 'JPEGImage'),
            'no-list',
            r'The image folder .* does not exist',
        ),
        (lambda r: r.csv('test').write_bytes(b'\xff'), 'broken-list', 'not a CSV file in UTF-8'),
        (
            lambda r: r.append('test', 'P00001', ['2'] * 5),
            'broken-list',
            "test.csv:16: '2' is not a label",
        ),
        (
            lambda r: r.write_rows('test', r.rows('test')[:1]),
            'no-images',
            'none of 0 rows is usable',
        ),
        (
            lambda r: r.write_rows('test', [*r.rows('test')[:1], ['Q', *'11111']]),
            'no-images',
            'none of 1 rows is usable',
        ),
    ],
)
def test_unusable_lists_are_findings(
    release: Release,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Release], None],
    kind: str,
    words: str,
) -> None:
    spoil(release)
    report = check(release, monkeypatch)
    assert not report.may_train
    details = [finding.detail for finding in report.findings if finding.kind == kind]
    assert any(re.search(words, detail) for detail in details)
    assert report.lists[0].usable == (28 if kind != 'no-list' or 'list' in words else 0)
    assert json.loads(report.to_json())['may_train'] is False
    assert 'Fix the errors before training' in check_page(report)


def test_images_that_mmcv_and_screening_see_differently_are_errors(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, alpha in (('P00001', 255), ('P00002', 0)):
        opaque = Image.open(release.image(name))
        opaque.putalpha(alpha)
        opaque.save(release.image(name).with_suffix('.png'))
        release.image(name).unlink()
    seen = LoadImageFromFile()({'img_path': str(release.image('P00002').with_suffix('.png'))})
    assert not np.array_equal(seen['img'], read_image(release.image('P00002').with_suffix('.png')))
    assert found(check(release, monkeypatch)) == []  # our reader puts the image on white
    pipeline = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]
    report = check(release, monkeypatch, pipeline=pipeline)
    assert found(report) == [('transparent-image', 'P00002')]
    assert not report.may_train


def test_a_list_for_both_training_and_evaluation_is_an_error(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = check(release, monkeypatch, split='train')
    assert found(report)[0] == ('one-list', 'train.csv')
    assert [one.split for one in report.lists] == ['train/val/test']


def test_rows_that_the_config_skips_are_not_checked(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    release.image('N00001').unlink()
    release.image('N00002').write_bytes(b'')
    report = check(release, monkeypatch, positives_only=True)
    assert found(report) == [('positives-only', 'test.csv'), ('positives-only', 'train.csv')]
    assert 'positives_only skips 4 without items' in report.findings[0].detail
    assert report.may_train
    assert report.lists[0].left_out == 4


def test_wrapped_datasets_are_checked(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    release.image('P00001').unlink()
    monkeypatch.setenv('DEMO_ROOT', str(release.root))
    cfg = load_config(ROOT / 'configs/demo/resnet18.py')
    train, test = cfg.train_dataloader.dataset, cfg.test_dataloader.dataset
    cfg.train_dataloader.dataset = dict(type='RepeatDataset', times=2, dataset=train)
    cfg.val_dataloader = None
    cfg.test_dataloader.dataset = dict(type='ConcatDataset', datasets=[test, test])
    report = check_datasets(cfg)
    assert [one.split for one in report.lists] == ['train', 'test']
    assert found(report) == [('missing-image', 'P00001')]


def test_datasets_of_other_types_are_rejected(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('DEMO_ROOT', str(release.root))
    cfg = load_config(ROOT / 'configs/demo/resnet18.py')
    cfg.train_dataloader.dataset = dict(type='CustomDataset', data_root=str(release.root))
    with pytest.raises(ValueError, match='CustomDataset'):
        check_datasets(cfg)


HOSTILE = (
    '<img src=x onerror=alert(1)>',
    'two\nlines',
    '[red]x[/nothing]',
    '\u202egpj.exe',
    '\'"`${x}',
)


def test_hostile_names_are_shown_as_text(
    release: Release, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    labels = release.row('train', 'P00001')[1:]
    for name in HOSTILE:
        release.append('train', name, labels)
        release.append('train', f'{name}, missing', labels)
        release.image(name.replace('/', '')).write_bytes(b'no image')
    broken = os.fsencode(release.root / 'JPEGImage') + b'/\xff\xfe.jpg'
    shutil.copy(release.image('P00001'), broken)  # its name is not UTF-8, and no list has it
    report = check(release, monkeypatch)
    missing = {one.row.name for one in report.findings if one.kind == 'missing-image'}
    assert missing >= {f'{name}, missing' for name in HOSTILE}
    content = json.loads(report.to_json())
    assert {one['name'] for one in content['findings']} >= set(HOSTILE) - {HOSTILE[0]}
    page = check_page(report).encode().decode()
    assert '<img src=x' not in page
    assert '\u202e' not in page
    assert '&lt;img src=x onerror=alert(1)&gt;' in page
    cli_check.show(report)
    shown = capsys.readouterr().out
    assert '[red]x[/nothing]' in shown.replace('\n', '')
    assert '\u202e' not in shown


def test_the_page_contains_its_pictures_and_limits_their_number(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 21):
        release.set_box(f'P{number:05}', xmin='1e30' if number % 2 else 'nan')
    report = check(release, monkeypatch)
    assert len(report.findings) == 20
    page = check_page(report)
    assert page.count('<img src="data:image/jpeg;base64,') == page.count('<img ') == 20
    assert page.count('src=') == 20
    assert 'http' not in page


def opixray(root: Path, annotations: dict[str, str], split: str) -> None:
    """Write a split in the layout of OPIXray in which all images differ."""
    for folder in ('image', 'annotation'):
        (root / split / f'{split}_{folder}').mkdir(parents=True)
    for number, (name, text) in enumerate(annotations.items()):
        rng = np.random.default_rng([split == 'test', number])
        blobs = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        image = cv2.resize(blobs, (160, 120), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(root / split / f'{split}_image' / f'{name}.jpg'), image)
        (root / split / f'{split}_annotation' / f'{name}.txt').write_text(text)
    names = ''.join(f'{name}.jpg\n' for name in annotations)
    (root / split / f'{split}_knife.txt').write_text(names)


KNIVES = ('Folding_Knife', 'Straight_Knife', 'Scissor', 'Utility_Knife', 'Multi-tool_Knife')
PUBLISHED = {'OPIXray': {'train/train_knife.txt': 12, 'test/test_knife.txt': 5}}


@pytest.fixture
def knives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write 12 training images and 5 test images, and publish these counts for OPIXray."""
    for split, count in (('train', 12), ('test', 5)):
        lines = {f'{split[1]}{i}': f'x {KNIVES[i % 5]} 10 10 50 40\n' for i in range(count)}
        opixray(tmp_path, lines, split)
    monkeypatch.setattr('mmsxm.checking.summary.PUBLISHED', PUBLISHED)
    monkeypatch.setenv('OPIXRAY_ROOT', str(tmp_path))
    return tmp_path


def test_a_clean_opixray_has_a_note_about_harmless_bags(knives: Path) -> None:
    report = check_datasets(load_config(ROOT / 'configs/sxmnet_opixray_stage2.py'))
    assert {(one.kind, one.severity) for one in report.findings} == {('positives-only', 'note')}
    assert report.may_train
    assert [(one.positives, one.published) for one in report.lists] == [(12, 12), (5, 5)]


def test_faults_in_the_layout_of_opixray_are_found(knives: Path) -> None:
    texts = knives / 'train' / 'train_annotation'
    (texts / 'r0.txt').unlink()
    (texts / 'r1.txt').write_text('')
    (texts / 'r2.txt').write_text('x Scissor 10 10 50\n')
    (texts / 'r3.txt').write_text('x Scissor 10 10 50 40\nx Utility_Knive 20 20 50 60\n')
    (texts / 'r4.txt').write_text('x Multi-tool_Knife 10 10 50 400\n')
    (texts / 'r10.txt').write_bytes(b'\xff\xfe')
    (texts / 'r8.txt').write_text('x Scissor 10 10 50 40\n')  # the last utility knife
    shutil.copy(knives / 'test/test_image/e2.jpg', knives / 'train/train_image/r7.jpg')
    (knives / 'train' / 'train_image' / 'r9.jpg').unlink()
    expected = [
        ('box-over-border', 'r4.jpg'),
        ('broken-annotation', 'r10.jpg'),
        ('broken-annotation', 'r2.jpg'),
        ('leaked-copy', 'r7.jpg'),
        ('lost-label', 'r3.jpg'),
        ('missing-image', 'r9.jpg'),
        ('no-label', 'r0.jpg'),
        ('no-label', 'r1.jpg'),
        ('positives-only', 'test_knife.txt'),
        ('positives-only', 'train_knife.txt'),
        ('unpublished-count', 'train_knife.txt'),
        ('untrained-class', 'train_knife.txt'),
    ]
    report = check_datasets(load_config(ROOT / 'configs/sxmnet_opixray_stage2.py'))
    assert found(report) == expected
    (fixed, _) = write_fixed_lists(report, knives / 'fine')
    assert fixed.path.read_text() == 'r4.jpg\nr5.jpg\nr6.jpg\nr8.jpg\nr11.jpg\n'


def own_config(layout: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Return a config of own data in a layout; validation and test use the same images."""
    monkeypatch.setenv('OWN_LAYOUT', layout)
    monkeypatch.setenv('OWN_ROOT', str(root))
    cfg = load_config(ROOT / 'configs/sxmnet_own_stage2.py')
    cfg.val_dataloader = None
    return cfg


LAYOUTS = {
    'coco': 'annotations/train.json',
    'voc': 'ImageSets/Main/train.txt',
    'csv': 'train.csv',
    'yolo': 'train.txt',
}


@pytest.mark.parametrize('layout', LAYOUTS)
def test_own_data_is_checked_in_all_layouts(
    layout: str, own_data: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / 'own'
    shutil.copytree(own_data[layout], root)
    report = check_datasets(own_config(layout, root, monkeypatch))
    assert {kind for kind, _ in found(report)} <= {
        'untested-class'
    }  # there are only seven test bags
    train = report.lists[0]
    assert (train.positives, train.rows) == (16, 16 + 3)

    images = root / ('JPEGImages' if layout == 'voc' else 'images')
    (images / 'P00001.jpg').unlink()
    (images / 'P00002.jpg').write_bytes(b'no image')
    shutil.copy(images / 'P00017.jpg', images / 'P00003.jpg')
    report = check_datasets(own_config(layout, root, monkeypatch))
    errors = [(one.kind, one.row.name[:6]) for one in report.findings if one.severity == 'error']
    assert sorted(errors) == [
        ('broken-image', 'P00002'),
        ('leaked-copy', 'P00003'),
        ('missing-image', 'P00001'),
    ]
    (missing,) = (one for one in report.findings if one.kind == 'missing-image')
    separator = ', images[' if layout == 'coco' else ':'
    assert missing.place.startswith(f'{root}/{LAYOUTS[layout]}{separator}')
    (fixed, *_) = write_fixed_lists(report, tmp_path / 'fine')
    assert fixed.dropped == 3
    shutil.copy(fixed.path, root / LAYOUTS[layout])
    report = check_datasets(own_config(layout, root, monkeypatch))
    assert report.may_train
    assert (report.lists[0].positives, report.lists[0].rows) == (13, 16)
    assert sum(report.lists[0].boxes.values()) < sum(train.boxes.values())


def without_harmless_bags(source: Path, root: Path) -> Path:
    """Copy own data in CSV files to a folder, without the harmless bags of its training list."""
    shutil.copytree(source, root)
    rows = (root / 'train.csv').read_text().splitlines()
    kept = [row for row in rows if not row.startswith('N')]
    assert len(kept) < len(rows)
    (root / 'train.csv').write_text('\n'.join(kept) + '\n')
    return root


def test_own_data_without_harmless_bags_is_a_warning(
    own_data: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = without_harmless_bags(own_data['csv'], tmp_path / 'own')
    report = check_datasets(own_config('csv', root, monkeypatch))
    (finding,) = (one for one in report.findings if one.kind == 'no-harmless-bags')
    assert (finding.split, finding.severity) == ('train', 'warning')
    assert finding.detail == 'all of 16 usable images have items'
    assert report.may_train


@pytest.mark.parametrize('layout', LAYOUTS)
def test_classes_that_a_config_leaves_out_are_a_warning(
    layout: str, own_data: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('OWN_CLASSES', 'Gun,Knife,Pliers,Scissors')
    report = check_datasets(own_config(layout, own_data[layout], monkeypatch))
    assert report.may_train
    train, test = (one for one in report.findings if one.kind == 'left-out-class')
    assert (train.split, test.split, train.severity) == ('train', 'test', 'warning')
    objects, skipped = re.fullmatch(
        r"objects of 'Wrench': (\d+); skipped images without another item: (\d+)", train.detail
    ).groups()
    checked = report.lists[0]
    assert int(skipped) == checked.rows - checked.usable > 0
    assert int(objects) >= int(skipped)


def test_classes_are_named_even_if_no_image_is_usable(
    own_data: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = without_harmless_bags(own_data['csv'], tmp_path / 'own')
    kept = (root / 'train.csv').read_text().replace('Knife', 'Pistols').splitlines()
    (root / 'train.csv').write_text('\n'.join(kept) + '\n')
    monkeypatch.setenv('OWN_CLASSES', 'Pistol')
    found = check_datasets(own_config('csv', root, monkeypatch)).findings
    kinds = {one.kind: one for one in found if one.split == 'train'}
    assert {'no-images', 'left-out-class', 'lost-label'} <= set(kinds)
    number = len({row.split(',')[0] for row in kept[1:] if 'Pistols' in row})
    total = len({row.split(',')[0] for row in kept[1:]})
    skipped = int(kinds['left-out-class'].detail.rpartition(' ')[2].replace(',', ''))
    assert total - number <= skipped <= total
    assert 'Pistols' not in kinds['left-out-class'].detail


def test_a_missing_list_of_own_data_points_to_mmsxm_split(
    own_data: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / 'own'
    shutil.copytree(own_data['coco'], root)
    (root / LAYOUTS['coco']).unlink()
    report = check_datasets(own_config('coco', root, monkeypatch))
    assert [one.kind for one in report.findings if one.severity == 'error'] == ['no-list']
    assert 'mmsxm split' in KINDS['no-list'].remedy


def test_the_report_names_kinds_and_shows_published_numbers_only_for_public_sets(
    own_data: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    report = check_datasets(own_config('coco', own_data['coco'], monkeypatch))
    cli_check.show(report)
    shown, page = capsys.readouterr().out, check_page(report)
    assert '[untested-class]' in shown
    assert '<small>untested-class</small>' in page
    assert 'published' not in shown
    assert 'published' not in page


@pytest.mark.parametrize('layout', LAYOUTS)
def test_a_broken_annotation_file_of_own_data_is_a_finding(
    layout: str, own_data: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / 'own'
    shutil.copytree(own_data[layout], root)
    (root / LAYOUTS[layout]).write_bytes(b'{"\xff')
    report = check_datasets(own_config(layout, root, monkeypatch))
    assert [(one.kind, one.split) for one in report.findings if one.severity == 'error'] == [
        ('broken-list', 'train')
    ]
    assert report.lists[-1].rows == 7 + 2  # the test list is still checked


def test_the_tool_writes_json_page_and_fixed_lists(knives: Path, tmp_path: Path) -> None:
    (knives / 'train' / 'train_image' / 'r9.jpg').write_bytes(b'no image')
    out = tmp_path / 'out'
    done = run_tool(
        'check_dataset.py',
        *('configs/sxmnet_opixray_stage1.py', '--workers', 1, '--json', out / 'a.json'),
        *('--html', out / 'a.html', '--fix-list', out / 'lists'),
    )
    assert done.returncode == 1, done.stderr
    assert 'Traceback' not in done.stderr
    assert 'train/train_image/r9.jpg: the file is not an image' in done.stdout
    assert 'Fix the errors before you start training.' in done.stdout
    assert f'{out}/lists/train_knife.txt: 1 rows dropped' in done.stdout
    content = json.loads((out / 'a.json').read_text())
    assert content['may_train'] is False
    kinds = [one['kind'] for one in content['findings'] if one['severity'] == 'error']
    assert kinds == ['broken-image']
    assert 'r9.jpg' in (out / 'a.html').read_text()


@pytest.mark.parametrize(
    ('args', 'code', 'words'),
    [
        (['configs/sxmnet_opixray_stage2.py', '--workers', '0'], 0, 'Training can start.'),
        (['configs/nowhere.py'], 2, 'no config file'),
        (['configs/_base_/default_runtime.py'], 2, 'has no dataset. Choose a config'),
    ],
)
def test_the_exit_code_shows_whether_training_may_start(
    knives: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    args: list[str],
    code: int,
    words: str,
) -> None:
    monkeypatch.chdir(ROOT)
    if code:
        with pytest.raises(SystemExit) as stopped:
            run('check', args)
        assert stopped.value.code == code
    else:
        run('check', args)
    said = capsys.readouterr()
    assert words in said.out + said.err
