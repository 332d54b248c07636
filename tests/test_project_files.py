"""Files that tools and hosts read: citation, hooks, workflow, model index."""

import re
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip('yaml')

ROOT = Path(__file__).resolve().parents[1]


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


def classifiers() -> list[str]:
    """Return the Python versions that the package claims."""
    return re.findall(r"Python :: (3\.\d+)'", (ROOT / 'pyproject.toml').read_text())


def test_the_citation_names_the_paper_as_the_readme_does() -> None:
    citation = load('CITATION.cff')
    assert {'cff-version', 'message', 'title', 'authors'} <= set(citation)
    paper = citation['preferred-citation']
    readme = ' '.join((ROOT / 'README.md').read_text().split())
    assert paper['title'] in readme
    assert paper['url'] in readme
    names = ' and '.join(f'{a["family-names"]}, {a["given-names"]}' for a in paper['authors'])
    assert f'author    = {{{names}}}'.split() == re.findall(r'author += .*?\}', readme)[0].split()


def test_pre_commit_runs_what_make_lint_runs() -> None:
    makefile = (ROOT / 'Makefile').read_text()
    lint = makefile.split('\nlint:')[1].split('\n\n')[0]
    (repo,) = load('.pre-commit-config.yaml')['repos']
    entries = ' '.join(hook['entry'] for hook in repo['hooks'])
    for command in re.findall(r'\$\(PY\) (-m .+)', lint):
        assert command in entries
    assert '.venv/bin/lint-imports --no-cache' in lint
    assert '.venv/bin/lint-imports --no-cache' in entries


def test_the_workflow_runs_the_script_of_ci_on_all_versions_that_are_claimed() -> None:
    (job,) = load('.github/workflows/ci.yml')['jobs'].values()
    assert job['steps'][-1] == {'run': '.ci/run'}
    assert job['strategy']['matrix']['python'] == classifiers()
    script = (ROOT / '.ci/run').read_text()
    for stack in ('make test-openmmlab', 'make test-wheel STACK=openmmlab', 'make docs'):
        assert stack in script


def test_results_of_the_model_index_are_those_of_the_model_pages() -> None:
    pages = (ROOT / 'docs/models/index.md').read_text()
    models = [model for model in load('configs/metafile.yml')['Models'] if 'Results' in model]
    assert models
    for model in models:
        assert (ROOT / model['Config']).is_file()
        (result,) = model['Results']
        for value in result['Metrics'].values():
            assert f' {value} |' in pages
