import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from threading import Thread

import pytest

from mmsxm.review.decision_log import (
    LONGEST_NAME,
    Decision,
    append_decision,
    check_operator,
    read_decisions,
)

DECISION = Decision(
    time='2026-01-01T00:00:00.000+00:00',
    image='/bags/a\udcff"\n\u2028.png',
    sha256='a' * 64,
    screened='2025-12-31T00:00:00.000+00:00',
    labels=['Gun'],
    thresholds={'Gun': 0.25, 'Knife': 0.5},
    decision='confirm',
    comment='in a shoe, beside "keys"\n',
    model='b' * 64,
    operator='Zoë Ødegård',
)


def test_each_decision_is_one_complete_line(tmp_path: Path) -> None:
    log = tmp_path / 'decisions.jsonl'
    append_decision(log, DECISION)
    append_decision(log, replace(DECISION, decision='clear', sha256=None))
    lines = log.read_bytes().splitlines()
    assert [json.loads(line)['decision'] for line in lines] == ['confirm', 'clear']
    assert read_decisions(log) == [DECISION, replace(DECISION, decision='clear', sha256=None)]


def test_existing_lines_are_never_changed(tmp_path: Path) -> None:
    log = tmp_path / 'decisions.jsonl'
    append_decision(log, DECISION)
    before, inode = log.read_bytes(), os.stat(log).st_ino
    append_decision(log, DECISION)
    assert log.read_bytes() == before * 2
    assert os.stat(log).st_ino == inode


def test_an_incomplete_line_stays_and_the_next_one_is_complete(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = tmp_path / 'decisions.jsonl'
    append_decision(log, DECISION)
    torn = log.read_bytes() + log.read_bytes()[:20]
    log.write_bytes(torn)
    append_decision(log, DECISION)
    assert log.read_bytes().startswith(torn + b'\n')
    assert read_decisions(log) == [DECISION, DECISION]


def test_parallel_decisions_do_not_mix(tmp_path: Path) -> None:
    log = tmp_path / 'decisions.jsonl'
    threads = [
        Thread(target=append_decision, args=(log, replace(DECISION, comment=str(number) * 5000)))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    comments = sorted(decision.comment for decision in read_decisions(log))
    assert comments == [str(number) * 5000 for number in range(8)]


def test_a_decision_is_synced_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / 'decisions.jsonl'
    synced = []
    monkeypatch.setattr(os, 'fsync', lambda number: synced.append(log.stat().st_size))
    append_decision(log, DECISION)
    assert synced == [log.stat().st_size]


def test_a_missing_log_has_no_decisions(tmp_path: Path) -> None:
    assert read_decisions(tmp_path / 'none.jsonl') == []


def test_other_verdicts_are_rejected() -> None:
    with pytest.raises(
        ValueError, match=r"'maybe' is not a valid decision\. Use one of confirm, clear, comment"
    ):
        replace(DECISION, decision='maybe')


def test_logs_without_operators_can_be_read(tmp_path: Path) -> None:
    old = {key: value for key, value in asdict(DECISION).items() if key != 'operator'}
    (tmp_path / 'log').write_text(json.dumps(old) + '\n')
    assert read_decisions(tmp_path / 'log') == [replace(DECISION, operator='')]


def test_the_name_of_an_operator_is_normalized() -> None:
    assert check_operator('  Zoe\u0308 \t\u00d8deg\u00e5rd ') == 'Zoë Ødegård'


@pytest.mark.parametrize(
    ('name', 'complaint'),
    [
        ('', 'is empty. Enter your name'),
        (' \n', 'is empty. Enter your name'),
        ('x' * (LONGEST_NAME + 1), 'has 81 characters. Use at most 80'),
        ('Smith\u202enhoJ', 'cannot be printed'),  # would be shown in reverse
        ('Smith\x1b[2J', 'cannot be printed'),
        ('\udcff', 'cannot be printed'),
    ],
)
def test_invalid_names_of_operators_are_rejected(name: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        check_operator(name)
