import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmsxm.review.payloads import case_payload, place_regions, row_payload, short_name
from mmsxm.review.session import Session
from mmsxm.review.worklist import Worklist

NASTY = '<img src=x onerror="alert(1)">\u202egnp.exe\udcff\n'


@pytest.fixture
def make(tmp_path: Path, write_results: Callable[..., Path]) -> Callable[..., Worklist]:
    def build(*records: dict[str, Any]) -> Worklist:
        return Worklist(Session(tmp_path / 'log', results=write_results(*records)), tmp_path)

    return build


def test_a_row_names_the_file_without_folders_and_in_full(
    make: Callable[..., Worklist], record: Callable[..., dict]
) -> None:
    long = 'x' * 300 + '.png'
    worklist = make(record(f'/bags/{long}', 0.9), record('C:\\bags\\b.png'))
    assert row_payload(worklist, 0) == {
        'index': 0,
        'name': long,
        'labels': ['Gun'],
        'unreadable': False,
        'verdict': '',
    }
    assert short_name(worklist.case(1)) == 'b.png'
    worklist.decide(1, 'clear', '', 'A. Smith')
    row = row_payload(worklist, 1)
    assert (row['labels'], row['unreadable'], row['verdict']) == ([], True, 'clear')


def test_texts_of_files_are_printable(
    make: Callable[..., Worklist], record: Callable[..., dict]
) -> None:
    worklist = make(record(f'/bags/{NASTY}', 0.9), record(f'/{NASTY}', error=NASTY))
    worklist.decide(0, 'clear', NASTY, 'A. Smith')
    for index in (0, 1):
        text = json.dumps(case_payload(worklist, index), ensure_ascii=False)
        text.encode()  # no surrogates
        assert '\u202e' not in text
        assert '\\\\u202egnp.exe\\\\udcff' in text  # shown, as an escape


def test_a_case_has_scores_level_weights_and_its_history(
    make: Callable[..., Worklist], record: Callable[..., dict], bag: Path
) -> None:
    worklist = make(record(bag, 0.9, regions=[{'bbox': [2, 13, 12, 20], 'score': 1}]))
    worklist.decide(0, 'confirm', 'in a shoe', 'A. Smith')
    case = case_payload(worklist, 0)
    assert case['scores'][0] == {'name': 'Gun', 'value': 0.9, 'threshold': 0.5, 'alarm': True}
    assert case['levels'][0] == {'name': 'P3', 'value': 0.7}
    assert (case['width'], case['height'], case['path']) == (60, 40, str(bag))
    assert [region['box'] for region in case['regions']] == [[2, 13, 10, 7]]
    (decision,) = case['history']
    assert (decision['operator'], decision['decision']) == ('A. Smith', 'confirm')
    assert (decision['comment'], case['verdict']) == ('in a shoe', 'confirm')


def test_files_that_cannot_be_shown_have_the_reason(
    make: Callable[..., Worklist], record: Callable[..., dict], tmp_path: Path
) -> None:
    (tmp_path / 'text.png').write_text('no image')
    paths = ['/nowhere/a.png', tmp_path / 'text.png', tmp_path, 'a\0b']
    worklist = make(*(record(path, 0.9) for path in paths), record('/bags/empty.png'))
    problems = [case_payload(worklist, index)['problem'] for index in range(5)]
    assert problems[4] == 'Not screened: the file is empty'
    assert all(problem.startswith('Cannot show this image: ') for problem in problems[:4])
    assert 'not an image' in problems[1]


def test_regions_of_classes_without_alarm_are_not_shown() -> None:
    regions = [
        {'bbox': [1, 12, 11, 22], 'label': 'Knife'},
        {'bbox': [1, 12, 11, 22], 'label': 'Gun'},
        {'bbox': [1, 2, 3, 4]},
    ]
    shown = place_regions(regions, ['Gun'], (30, 50))
    assert [region['label'] for region in shown] == ['Gun', '']


def test_labels_of_equal_regions_do_not_cover_each_other() -> None:
    regions = [{'bbox': [1, 12, 11, 22], 'label': name} for name in ('Gun', 'Knife')]
    gun, knife = place_regions(regions, ['Gun', 'Knife'], (30, 50))
    assert gun['box'] == knife['box'] == [1, 12, 10, 10]
    assert abs(gun['place'][1] - knife['place'][1]) >= gun['size'] == 50 / 40


def test_regions_beyond_the_image_are_cut_off() -> None:
    (region,) = place_regions([{'bbox': [-10, 5, 1e9, 20]}], [], (30, 50))
    assert region['box'] == [0, 5, 50, 15]
    (inverted,) = place_regions([{'bbox': [20, 20, 10, 10]}], [], (30, 50))
    assert inverted['box'] == [20, 20, 0, 0]
