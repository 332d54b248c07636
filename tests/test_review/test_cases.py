import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmsxm.review.cases import (
    Case,
    ResultsReader,
    Review,
    alarms,
    risk_order,
    score_matrix,
)

CLASSES = ('Gun', 'Knife')
THRESHOLDS = np.array([0.1, 0.6])


def record(path: str, gun: float | None = None, knife: float = 0.0, **more: Any) -> dict[str, Any]:
    base = {'path': path, 'model': 'm' * 64, 'time': f'2026-01-01 {path}'}
    if gun is None:
        return base | {'error': 'the file is empty'} | more
    outcome = {
        'labels': [],
        'scores': {'Gun': gun, 'Knife': knife},
        'thresholds': {'Gun': 0.1, 'Knife': 0.6},
        'regions': [],
        'level_weights': [1.0, 0.0, 0.0],
    }
    return base | outcome | more


def cases(*records: dict[str, Any]) -> list[Case]:
    return [Case(each['path'], each['path'], each) for each in records]


def write(path: Path, *records: dict[str, Any], end: str = '') -> Path:
    path.write_text(''.join(json.dumps(each) + '\n' for each in records) + end)
    return path


def read_cases(results: Path) -> list[Case]:
    return ResultsReader(results).read()


def test_results_become_cases(tmp_path: Path) -> None:
    results = write(tmp_path / 'r.jsonl', record('/a\udcff.png', 0.2), record('/b.png'))
    found = read_cases(results)
    assert [case.path for case in found] == ['/a\udcff.png', '/b.png']
    scores = score_matrix(found, CLASSES)
    np.testing.assert_array_equal(scores, [[0.2, 0.0], [np.nan, np.nan]])


def test_lines_of_one_network_with_two_configs_are_rejected(tmp_path: Path) -> None:
    """Lines without a config digest, as in old files, match both."""
    lines = [record('/a.png', 0.2)]
    lines += [record(f'/{name}.png', 0.2, config_digest=name * 64) for name in 'ccd']
    assert len(read_cases(write(tmp_path / 'r.jsonl', *lines[:3]))) == 3
    with pytest.raises(ValueError, match='line 4 was written with the same weights'):
        read_cases(write(tmp_path / 'r.jsonl', *lines))


def test_a_line_that_is_still_being_written_is_skipped(tmp_path: Path) -> None:
    results = write(tmp_path / 'r.jsonl', record('/a.png', 0.2), end='{"path": "/b.p')
    assert len(read_cases(results)) == 1


def test_each_line_of_a_growing_file_is_read_once(tmp_path: Path) -> None:
    results = write(tmp_path / 'r.jsonl', record('/a.png', 0.2), end='{"path": "/b.p')
    reader = ResultsReader(results)
    assert [case.path for case in reader.read()] == ['/a.png']
    assert reader.read() == []
    write(results, record('/a.png', 0.2), record('/b.png', 0.3), record('/c.png'))
    assert [case.path for case in reader.read()] == ['/b.png', '/c.png']
    assert reader.read() == []


def test_a_new_line_that_is_invalid_is_named_until_it_is_removed(tmp_path: Path) -> None:
    results = write(tmp_path / 'r.jsonl', record('/a.png', 0.2))
    reader = ResultsReader(results)
    reader.read()
    write(results, record('/a.png', 0.2), record('/b.png', 0.2), {'path': '/c.png'})
    for _ in range(2):
        with pytest.raises(ValueError, match='line 3 is not a result'):
            reader.read()
    write(results, record('/a.png', 0.2), record('/b.png', 0.2))
    assert [case.path for case in reader.read()] == ['/b.png']


def test_a_file_that_became_shorter_is_an_error(tmp_path: Path) -> None:
    results = write(tmp_path / 'r.jsonl', record('/a.png', 0.2), record('/b.png', 0.2))
    reader = ResultsReader(results)
    reader.read()
    write(results, record('/c.png', 0.2))
    with pytest.raises(ValueError, match='became shorter since it was read'):
        reader.read()


@pytest.mark.parametrize(
    ('line', 'complaint'),
    [
        ({'path': '/b.png'}, 'line 2 is not a result'),
        ([1], 'line 2 is not a result'),
        (record('/b.png', float('nan')), 'line 2 is not a result'),
        (record('/b.png', 0.2, model='n' * 64), 'line 2 is from another network'),
        (record('/b.png', 0.2, thresholds={'Gun': 0.2, 'Knife': 0.6}), 'line 2 has other thresh'),
    ],
)
def test_invalid_lines_are_named(tmp_path: Path, line: Any, complaint: str) -> None:
    results = write(tmp_path / 'r.jsonl', record('/a.png', 0.2), line)
    with pytest.raises(ValueError, match=complaint):
        read_cases(results)


