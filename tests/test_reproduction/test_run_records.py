"""What a run leaves behind."""

import json
import subprocess
from pathlib import Path

import pytest

from mmsxm.reproduction.run_records import (
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


def test_losses_of_an_epoch_are_averaged_and_stand_beside_its_test() -> None:
    assert by_epoch(LINES) == [
        {'epoch': 1, 'loss': 2.5, 'loss_cls': 1.5, 'xray/mAP': 1 / 3},
        {'epoch': 2, 'loss': 1.0, 'loss_cls': 0.5},
    ]


def test_epochs_are_read_from_the_record_as_from_the_logs(tmp_path: Path) -> None:
    logs, record = tmp_path / 'work', tmp_path / 'record'
    (logs / '2026' / 'vis_data').mkdir(parents=True)
    (logs / '2026' / 'vis_data' / 'scalars.json').write_text('\n'.join(map(json.dumps, LINES)))
    write_epochs(record, by_epoch(read_history(logs)))
    from_logs, from_record = read_epochs(logs), read_epochs(record)
    assert len(from_logs) == len(from_record) == 2
    for here, there in zip(from_logs, from_record, strict=True):
        assert here == pytest.approx(there, rel=1e-5)
    write_epochs(tmp_path / 'again', from_record)
    assert (tmp_path / 'again' / 'epochs.csv').read_bytes() == (record / 'epochs.csv').read_bytes()


def test_a_folder_without_epochs_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'nothing has no epochs\.csv'):
        read_epochs(tmp_path / 'nothing')


def test_a_line_that_a_killed_run_left_half_written_is_passed_over(tmp_path: Path) -> None:
    log = tmp_path / '1' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text('{"loss": 2.0, "step": 1}\n{"loss": 1.')
    assert read_history(tmp_path) == [{'loss': 2.0, 'step': 1}]
    log.write_text('{"loss": 1.\n{"loss": 2.0, "step": 1}\n')
    with pytest.raises(ValueError, match='line 1 is not valid JSON'):
        read_history(tmp_path)
