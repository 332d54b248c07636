"""Hooks of MkDocs: pages that are generated when the site is built.

- README, contributing guide, changelog and security policy get pages, or links to one;
- each suite in ``results/`` gets a page of its tables and figures;
- markers such as ``<!-- commands -->`` are replaced by what is read from the code.
"""

import re
from collections.abc import Callable
from pathlib import Path

from command_reference import render_commands
from config_reference import render_configs
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from site_links import DOCS, PAGES, ROOT, is_shown, rewrite_links, suites

MARKERS: dict[str, Callable[[], str]] = {
    '<!-- commands -->': render_commands,
    '<!-- configs -->': lambda: render_configs(ROOT / 'configs'),
}
# ranks in the search of the site: guides before the API, whose long pages contain every word
SEARCH_BOOSTS = {
    'reference/api/': 0.3,
    'development/': 0.5,
    'results/': 0.5,
    'glossary.md': 2.0,
    'own_data.md': 2.0,
}
TITLES = {
    'sim-sixray': 'Simulated bags (sim-sixray)',
    'sixray': "SIXray's positives (sixray)",
    'sixray-mini': 'A subset of SIXray (sixray-mini)',
    'sixray-mini-192': 'A subset of SIXray by cross-validation, 192 pixels (sixray-mini-192)',
    'sixray-mini-3x': 'A subset of SIXray, three times as long (sixray-mini-3x)',
}


def results_page(suite: str) -> str:
    """Return the page of a suite: its figures, and its tables one below the other."""
    folder = ROOT / 'results' / suite
    text = [f'# {TITLES.get(suite, suite)}', '']
    for path in sorted(folder.glob('*.png')):
        text += [f'## {path.stem.replace("figure", "Figure ")}', '', f'![]({path.name})', '']
    for path in sorted(folder.glob('*.md')):
        demoted = re.sub(r'^#', '##', path.read_text(encoding='utf-8'), flags=re.MULTILINE)
        text += [demoted.replace(f', suite {suite}', ''), '']
    files = ', '.join(f'[{path.name}]({path.name})' for path in sorted(folder.glob('*.csv')))
    if files:
        text += ['## Files', '', f'The same numbers, and those of each class: {files}', '']
    return rewrite_links('\n'.join(text), folder, f'results/{suite}.md')


def results_index() -> str:
    """Return the page that lists the suites with results."""
    text = [
        '# Results',
        '',
        'The tables and figures that `mmsxm reproduce` and `mmsxm figures` wrote, by suite.',
        'A suite lays a data set, a backbone and a schedule over the configs of the paper.',
        '',
    ]
    text += [f'- [{TITLES.get(suite, suite)}]({suite}.md)' for suite in suites()]
    return '\n'.join(text)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and pictures of files outside ``docs/``."""
    for name, page in PAGES.items():
        if not (DOCS / page).is_file():
            text = rewrite_links((ROOT / name).read_text(encoding='utf-8'), ROOT, page)
            files.append(File.generated(config, page, content=text))
    files.append(File.generated(config, 'results/index.md', content=results_index()))
    for suite in suites():
        files.append(File.generated(config, f'results/{suite}.md', content=results_page(suite)))
        for path in sorted((ROOT / 'results' / suite).iterdir()):
            if is_shown(path) and path.suffix != '.md':
                name = path.relative_to(ROOT).as_posix()
                files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fill the markers of a page, rewrite its links to files outside ``docs/``, and rank it."""
    for marker, render in MARKERS.items():
        if marker in markdown:
            markdown = markdown.replace(marker, render())
    source = Path(page.file.src_uri)
    for start, boost in SEARCH_BOOSTS.items():
        if page.file.src_uri.startswith(start):
            page.meta['search'] = {'boost': boost}
    if (DOCS / source).is_file():
        markdown = rewrite_links(markdown, (DOCS / source).parent, source.as_posix())
    return markdown
