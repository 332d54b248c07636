import hashlib
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mmsxm.review import worklist as module
from mmsxm.review.decision_log import read_decisions
from mmsxm.review.session import Session
from mmsxm.review.worklist import UploadLimitError, Worklist


@pytest.fixture
def make(
    tmp_path: Path, bag: Path, record: Callable[..., dict], write_results: Callable[..., Path]
) -> Callable[..., Worklist]:
    """Return a function that makes a worklist of Gun scores; None is an unreadable file."""
    (tmp_path / 'uploads').mkdir()

    def build(*guns: float | None, network: Any = None, alarms_only: bool = False) -> Worklist:
        lines = [record(bag, gun, time=f't{number}') for number, gun in enumerate(guns)]
        results = write_results(*lines) if lines else None
        session = Session(tmp_path / 'log', network, results)
        return Worklist(session, tmp_path / 'uploads', alarms_only)

    return build


def pixels(value: int) -> bytes:
    return cv2.imencode('.png', np.full((9, 12, 3), value, np.uint8))[1].tobytes()


def test_views_are_ordered_by_risk_with_unreadable_files_last(
    make: Callable[..., Worklist],
) -> None:
    cases = make(0.1, None, 0.9, 0.6)
    assert cases.order() == [2, 3, 0, 1]
    assert cases.order('alarms') == [2, 3]
    cases.decide(2, 'clear', '', 'A. Smith')
    assert cases.order('to do') == [3, 0, 1]
    assert cases.counts()._asdict() == {
        'images': 4,
        'alarms': 2,
        'unreadable': 1,
        'decided': 1,
        'hidden': 0,
    }


def test_the_next_bag_is_the_riskiest_one_after_the_decided_one(
    make: Callable[..., Worklist],
) -> None:
    cases = make(0.1, None, 0.9, 0.6)
    assert cases.decide(3, 'confirm', '', 'A. Smith') == 0  # 2 was skipped
    assert cases.decide(0, 'clear', '', 'A. Smith') == 1
    assert cases.decide(1, 'comment', 'opened', 'A. Smith') == 2  # a comment is no verdict
    assert cases.decide(1, 'clear', '', 'A. Smith') == 2
    assert cases.decide(2, 'clear', '', 'A. Smith') is None


def test_an_alarms_only_list_hides_bags_without_alarms(
    make: Callable[..., Worklist], network: Any
) -> None:
    cases = make(0.1, None, 0.9, 0.6, network=network, alarms_only=True)
    assert cases.order() == [2, 3, 1]
    assert cases.order('to do') == [2, 3, 1]
    assert cases.counts().hidden == 1
    for forbidden in (
        cases.case,
        cases.load_image,
        cases.load_attention,
        lambda index: cases.decide(index, 'clear', '', 'A. Smith'),
    ):
        with pytest.raises(LookupError, match='no such bag'):
            forbidden(0)
    assert cases.load_image(2).shape == (40, 60, 3)
    assert read_decisions(cases.session.log) == []


def test_an_unreadable_file_is_never_shown_even_if_it_is_readable_now(
    make: Callable[..., Worklist], network: Any
) -> None:
    cases = make(None, 0.9, network=network, alarms_only=True)
    assert cases.case(0).record['error'] == 'the file is empty'
    with pytest.raises(LookupError, match='was not screened'):
        cases.load_image(0)
    assert cases.load_attention(0) is None


@pytest.mark.parametrize('index', [-1, 2, 10**12])
def test_indices_out_of_range_are_rejected(make: Callable[..., Worklist], index: int) -> None:
    with pytest.raises(LookupError, match='no such bag'):
        make(0.1, 0.9).case(index)


def test_decisions_are_logged_with_the_name_of_the_operator(
    make: Callable[..., Worklist], bag: Path
) -> None:
    cases = make(0.9, 0.1)
    cases.decide(0, 'confirm', ' in a shoe\n', '  A.  Smith ')
    (decision,) = read_decisions(cases.session.log)
    assert (decision.operator, decision.comment) == ('A. Smith', 'in a shoe')
    assert (decision.labels, decision.thresholds) == (['Gun'], {'Gun': 0.5, 'Knife': 0.5})
    assert decision.sha256 == hashlib.sha256(bag.read_bytes()).hexdigest()
    assert astuple(cases.review.history[0][0]) == astuple(decision)


