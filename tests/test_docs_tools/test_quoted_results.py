"""Numbers on README and model pages are those of the tables in results/."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs' / 'models').glob('*.md'))]
TABLES = '\n'.join(path.read_text() for path in sorted((ROOT / 'results').rglob('*.md')))
MEAN = re.compile(r'\d+\.\d\d ± \d+\.\d\d')
DIFFERENCE = re.compile(r'[+-]\d+\.\d \[[+-]\d+\.\d, [+-]\d+\.\d\]')
# an earlier round on two CPU cores, whose records were replaced
EARLIER = {'+10.1 [+7.0, +13.4]', '-4.3 [-8.5, -0.2]'}


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_means_and_differences_are_those_of_a_table(page: Path) -> None:
    text = ' '.join(page.read_text().split())
    quoted = set(MEAN.findall(text)) | set(DIFFERENCE.findall(text)) - EARLIER
    assert {number for number in quoted if number not in TABLES} == set()


def test_rows_of_the_readme_are_rows_of_the_suites() -> None:
    rows = re.findall(
        r'^\| (.+?) \| (ResNet-18|MobileNetV2) \| .*? \| (\d\d\.\d\d ± \d\.\d\d) \|',
        (ROOT / 'README.md').read_text(),
        re.M,
    )
    assert len(rows) == 11
    names = {'SXMNet (MF-N)': 'MF-N', 'SXMNet (MF-I, default)': 'MF-I'}
    for network, backbone, value in rows:
        suite = 'sim-sixray' if backbone == 'ResNet-18' else 'sixray-mini'
        tables = [(ROOT / f'results/{suite}/table{n}.md').read_text() for n in (2, 4)]
        tables.append((ROOT / 'results/sim-sixray/boxes.md').read_text())
        budget = 'Stage I, Stage II' if network in names else 'as Stage I and II'
        row = f'| {names.get(network, network)} | {backbone} | {budget} | {value} |'
        assert any(row in table for table in tables), row
