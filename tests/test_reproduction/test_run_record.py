"""Record of a run."""

import json
import subprocess
from pathlib import Path

import pytest

from mmsxm.reproduction.run_record import (
    by_epoch,
    read_epochs,
    read_history,
    revision,
    write_epochs,
)

ROOT = Path(__file__).resolve().parents[2]

LINES = [
    {'loss': 3.0, 'loss_cls': 2.0, 'lr': 0.1, 'epoch': 1, 'step': 20},
    {'loss': 2.0, 'loss_cls': 1.0, 'lr': 0.1, 'epoch': 1, 'step': 40},
    {'xray/mAP': 1 / 3, 'xray/pointing': None, 'time': 0.1, 'step': 1},
    {'loss': 1.0, 'loss_cls': 0.5, 'lr': 0.1, 'epoch': 2, 'step': 60},
]


@pytest.mark.skipif(not (ROOT / '.git').exists(), reason='not a clone')
def test_the_revision_is_the_commit_of_the_code() -> None:
    head = subprocess.run(
        ['git', '-C', str(ROOT), 'rev-parse', 'HEAD'], capture_output=True, text=True, check=True
    )
    commit = revision()
    assert commit is not None
    assert commit.removesuffix('+') == head.stdout.strip()


def test_losses_are_averaged_by_epoch_and_listed_with_its_test() -> None:
    assert by_epoch(LINES) == [
        {'epoch': 1, 'loss': 2.5, 'loss_cls': 1.5, 'xray/mAP': 1 / 3},
        {'epoch': 2, 'loss': 1.0, 'loss_cls': 0.5},
    ]


def test_the_record_and_the_logs_have_the_same_epochs(tmp_path: Path) -> None:
    logs, record = tmp_path / 'work', tmp_path / 'record'
    (logs / '2026' / 'vis_data').mkdir(parents=True)
    (logs / '2026' / 'vis_data' / 'scalars.json').write_text('\n'.join(map(json.dumps, LINES)))
    write_epochs(record, by_epoch(read_history(logs)))
    from_logs, from_record = read_epochs(logs), read_epochs(record)
    assert len(from_logs) == len(from_record) == 2
    for logged, recorded in zip(from_logs, from_record, strict=True):
        assert logged == pytest.approx(recorded, rel=1e-5)
    write_epochs(tmp_path / 'again', from_record)
    assert (tmp_path / 'again' / 'epochs.csv').read_bytes() == (record / 'epochs.csv').read_bytes()


def test_the_error_for_a_folder_without_epochs_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'nothing has no epochs\.csv'):
        read_epochs(tmp_path / 'nothing')


def test_an_incomplete_last_line_of_a_killed_run_is_skipped(tmp_path: Path) -> None:
    log = tmp_path / '1' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text('{"loss": 2.0, "step": 1}\n{"loss": 1.')
    assert read_history(tmp_path) == [{'loss': 2.0, 'step': 1}]
    log.write_text('{"loss": 1.\n{"loss": 2.0, "step": 1}\n')
    with pytest.raises(ValueError, match='line 1 is not valid JSON'):
        read_history(tmp_path)