def test_risk_is_the_margin_over_the_threshold_of_the_class() -> None:
    # 0.62 for Knife is a higher score than 0.5 for Gun, but only just above its threshold
    scores = np.array([[0.01, 0.62], [0.5, 0.1], [0.09, 0.59], [np.nan, np.nan], [0.0, 0.0]])
    assert risk_order(scores, THRESHOLDS).tolist() == [1, 0, 2, 4, 3]


def test_alarms_come_first_at_thresholds_of_any_size() -> None:
    scores = np.array([[1e-9], [2e-8], [0.0], [1.0]])  # the first three have clipped log-odds
    assert risk_order(scores, np.array([1e-8])).tolist()[:2] == [3, 1]
    assert alarms(scores, np.array([0.0])).all()
    assert alarms(scores, np.array([1.0]))[:, 0].tolist() == [False, False, False, True]


def test_labels_are_the_alarms_and_unreadable_files_come_last() -> None:
    review = Review(CLASSES, cases(record('a', 0.2, 0.7), record('b', 0.05, 0.5), record('c')))
    assert review.labels(0, THRESHOLDS) == ['Gun', 'Knife']
    assert review.labels(2, THRESHOLDS) == []
    assert review.labels(0, np.array([0.05, 0.71])) == ['Gun']
    assert risk_order(review.scores, THRESHOLDS).tolist() == [0, 1, 2]


def test_added_cases_are_ranked_among_the_others() -> None:
    review = Review(CLASSES)
    assert risk_order(review.scores, THRESHOLDS).tolist() == []
    review.add(cases(record('a', 0.2)))
    review.add(cases(record('b', 0.9)))
    assert risk_order(review.scores, THRESHOLDS).tolist() == [1, 0]


def test_a_decision_records_what_the_operator_saw(tmp_path: Path) -> None:
    path = tmp_path / 'bag.png'
    path.write_bytes(b'pixels')
    review = Review(CLASSES, cases(record(str(path), 0.2, 0.7)))
    decision = review.decide(0, 'confirm', 'in a shoe', np.array([0.5, 0.6]), 'A. Smith')
    assert (decision.image, decision.labels) == (str(path), ['Knife'])
    assert decision.sha256 == hashlib.sha256(b'pixels').hexdigest()
    assert decision.thresholds == {'Gun': 0.5, 'Knife': 0.6}
    assert (decision.model, decision.comment) == ('m' * 64, 'in a shoe')
    assert decision.screened == f'2026-01-01 {path}'
    assert decision.operator == 'A. Smith'
    assert review.verdicts == {}  # until it is stored
    review.settle(0, decision)
    assert review.verdicts == {0: 'confirm'}


def test_a_deleted_image_has_no_digest() -> None:
    review = Review(CLASSES, cases(record('/nowhere/a.png', 0.2)))
    assert review.decide(0, 'clear', '', THRESHOLDS, 'A. Smith').sha256 is None


def test_comments_are_not_decisions() -> None:
    review = Review(CLASSES, cases(record('a', 0.2)))
    decision = review.decide(0, 'clear', '', THRESHOLDS, 'A. Smith')
    remark = review.decide(0, 'comment', 'look again', THRESHOLDS, 'B. Jones')
    review.settle(0, decision)
    review.settle(0, remark)
    assert review.verdicts == {0: 'clear'}
    assert review.history == {0: [decision, remark]}
    assert Review(CLASSES, review.cases, [remark]).verdicts == {}


def test_earlier_decisions_only_count_for_the_same_screening() -> None:
    before = Review(CLASSES, cases(record('a', 0.2), record('b', 0.2)))
    decisions = [
        before.decide(0, 'confirm', '', THRESHOLDS, 'A. Smith'),
        before.decide(0, 'clear', '', THRESHOLDS, 'A. Smith'),
        before.decide(1, 'clear', '', THRESHOLDS, 'A. Smith'),
    ]
    after = Review(CLASSES, cases(record('a', 0.2), record('b', 0.2, time='later')), decisions)
    assert after.verdicts == {0: 'clear'}
