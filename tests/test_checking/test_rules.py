import math
from pathlib import Path

import pytest

from mmsxm.checking.findings import KINDS, SEVERITIES, Row
from mmsxm.checking.rules import (
    box_fault,
    is_odd,
    known_labels,
    object_findings,
    repeated_rows,
    similar_class,
)
from mmsxm.datasets.annotations import AnnotatedObject

CLASSES = ('Gun', 'Knife')
BOX = (1.0, 2.0, 10.0, 20.0)
SIZE = (30, 40)


def row(gt_label, number=0, path='a.jpg'):
    return Row('train', 'list.csv', number, number + 2, 'a', gt_label, path)


def kinds(gt_label, objects, size=SIZE):
    if objects is not None:
        objects = [AnnotatedObject(name, box, f'a.xml:{i}') for i, (name, box) in objects]
    return [
        (finding.kind, finding.place)
        for finding in object_findings(row(gt_label), 'a.xml', objects, CLASSES, size)
    ]


@pytest.mark.parametrize(
    ('bbox', 'fault'),
    [
        (BOX, None),
        ((0.0, 0.0, 40.0, 30.0), None),  # the whole image
        ((1.0, math.nan, 10.0, 20.0), 'box-no-number'),
        ((1.0, 2.0, math.inf, 20.0), 'box-no-number'),
        ((10.0, 2.0, 1.0, 20.0), 'box-inverted'),
        ((1.0, 20.0, 10.0, 2.0), 'box-inverted'),
        ((1.0, 2.0, 1.0, 20.0), 'box-no-area'),
        ((40.0, 2.0, 50.0, 20.0), 'box-outside'),
        ((-9.0, -9.0, 10.0, 0.0), 'box-outside'),
        ((30.0, 2.0, 40.5, 20.0), 'box-over-border'),
        ((-1.0, 2.0, 10.0, 20.0), 'box-over-border'),
        ((1.0, 2.0, 10.0, 3.5), 'box-tiny'),
    ],
)
def test_faults_of_boxes_are_named(bbox, fault):
    assert box_fault(bbox, SIZE) == fault


def test_positions_are_not_checked_without_an_image_size():
    assert box_fault((-9.0, -9.0, -1.0, -1.0), None) is None


def test_small_and_long_images_are_odd():
    assert not is_odd((32, 128))
    assert is_odd((31, 40))
    assert is_odd((200, 40))
    assert is_odd((100, 401))


def test_class_names_match_in_any_case():
    objects = [AnnotatedObject(name, BOX, '') for name in ('knife', 'GUN', 'Bow', 'Knife')]
    assert known_labels(objects, CLASSES) == [0, 1]


def test_valid_objects_have_no_findings():
    assert kinds([0], [(1, ('Gun', BOX))]) == kinds(None, [(1, ('Knife', BOX))]) == []
    assert kinds([], None) == kinds([], []) == []


@pytest.mark.parametrize(
    ('gt_label', 'objects', 'expected'),
    [
        ([0], None, [('no-annotation', 'a.xml')]),
        ([0], [], [('empty-annotation', 'a.xml')]),
        (None, None, [('no-label', 'a.xml')]),
        (None, [], [('no-label', 'a.xml')]),
        ([0], [(1, ('Gun', BOX)), (2, ('Bow', BOX))], [('unknown-class', 'a.xml:2')]),
        (None, [(1, ('Gun', BOX)), (2, ('Knifes', BOX))], [('lost-label', 'a.xml:2')]),
        (None, [(1, ('Gun', BOX)), (2, ('Bow', BOX))], []),
        ([0], [(1, ('gun', BOX))], [('class-case', 'a.xml:1')]),
        ([0, 1], [(1, ('Gun', BOX))], [('labels-differ', 'a.xml')]),
        ([], [(1, ('Gun', BOX))], [('labels-differ', 'a.xml')]),
        ([0], [(1, ('Gun', (9.0, 9.0, 1.0, 1.0)))], [('box-inverted', 'a.xml:1')]),
    ],
)
def test_faults_of_objects_are_findings(gt_label, objects, expected):
    assert kinds(gt_label, objects) == expected


def test_a_finding_suggests_a_similar_class():
    item = AnnotatedObject('Knive', BOX, 'a.xml:1')
    (finding,) = object_findings(row(None), 'a.xml', [item], CLASSES, SIZE)
    assert finding.detail == "'Knive'; did you mean 'Knife'?"
    assert (finding.images, finding.box, finding.severity) == (('a.jpg',), BOX, 'error')


@pytest.mark.parametrize(
    ('name', 'classes', 'expected'),
    [
        ('Knive', CLASSES, 'Knife'),
        ('guns', CLASSES, 'Gun'),
        ('Charger_2', ('Charger_1', 'Laptop'), None),
        ('tool', ('pistol', 'blade'), None),
        ('PlasticBottle', ('GlassBottle',), None),
    ],
)
def test_only_a_misspelled_name_is_similar_to_a_class(name, classes, expected):
    assert similar_class(name, classes) == expected


def test_repeated_and_contradicting_rows_are_findings():
    rows = [row([0]), row([0], 1), row([1], 2), row([0], 3, 'b.jpg'), row([0], 4, None)]
    assert [(finding.kind, finding.row.number) for finding in repeated_rows(rows)] == [
        ('repeated-row', 1),
        ('contradicting-rows', 2),
    ]


def test_the_docs_list_each_kind_with_its_severity():
    page = (Path(__file__).parents[2] / 'docs' / 'checking.md').read_text()
    told = {}
    for section in page.split('\n### ')[1:]:
        severity = section.splitlines()[0].lower().removesuffix('s')
        rows = [line.split(' | ')[0] for line in section.splitlines() if line.startswith('| `')]
        kinds = ', '.join(row.removeprefix('| ').replace('`', '') for row in rows).split(', ')
        told |= {kind: severity for kind in kinds if kind in KINDS}
    assert told == {kind: value.severity for kind, value in KINDS.items()}


def test_kinds_are_sorted_by_severity():
    order = [SEVERITIES.index(kind.severity) for kind in KINDS.values()]
    assert order == sorted(order)
