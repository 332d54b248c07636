"""The tutorials run from beginning to end, as they stand, in an empty folder beside the configs."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TUTORIALS = ROOT / 'docs' / 'tutorials'
BLOCK = re.compile(r'^```(bash|python)\n(.*?)^```', re.MULTILINE | re.DOTALL)

# blocks that are not run here, by a pattern, and why
NOT_RUN = {
    r'--seeds 0,1,2$': 'trains for hours; the rehearsal before it runs',
    r'work_dirs/my_head': 'trains for minutes; the rehearsal before it runs',
    r'mobilenet_v2\.pth': 'needs ImageNet weights; see test_tools.py',
    r'\.venv/bin/activate|^pip install': 'the environment is that of the tests',
}
# what is replaced in a tutorial, so that it takes a minute instead of ten
SMALLER = {
    'own_bags': {
        '--train 960 --test 40 --negatives 600': '--train 90 --test 4 --negatives 40',
        'number % 37 == 0': 'number % 9 == 0',
        'milestones=[16, 22]': 'milestones=[1]',
        'max_epochs=24, val_interval=8': 'max_epochs=1, val_interval=1',
        '--detection-rate 0.9': '--detection-rate 0.5',  # a few bags of each class are enough
    },
}
# modules of the extras that a tutorial installs
EXTRAS = {'own_bags': ('onnxscript', 'onnxruntime', 'openvino', 'fastapi', 'uvicorn')}


def blocks(page: str) -> list[tuple[str, str]]:
    """Return language and text of the blocks of a page."""
    return [(match[1], match[2]) for match in BLOCK.finditer(page)]


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a folder with the configs, in which the command ``mmsxm`` is this package.

    The notebook runs in it after its tutorial, and finds the networks trained.
    """
    folder = tmp_path_factory.mktemp('tutorials')
    (folder / 'configs').symlink_to(ROOT / 'configs')
    programs = folder / 'bin'
    programs.mkdir()
    for name, command in (('mmsxm', ROOT / 'tests' / 'short_services.py'), ('python', '')):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {command} "$@"\n')
        program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PATH', f'{programs}{os.pathsep}{os.environ["PATH"]}')
        patch.setenv('PYTHONPATH', str(ROOT))
        yield folder


@pytest.mark.parametrize('name', ['reproduce_a_table', 'own_attention_head', 'own_bags'])
def test_a_tutorial_runs_as_it_stands(name: str, folder: Path) -> None:
    for module in EXTRAS.get(name, ()):
        pytest.importorskip(module, reason='pip install -r requirements/tests.txt')
    smaller = SMALLER.get(name, {})
    page = (TUTORIALS / f'{name}.md').read_text()
    for large, small in smaller.items():
        assert large in page, f'no longer in {name}.md'
        page = page.replace(large, small)
    script = []
    for language, text in blocks(page):
        if language == 'python':
            file = re.match(r'# (\S+\.py)\n', text)
            assert file, f'the first line names the file:\n{text}'
            (folder / file[1]).write_text(text)
        elif not any(re.search(pattern, text.strip()) for pattern in NOT_RUN):
            # the package may not be installed where tests run
            text = text.replace('PYTHONPATH=$PWD', f'PYTHONPATH=$PWD:{ROOT}')
            # 1 means that there is an alarm
            script.append(re.sub(r'^(mmsxm screen .*)', r'\1 || [ $? = 1 ]', text, flags=re.M))
    assert script
    done = subprocess.run(
        ['bash', '-euxo', 'pipefail', '-c', '\n'.join(script)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    assert done.returncode == 0, f'{done.stdout[-3000:]}\n{done.stderr[-3000:]}'


def test_the_columns_that_the_first_tutorial_explains_are_those_of_a_table() -> None:
    text = (TUTORIALS / 'reproduce_a_table.md').read_text()
    explained = re.findall(r'^\| ([\w ]+) \| ', text.split('## 4.')[1].split('## 5.')[0], re.M)
    table = (ROOT / 'results/sim-sixray/table3.md').read_text()
    (header,) = re.findall(r'^\| network \| backbone .*$', table, re.M)[:1]
    assert {name for name in explained if name != 'column'} <= {
        re.sub(r' \(.*?\)', '', name).strip() for name in header.split('|')
    }


def test_the_notebook_runs(folder: Path) -> None:
    nbformat = pytest.importorskip('nbformat', reason='pip install -r requirements/tests.txt')
    nbclient = pytest.importorskip('nbclient', reason='pip install -r requirements/tests.txt')
    pytest.importorskip('ipykernel', reason='pip install -r requirements/tests.txt')
    notebook = nbformat.read(TUTORIALS / 'reproduce_a_table.ipynb', as_version=4)
    resources = {'metadata': {'path': folder}}
    nbclient.NotebookClient(notebook, timeout=1200, resources=resources).execute()
    outputs = [output for cell in notebook.cells for output in cell.get('outputs', ())]
    assert any('FPN, attention' in str(output) for output in outputs)
    assert any('image/jpeg' in output.get('data', {}) for output in outputs)


def test_notebook_and_page_describe_the_same_suite() -> None:
    nbformat = pytest.importorskip('nbformat', reason='pip install -r requirements/tests.txt')
    notebook = nbformat.read(TUTORIALS / 'reproduce_a_table.ipynb', as_version=4)
    (suite,) = (cell.source for cell in notebook.cells if 'write_text' in cell.source)
    page = (TUTORIALS / 'reproduce_a_table.md').read_text().split('# rehearsal.py\n')[1]
    assert page.split('```')[0] in suite
    commands = [cell.source for cell in notebook.cells if '-m mmsxm' in cell.source]
    for command in commands:
        assert command.split('-m mmsxm ')[1] in page
