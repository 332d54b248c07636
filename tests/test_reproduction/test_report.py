"""Tables of a suite."""

import csv
from pathlib import Path

import pytest

from mmsxm.reproduction import report
from mmsxm.reproduction.reproduction import Reproduction
from mmsxm.reproduction.rows import TABLES

ROOT = Path(__file__).resolve().parents[2]
# tables of folds have another format
COMMITTED = sorted(path for path in (ROOT / 'results').glob('*/*.md') if path.stem != 'boxes')


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Table 2 of the simulated bags, with one seed and without the slow bootstrap."""
    monkeypatch.setattr(report, '_differences', lambda *_: [])
    suite = ROOT / 'configs/suites/sim-sixray.py'
    reproduction = Reproduction(suite, 'nowhere', ROOT / 'results/sim-sixray/runs')
    report.write_table(reproduction, '2', [0], tmp_path)
    return tmp_path


def test_a_table_names_backbone_input_size_and_data(written: Path) -> None:
    ours, paper = (written / 'table2.md').read_text().split('\n## Paper')
    assert (
        "## Trained here: ResNet-18, 112 px, simulated bags in SIXray's layout, 1,200 to train on, "
        '400 to test on\n' in ours
    )
    assert '| plain network | ResNet-18 | as Stage II |' in ours
    assert paper.startswith(': ResNet-50 and ResNet-101, 224 px, full SIXray\n')
    assert '| plain network | ResNet-50 | 93.36 |' in paper
    assert '| CHR | ResNet-101 | 93.96 |' in paper


def test_our_rows_contain_no_numbers_of_the_paper(written: Path) -> None:
    ours, _ = (written / 'table2.md').read_text().split('\n## Paper')
    for row in TABLES['2']:
        assert f'{row.paper["sixray"]:.2f}' not in ours


def test_csv_files_keep_their_columns(written: Path) -> None:
    with open(written / 'table2.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ['row', 'mAP_mean', 'mAP_std', 'seeds', 'paper']
    with open(written / 'table2_details.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:7] == ['row', 'label', 'budget', 'mAP_mean', 'mAP_std', 'seeds', 'paper']
    assert rows[0]['label'] == 'plain network'  # a suite may replace the backbone


@pytest.mark.parametrize('table', ['3', '8', 'attention', 'boxes'])
def test_committed_tables_can_be_recomputed_from_the_packed_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setattr(report, '_differences', lambda *_: [])  # slow
    results = ROOT / 'results/sim-sixray'
    reproduction = Reproduction(ROOT / 'configs/suites/sim-sixray.py', 'nowhere', results / 'runs')
    numbers, details, _ = report.write_table(reproduction, table, [0, 1, 2], tmp_path)
    for path in (numbers, details):
        assert path.read_bytes() == (results / path.name).read_bytes()


def test_records_with_other_settings_are_not_reported(tmp_path: Path) -> None:
    suite = tmp_path / 'changed.py'
    suite.write_text(f"_base_ = '{ROOT / 'configs/suites/sim-sixray.py'}'\nbatch_size = 3\n")
    reproduction = Reproduction(suite, 'nowhere', ROOT / 'results/sim-sixray/runs')
    with pytest.raises(ValueError, match=r'seed0/ has other settings than .*changed\.py'):
        report.write_table(reproduction, '2', [0], tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_a_suite_without_a_description_is_described_by_its_family() -> None:
    reproduction = Reproduction(ROOT / 'configs/suites/opixray.py', 'nowhere', 'nowhere')
    entries = [
        {'config': reproduction.config(run), 'runs': []}
        for run in reproduction.plan(TABLES['2'][:1], [0])
    ]
    assert report._ours(reproduction, entries) == 'ResNet-50, 224 px, full OPIXray'


@pytest.mark.parametrize('path', COMMITTED, ids=lambda path: f'{path.parent.name}/{path.stem}')
def test_committed_tables_have_the_current_format(path: Path) -> None:
    text = path.read_text()
    assert text.count('\n## Trained here: ') == 1
    assert text.count('\n## Paper: ') == (path.stem != 'attention')
