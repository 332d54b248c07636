"""The site: links to files of the repository, generated pages, and no assets from other servers."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_reference import parser_of, render_command, render_commands
from config_reference import read_config, render_configs
from site_links import ROOT, rewrite_links, site_path, suites

from mmsxm.cli.main import COMMANDS

ASSET = re.compile(r'<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)="([^"]+)"')


# ---------------------------------------------------------------------------- links


def test_links_inside_the_docs_stay_as_they_are() -> None:
    text = 'See [data](data.md#layouts), [this](#here) and [a site](https://example.org/x.md).'
    assert rewrite_links(text, ROOT / 'docs', 'paper.md') == text


@pytest.mark.parametrize(
    ('target', 'rewritten'),
    [
        ('../../README.md', '../index.md'),
        ('../../CONTRIBUTING.md#adding-a-config', '../development/contributing.md#adding-a-config'),
        ('../../results', '../results/index.md'),
        ('../../results/sim-sixray', '../results/sim-sixray.md'),
        ('../../results/sim-sixray/table3.md', '../results/sim-sixray.md'),
        ('../../results/sim-sixray/figure4.png', '../results/sim-sixray/figure4.png'),
        ('../paper.md#rows', '../paper.md#rows'),
    ],
)
def test_links_to_files_outside_the_docs_lead_to_their_pages(target: str, rewritten: str) -> None:
    text = rewrite_links(f'[x]({target})', ROOT / 'docs' / 'models', 'models/index.md')
    assert text == f'[x]({rewritten})'


def test_links_of_the_contributing_guide_fit_its_place_on_the_site() -> None:
    text = rewrite_links('[x](docs/checking.md) `y`', ROOT, 'development/contributing.md')
    assert text == '[x](../checking.md) `y`'


def test_a_link_to_source_code_becomes_text_and_code_is_left_alone() -> None:
    text = '[the head](../mmsxm/models/fpn.py)\n\n```text\n[x](../README.md)\n```\n'
    rewritten = rewrite_links(text, ROOT / 'docs', 'paper.md')
    assert rewritten == 'the head\n\n```text\n[x](../README.md)\n```\n'


def test_each_suite_with_tables_or_figures_has_a_page() -> None:
    assert {'sim-sixray', 'sixray', 'sixray-mini', 'sixray-mini-3x'} <= set(suites())
    assert site_path(ROOT / 'results/sim-sixray/runs.zip') is None


# ---------------------------------------------------------------------------- generated pages


def test_every_command_is_in_the_reference_with_all_its_options() -> None:
    reference = render_commands()
    for name in COMMANDS:
        assert f'\n### mmsxm {name}\n' in reference
    for action in parser_of('train')._actions:
        if action.option_strings and action.help != argparse.SUPPRESS and action.dest != 'help':
            assert f'`{action.option_strings[0]}' in reference


def test_the_reference_does_not_depend_on_the_machine() -> None:
    (row,) = (line for line in render_command('screen') if line.startswith('| `--workers'))
    assert row.endswith('(default: depends on the machine) |')


def test_sub_commands_have_sections() -> None:
    lines = list(render_command('simulate'))
    assert '#### mmsxm simulate sixray' in lines
    assert '#### mmsxm simulate opixray' in lines


def test_a_config_is_described_by_its_comment_and_bases() -> None:
    configs = ROOT / 'configs'
    config = read_config(configs / 'demo/sxmnet_stage2.py', configs)
    assert config.purpose == 'Stage II on simulated bags, small enough for two CPU cores'
    assert config.bases[0] == '_base_/models/sxmnet_r50_stage2.py'
    own = read_config(configs / 'evidence_own.py', configs)
    assert '_base_/datasets/coco_xray.py' in own.bases, 'the default of the variable'


def test_every_config_is_in_the_reference_and_every_base_exists() -> None:
    configs = ROOT / 'configs'
    reference = render_configs(configs)
    for path in configs.rglob('*.py'):
        assert f'| `{path.relative_to(configs).as_posix()}` |' in reference
        for base in read_config(path, configs).bases:
            assert (configs / base).is_file()


def test_markup_of_docstrings_becomes_markdown() -> None:
    pytest.importorskip('griffe', reason='needs the extra [docs]')
    from docstring_markup import to_markdown

    text = 'See :func:`~mmsxm.fuse` and ``P3``::\n\n    x = 1'
    assert to_markdown(text) == 'See `mmsxm.fuse` and `P3`:\n\n    x = 1'


# ---------------------------------------------------------------------------- the site


@pytest.fixture(scope='module')
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as ``make docs`` does: a broken link or anchor is an error."""
    for name in ('mkdocs', 'material', 'mkdocstrings'):
        pytest.importorskip(name, reason='needs the extra [docs]')
    out = tmp_path_factory.mktemp('site')
    done = subprocess.run(
        [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--site-dir', str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_no_page_loads_anything_from_another_server(site: Path) -> None:
    pages = list(site.rglob('*.html'))
    assert len(pages) > 30
    for page in pages:
        assets = ASSET.findall(page.read_text())
        assert [asset for asset in assets if '//' in asset] == [], page
    for style in site.rglob('*.css'):
        assert not re.search(r'url\(["\']?(https?:)?//', style.read_text()), style


def test_markers_are_filled_and_roles_are_gone(site: Path) -> None:
    for page in site.rglob('*.html'):
        text = page.read_text()
        assert '<!-- commands' not in text
        assert '<!-- configs' not in text
        assert not re.search(r':(class|func|meth):<code>', text), page
    assert 'BottomUpAttentionHead' in (site / 'reference/api/models.html').read_text()
