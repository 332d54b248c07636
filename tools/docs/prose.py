"""Count how long the sentences and lines of Markdown pages are.

python tools/docs/prose.py README.md docs

Code, tables, link targets, equations and HTML do not count. Prints one line for each page: words
per sentence, and the number of lines with more than 120 characters outside code and tables.
"""

import argparse
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

LONGEST_LINE = 120  # characters
# a sentence ends at its mark, unless an abbreviation or a number ends there
END = re.compile(r'(?<!\be\.g)(?<!\bi\.e)(?<!\bEq)(?<!\bSec)(?<!\bFig)(?<!\bvs)[.!?]["”)]*\s+')
ASIDE = re.compile(r'\$[^$]*\$|\{[:.#][^}]*\}|^\s*(:::|!!!|\?\?\?).*$', re.MULTILINE)
DEFINITION = re.compile(r'\[[^\]]+\]: ')  # of a link, whose address cannot be broken
NOT_PROSE = ('fence', 'code_block', 'html_block')


class Page(NamedTuple):
    """Measurements of one page."""

    path: Path
    sentences: list[str]
    long_lines: list[int]  # line numbers, from 1

    @property
    def words(self) -> int:
        """Number of words in all sentences."""
        return sum(len(sentence.split()) for sentence in self.sentences)


def parse(text: str) -> list[Token]:
    """Parse Markdown with tables; front matter is left out."""
    text = re.sub(r'\A---\n.*?\n---\n', lambda match: '\n' * match[0].count('\n'), text, flags=re.S)
    return MarkdownIt('commonmark').enable('table').parse(text)


def paragraphs(tokens: Sequence[Token]) -> Iterator[str]:
    """Yield the text of each paragraph and list item outside tables and headings."""
    outside = ''  # the table or heading that a token is in
    for token in tokens:
        if token.type in ('table_open', 'heading_open'):
            outside = token.type
        elif token.type in ('table_close', 'heading_close'):
            outside = ''
        elif token.type == 'inline' and not outside:
            yield ''.join(words_of(token.children or []))


def words_of(tokens: Iterable[Token]) -> Iterator[str]:
    """Yield the words of a paragraph; a code span counts as one word, a picture as none."""
    for token in tokens:
        if token.type == 'text':
            yield token.content
        elif token.type == 'code_inline':
            yield 'code'
        elif token.type in ('softbreak', 'hardbreak'):
            yield '\n'


def split_sentences(paragraph: str) -> list[str]:
    """Split a paragraph into sentences of at least one word."""
    text = ASIDE.sub(' ', paragraph)
    return [part for part in END.split(f'{text} ') if re.search(r'\w', part)]


def find_long_lines(text: str, tokens: Sequence[Token]) -> list[int]:
    """Return the numbers of lines that are too long outside code, tables and HTML."""
    skipped: set[int] = set()
    for token in tokens:
        if token.map and token.type in (*NOT_PROSE, 'table_open'):
            skipped.update(range(token.map[0] + 1, token.map[1] + 1))
    return [
        number
        for number, line in enumerate(text.splitlines(), start=1)
        if len(line) > LONGEST_LINE and number not in skipped and not DEFINITION.match(line)
    ]


def measure(path: Path) -> Page:
    """Measure one page."""
    text = path.read_text(encoding='utf-8')
    tokens = parse(text)
    sentences = [s for paragraph in paragraphs(tokens) for s in split_sentences(paragraph)]
    return Page(path, sentences, find_long_lines(text, tokens))


def average_length(pages: Iterable[Page]) -> float:
    """Return the words per sentence of all pages together; 0 without any sentence."""
    pages = list(pages)
    sentences = sum(len(page.sentences) for page in pages)
    return sum(page.words for page in pages) / sentences if sentences else 0.0


def main() -> None:
    """Print the measurements of the pages on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('paths', nargs='+', type=Path, help='Markdown files, or folders of them')
    parser.add_argument('--longest', type=int, default=0, help='also print the N longest sentences')
    args = parser.parse_args()
    files = [f for p in args.paths for f in (sorted(p.rglob('*.md')) if p.is_dir() else [p])]
    pages = [measure(file) for file in files]
    for page in pages:
        lines = f'; long lines: {", ".join(map(str, page.long_lines))}' if page.long_lines else ''
        print(f'{average_length([page]):5.1f} words per sentence  {page.path}{lines}')
    long_lines = sum(len(page.long_lines) for page in pages)
    print(f'{average_length(pages):5.1f} words per sentence, {long_lines} long lines in all')
    longest = sorted((s for p in pages for s in p.sentences), key=lambda s: -len(s.split()))
    for sentence in longest[: args.longest]:
        print(f'{len(sentence.split())}: {" ".join(sentence.split())}')


if __name__ == '__main__':
    main()
