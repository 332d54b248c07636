import csv
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmsxm.imaging.preprocessing import Preprocessing
from mmsxm.inference.backends import ModelInfo
from mmsxm.inference.calibration import Calibration
from mmsxm.screening.results import Results, write_table

CLASSES = ('Gun', 'Knife')
INFO = ModelInfo('net', CLASSES, Preprocessing((8, 8)), Calibration.default(CLASSES), 'a' * 64)


def record(path: str, **scores: float) -> dict[str, Any]:
    labels = [name for name, score in scores.items() if score >= 0.5]
    thresholds = INFO.calibration.thresholds
    parts = {'regions': [], 'level_weights': [1.0, 0.0, 0.0]}
    outcome = (
        {'labels': labels, 'scores': scores, 'thresholds': thresholds, **parts} if scores else {}
    )
    outcome = outcome or {'error': 'it is empty'}
    return {'path': path, **outcome, 'model': INFO.digest, 'time': '2026-01-01T00:00:00+00:00'}


FIRST, SECOND = record('/a.png', Gun=0.9, Knife=0.5), record('/b.png', Gun=0.1, Knife=0.2)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    path = tmp_path / 'new' / 'results.jsonl'
    with Results(path, INFO) as results:
        for each in (FIRST, SECOND, record('/c.png')):
            results.write(each)
            assert path.read_bytes().endswith(json.dumps(each).encode() + b'\n')  # at once
    return path


def test_screening_resumes_from_the_results(out: Path) -> None:
    with Results(out, INFO) as results:
        assert results.seen == {'/a.png', '/b.png', '/c.png'}
        tally = results.tally
        assert (tally.images, tally.alarms, tally.errors, tally.files) == (2, 1, 1, 3)
        assert tally.by_class == {'Gun': 1, 'Knife': 1}
        results.write(record('/d.png', Gun=0.7, Knife=0.1))
    assert len(out.read_text().splitlines()) == 4


@pytest.mark.parametrize('left', [1, 5, 12, 60, -1])
def test_an_incomplete_line_is_removed(out: Path, left: int) -> None:
    whole = out.read_bytes()
    out.write_bytes(whole + json.dumps(record('/d.png')).encode()[:left])
    with Results(out, INFO) as results:
        assert '/d.png' not in results.seen
    assert out.read_bytes() == whole


def test_names_with_any_bytes_stay_on_one_line(tmp_path: Path) -> None:
    name = '/bags/a\udcff"\n\u2028,.png'
    with Results(tmp_path / 'r.jsonl', INFO) as results:
        results.write(record(name, Gun=0.9, Knife=0.1))
    assert (tmp_path / 'r.jsonl').read_bytes().count(b'\n') == 1
    with Results(tmp_path / 'r.jsonl', INFO) as results:
        assert results.seen == {name}
    write_table(tmp_path / 'r.jsonl', tmp_path / 'r.csv', CLASSES)
    with open(tmp_path / 'r.csv', newline='', encoding='utf-8', errors='surrogateescape') as file:
        assert next(csv.DictReader(file))['path'] == name


def test_names_of_windows_that_are_not_text_are_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, 'getfilesystemencodeerrors', lambda: 'surrogatepass')
    name = 'C:\\bags\\half a smiley \ud83d.png'
    with Results(tmp_path / 'r.jsonl', INFO) as results:
        results.write(record(name, Gun=0.9, Knife=0.1))
    with Results(tmp_path / 'r.jsonl', INFO) as results:
        assert results.seen == {name}
    write_table(tmp_path / 'r.jsonl', tmp_path / 'r.csv', CLASSES)
    assert b'smiley \xed\xa0\xbd.png' in (tmp_path / 'r.csv').read_bytes()


def test_results_of_another_network_are_not_changed(out: Path) -> None:
    whole = out.read_bytes()
    with pytest.raises(
        ValueError, match='line 1 is from the network aaaaaaaa, but the current network is bbbb'
    ):
        Results(out, replace(INFO, digest='b' * 64))
    with pytest.raises(ValueError, match='line 1 has other thresholds'):
        Results(out, replace(INFO, calibration=Calibration.default(CLASSES, 0.4)))
    assert out.read_bytes() == whole


def test_the_same_weights_with_another_config_are_another_network(tmp_path: Path) -> None:
    path = tmp_path / 'results.jsonl'
    with Results(path, replace(INFO, config_digest='c' * 64)) as results:
        results.write({**FIRST, 'config_digest': 'c' * 64})
    with pytest.raises(
        ValueError, match='line 1 was written with the same weights but another config'
    ):
        Results(path, replace(INFO, config_digest='d' * 64))
    with Results(path, replace(INFO, config_digest='c' * 64)) as results:
        assert results.seen == {'/a.png'}


def test_results_from_before_config_digests_are_resumed(out: Path) -> None:
    with Results(out, replace(INFO, config_digest='c' * 64)) as results:
        assert len(results.seen) == 3


@pytest.mark.parametrize(
    'content', ['{"a": 1}', 'notes\n', '[1]\n', '3\n', '{"path": 1}\n', '\0' * 9, '{"path": "x"}\n']
)
def test_a_file_without_results_is_not_changed(tmp_path: Path, content: str) -> None:
    path = tmp_path / 'mine.json'
    path.write_text(content)
    with pytest.raises(ValueError, match='line 1 is not a result'):
        Results(path, INFO)
    assert path.read_text() == content


def test_two_processes_do_not_write_the_same_file(out: Path) -> None:
    pytest.importorskip('fcntl', reason='files are not locked on Windows')
    with Results(out, INFO), pytest.raises(ValueError, match='Another process'):
        Results(out, INFO)


def test_the_table_has_a_row_for_every_line(out: Path) -> None:
    write_table(out, out.with_suffix('.csv'), CLASSES)
    with open(out.with_suffix('.csv'), newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['labels'] for row in rows] == ['Gun;Knife', '', '']
    assert [row['Gun'] for row in rows] == ['0.9', '0.1', '']
    assert [row['error'] for row in rows] == ['', '', 'it is empty']