@pytest.mark.parametrize(
    ('verdict', 'comment', 'operator', 'complaint'),
    [
        ('maybe', '', 'A. Smith', "'maybe' is not a decision"),
        ('clear', 'x' * 1001, 'A. Smith', 'at most 1,000 characters'),
        ('comment', ' \n', 'A. Smith', 'comment is empty'),
        ('clear', '', ' ', 'name of the operator is empty'),
        ('clear', '', 'a\u202eb', 'cannot be printed'),
    ],
)
def test_invalid_decisions_are_not_logged(
    make: Callable[..., Worklist], verdict: str, comment: str, operator: str, complaint: str
) -> None:
    cases = make(0.9)
    with pytest.raises(ValueError, match=complaint):
        cases.decide(0, verdict, comment, operator)
    assert cases.session.log.read_bytes() == b''
    assert cases.order('to do') == [0]


def test_results_that_are_written_later_join_the_list(
    make: Callable[..., Worklist], record: Callable[..., dict], write_results: Callable[..., Path]
) -> None:
    cases = make(0.6)
    cases.decide(0, 'clear', '', 'A. Smith')
    first, later = record('/bags/a.png', 0.6, time='t0'), record('/bags/b.png', 0.9)
    results = write_results(first | {'path': cases.case(0).path}, later)
    assert cases.refresh() == ''
    assert (cases.order(), cases.order('to do')) == ([1, 0], [1])
    with results.open('a') as file:
        file.write('{}\n')
    assert 'line 3 is not a result' in cases.refresh()
    assert cases.order() == [1, 0]


def test_an_added_image_is_screened_under_its_name(
    make: Callable[..., Worklist], network: Any
) -> None:
    cases = make(0.7, network=network)
    index = cases.add('C:\\lane\\..\\bright.png', pixels(250))
    assert index == 1
    case = cases.case(index)
    assert (case.name, case.record['labels']) == ('bright.png', ['Gun'])
    assert Path(case.path).parent == cases.uploads
    assert cases.order() == [1, 0]
    broken = cases.add('text.png', b'no image')
    assert broken is not None
    assert 'not an image' in cases.case(broken).record['error']


def test_an_added_image_without_alarm_is_deleted_from_an_alarms_only_list(
    make: Callable[..., Worklist], network: Any
) -> None:
    cases = make(network=network, alarms_only=True)
    assert cases.add('dark.png', pixels(10)) is None
    assert list(cases.uploads.iterdir()) == []
    assert cases.order() == []
    assert cases.add('bright.png', pixels(250)) == 1


@pytest.mark.parametrize(('limit', 'value'), [('MAX_UPLOADS', 2), ('MAX_UPLOAD_BYTES', 200)])
def test_added_images_are_limited(
    make: Callable[..., Worklist],
    network: Any,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    value: int,
) -> None:
    monkeypatch.setattr(module, limit, value)
    cases = make(network=network)
    assert 66 < len(pixels(250)) <= 100
    cases.add('a.png', pixels(250))
    cases.add('b.png', pixels(250))
    with pytest.raises(UploadLimitError, match='Start the page again to add more'):
        cases.add('c.png', pixels(250))
    assert cases.order() == [0, 1]
    assert len(list(cases.uploads.iterdir())) == 2


@pytest.mark.parametrize('name', ['', 'folder/', '\\'])
def test_an_added_image_needs_a_name(
    make: Callable[..., Worklist], network: Any, name: str
) -> None:
    with pytest.raises(ValueError, match='name of the image is empty'):
        make(network=network).add(name, pixels(250))


def test_images_cannot_be_added_without_a_network(
    make: Callable[..., Worklist], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match='cannot be added without a network'):
        make(0.9).add('a.png', pixels(250))
    assert list((tmp_path / 'uploads').iterdir()) == []
