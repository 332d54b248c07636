"""The counter of words per sentence, and its limits for README, tutorials and all pages."""

from pathlib import Path

import pytest
from prose import average_length, find_long_lines, measure, parse, split_sentences

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted((ROOT / 'docs').rglob('*.md'))
SHORT = [ROOT / 'README.md', *sorted((ROOT / 'docs' / 'tutorials').glob('*.md'))]
CHECKED = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', ROOT / 'SECURITY.md', *DOCS]

PAGE = """
# A heading of five words

One two three. Four `code with spaces` six! See [the page](a/very/long/target.md) now.

| a table | with | cells. That do not count. |
|---|---|---|
| x | y | z |

- An item.
- Another item, e.g. this one

```bash
code --that is not counted. At all.
```
"""


def write(folder: Path, text: str) -> Path:
    path = folder / 'page.md'
    path.write_text(text)
    return path


def test_only_prose_is_counted(tmp_path: Path) -> None:
    page = measure(write(tmp_path, PAGE))
    assert [len(sentence.split()) for sentence in page.sentences] == [3, 3, 4, 2, 5]
    assert average_length([page]) == pytest.approx(17 / 5)


def test_abbreviations_and_numbers_do_not_end_a_sentence() -> None:
    assert len(split_sentences('See Eq. 1 and Fig. 2, i.e. version 0.1 of it.')) == 1


def test_a_page_without_prose_has_no_average(tmp_path: Path) -> None:
    assert average_length([measure(write(tmp_path, '# Title\n'))]) == 0


def test_long_lines_in_code_and_tables_are_allowed() -> None:
    long = 'word ' * 30
    text = f'{long}\n\n```text\n{long}\n```\n\n| a |\n|---|\n| {long} |\n\n{long}\n'
    assert find_long_lines(text, parse(text)) == [1, 11]


@pytest.mark.parametrize('path', CHECKED, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_line_of_prose_is_longer_than_120_characters(path: Path) -> None:
    assert measure(path).long_lines == []


def test_readme_and_tutorials_have_short_sentences() -> None:
    for path in SHORT:
        assert average_length([measure(path)]) <= 18, path


def test_pages_have_sentences_of_22_words_on_average() -> None:
    assert average_length(map(measure, CHECKED)) <= 22


def test_the_readme_fits_on_a_few_screens() -> None:
    assert len((ROOT / 'README.md').read_text().splitlines()) <= 200
