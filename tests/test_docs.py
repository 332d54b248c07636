"""README and docs: links lead somewhere, commands are real, and what can run in seconds is run."""

import argparse
import contextlib
import io
import itertools
import json
import multiprocessing
import os
import re
import runpy
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from markdown_it import MarkdownIt
from markdown_it.token import Token

from mmsxm.calibration.fit import store_calibration
from mmsxm.cli import main as command_line
from mmsxm.datasets import SIXray
from mmsxm.inference.calibration import Calibration
from mmsxm.registry import MODELS
from mmsxm.simulation import write_opixray
from mmsxm.training.config import load_config

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / f'{name}.md' for name in ('README', 'CONTRIBUTING', 'CHANGELOG', 'SECURITY')]
PAGES += sorted((ROOT / 'docs').rglob('*.md'))
TUTORIALS = ROOT / 'docs' / 'tutorials'  # run by test_tutorials.py
DOCTOR = 'mmsxm/doctor.py'  # reads no arguments
TOOLS = {
    path.relative_to(ROOT).as_posix(): path
    for folder in ('tools', 'tools/benchmarks', 'tests')
    for path in ROOT.glob(f'{folder}/*.py')
    if 'ArgumentParser' in path.read_text() or folder == 'tools'
    if not path.name.startswith('test_')
}
# the file in tools/ that runs a command
SHIMS = {
    match[1]: name
    for name, path in TOOLS.items()
    if (match := re.search(r"^    run\('([\w-]+)'\)", path.read_text(), re.MULTILINE))
}
TOOLS[DOCTOR] = ROOT / DOCTOR

# commands and programs that are not run here, by a pattern, and why; all others are
NOT_RUN = {
    r'tools/(dist_)?train\.': 'trains for days; the demo below, and test_end_to_end.py, train',
    r'tools/reproduce\.py .*--seeds 0,1,2$': 'trains for hours; test_reproduction.py does it small',
    r'tools/reproduce\.py .*(--jobs 2|,evidence)$': 'trains for hours; see test_folds.py',
    r'tools/generate_meta_labels\.py': 'needs a trained teacher; see test_meta_labels.py',
    r'tools/cross_scanner\.py': 'trains for minutes; see test_tools.py',
    r'pretrained=True': 'downloads weights; see test_tools.py',
    r'tools/convert_weights\.py': 'needs ImageNet weights; see test_tools.py',
    r'\$CONFIG': 'needs the network that the command before it trains',
    r'tools/compare_sets\.py .*--probe': 'needs ImageNet weights; see test_tools.py',
    r'tools/figures\.py .*--figure [56]': 'needs a suite that is trained; see test_figures.py',
    r'tools/simulate\.py .*(--train 1000|--test 500)': 'simulates for minutes; see test_simulation',
    r'tools/calibrate\.py': 'needs hundreds of images; see test_calibrate.py',
    r'--precision int8': 'quantizes for a minute; see test_int8_export.py',
    r'tools/benchmarks/\w+\.py': 'takes minutes, to be measured by hand',
    r'tests/kill_and_resume\.py': 'trains for minutes; see test_faults.py',
    r'tools/review\.py': 'serves until it is stopped; see test_page.py',
    r'tools/serve\.py': 'serves until it is stopped; see test_server.py',
    r'127\.0\.0\.1:8000': 'needs the service that is not run here; see test_app.py',
    r'--watch': 'watches until it is stopped; see test_screen_tool.py',
    r'--engine ray': 'needs a Ray cluster; see test_screen_tool.py',
    r'percentile_window': 'needs 16-bit images; see test_percentile_window.py',
    r'\{\'images\': images\}': "the images are the reader's",
}
LONGEST = 300  # seconds that a command may run, also on a busy machine
# what a page leaves to its reader
PLACEHOLDERS = {'IMAGES': 'data/demo/JPEGImage'}
# their extras, by what they import
EXTRAS = {
    '.onnx': 'onnxscript',
    '--format onnx': 'onnxscript',
    '.xml': 'openvino',
    'review': 'fastapi',
    'mobilenet-v4_own': 'timm',
}


class Command(NamedTuple):
    """A command, or a program in Python, as it stands on a page."""

    place: str  # page:line
    text: str
    env: dict[str, str]  # what stands before it, or was exported above it on the page
    tool: str = ''  # tools/x.py, empty for another program
    args: tuple[str, ...] = ()
    program: str = ''  # Python

    @property
    def full_text(self) -> str:
        """What patterns are looked for in."""
        return f'{self.env} {self.tool} {self.text}{self.program}'

    @property
    def is_run(self) -> bool:
        return not any(re.search(pattern, self.full_text) for pattern in NOT_RUN)


def tokens(page: Path) -> Iterator[Token]:
    """The parts of a page, those within a line after the line."""
    for token in MarkdownIt('commonmark').enable('table').parse(page.read_text()):
        yield token
        yield from token.children or []


def inline_code(page: Path) -> list[str]:
    """What stands between backticks."""
    return [token.content for token in tokens(page) if token.type == 'code_inline']


def lines_of(block: str) -> Iterator[tuple[int, str]]:
    """Number and text of each command: continued lines and documents within are one."""
    lines = iter(enumerate(block.splitlines()))
    for number, line in lines:
        while line.endswith('\\'):
            line = line[:-1] + next(lines)[1].lstrip()
        if "<<'EOF'" in line:
            line += ''.join(
                f'\n{text}' for _, text in itertools.takewhile(lambda x: x[1] != 'EOF', lines)
            )
        yield number, line


def parse_command(place: str, line: str, exported: dict[str, str]) -> Command | None:
    """Read a line of a block; None where it is none of ours. What it exports is noted."""
    if line.startswith("python - <<'EOF'\n"):
        return Command(place, 'python -', dict(exported), program=line.split('\n', 1)[1])
    try:
        words = shlex.split(line, comments=True)
    except ValueError:  # a picture, a table
        return None
    is_setting = re.compile(r'[A-Z_]+=').match
    if words[:1] == ['export']:
        exported.update(word.split('=', 1) for word in words[1:])
        return None
    if '&&' in words:  # shell commands around one of ours
        words = words[len(words) - words[::-1].index('&&') :]
    settings = list(itertools.takewhile(is_setting, words))
    env = {**exported, **dict(setting.split('=', 1) for setting in settings)}
    match words[len(settings) :]:
        # a program of the reader's own is in no folder
        case ['python', tool, *args] if tool.endswith('.py') and '/' in tool:
            pass
        case ['mmsxm', name, *args] if re.fullmatch(r'[a-z][a-z-]+', name):  # no version
            assert name in command_line.COMMANDS, f'{place}: there is no command {name}'
            tool = DOCTOR if name == 'doctor' else SHIMS[name]
        case ['bash', launcher, config, *args] if 'dist_' in launcher:
            tool = launcher.replace('dist_', '').replace('.sh', '.py')
            args = [config, *(arg for arg in args if not arg.isdigit())]
        case _:
            return None
    return Command(place, shlex.join(words), env, tool, tuple(args))


def commands() -> Iterator[Command]:
    """All commands and programs of all pages."""
    for page in PAGES:
        exported: dict[str, str] = {}
        for token in tokens(page):
            if token.type not in ('code_block', 'fence'):
                continue
            first = token.map[0] + 1 + (token.type == 'fence')
            place = f'{page.relative_to(ROOT)}:{first}'
            if re.match(r'(from|import) ', token.content):
                yield Command(place, 'python', dict(exported), program=token.content)
                continue
            for number, line in lines_of(token.content):
                place = f'{page.relative_to(ROOT)}:{first + number}'
                if command := parse_command(place, line, exported):
                    yield command


COMMANDS = list(commands())
of_tools = pytest.mark.parametrize(
    'command',
    [pytest.param(c, id=c.place) for c in COMMANDS if c.tool and c.tool != DOCTOR],
)
of_pages = pytest.mark.parametrize('page', PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())


# ---------------------------------------------------------------------------- links and names


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    parts = list(tokens(page))
    titles = [parts[i + 1].content for i, part in enumerate(parts) if part.type == 'heading_open']
    return {re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-') for title in titles}


@of_pages
def test_links_lead_somewhere(page: Path) -> None:
    for token in tokens(page):
        link = token.attrGet('href') or token.attrGet('src')
        if link is None or '://' in link:
            continue
        target, _, anchor = str(link).partition('#')
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f'{page.name}: {link}'
        assert not anchor or anchor in anchors(path), f'{page.name}: {link}'


def expand(name: str) -> list[str]:
    """Write out ``{a,b}``; ``{}`` stands for both data sets."""
    parts = re.split(r'\{([^}]*)\}', name)
    parts[1::2] = [part or 'sixray,opixray' for part in parts[1::2]]
    choices = [part.split(',') if i % 2 else [part] for i, part in enumerate(parts)]
    return [''.join(chosen) for chosen in itertools.product(*choices)]


@of_pages
def test_files_of_the_project_that_are_named_are_there(page: Path) -> None:
    named = re.compile(r'((?:configs|docs|mmsxm|requirements|tests|tools)/[\w./{},*-]*)')
    place = f'{page.relative_to(ROOT)}:'
    texts = inline_code(page) + [c.text for c in COMMANDS if c.place.startswith(place)]
    names = {
        match[1].rstrip('.,')
        for text in texts
        for word in text.split()
        if (match := named.fullmatch(word))
    }
    wrong = {n for name in names for n in expand(name) if not list(ROOT.glob(n.rstrip('/')))}
    assert wrong == set()


def test_targets_of_make_and_extras_of_pip_exist() -> None:
    blocks = '\n'.join(
        token.content
        for page in PAGES
        for token in tokens(page)
        if token.type in ('code_block', 'code_inline', 'fence')
    )
    targets = set(re.findall(r'\bmake ([a-z][a-z-]+)', blocks))
    assert targets
    assert targets <= set(re.findall(r'^([a-z-]+):', (ROOT / 'Makefile').read_text(), re.MULTILINE))
    extras = {
        extra
        for group in re.findall(r"'[^'\n]*\[([a-z][a-z,-]*)\]", blocks)
        for extra in group.split(',')
    }
    assert extras
    section = (ROOT / 'pyproject.toml').read_text().split('optional-dependencies]')[1]
    assert extras <= set(re.findall(r'^([\w-]+) = ', section.split('[tool.')[0], re.MULTILINE))


# ---------------------------------------------------------------------------- arguments


class _Parser(BaseException):
    """Carries the parser out of a tool."""


def parser_of(tool: str) -> argparse.ArgumentParser:
    """The parser of a tool, taken from it where it begins to read the command line."""

    def carry(parser: argparse.ArgumentParser, *args: object) -> None:
        raise _Parser(parser)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, 'parse_args', carry)
        patch.syspath_prepend(TOOLS[tool].parent)
        try:
            runpy.run_path(str(TOOLS[tool]), run_name='__main__')
        except _Parser as carried:
            return carried.args[0]
    raise AssertionError(f'{tool} reads no command line')


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """All options, those of sub-commands included."""
    found = set(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= {option for sub in action.choices.values() for option in options_of(sub)}
    return found


@of_tools
def test_the_tool_takes_the_arguments(command: Command) -> None:
    complaint = io.StringIO()
    parser = parser_of(command.tool)
    with contextlib.redirect_stderr(complaint), contextlib.suppress(SystemExit):
        parser.parse_args(list(command.args))
        return
    pytest.fail(f'{command.place}: {command.text}\n{complaint.getvalue()}')


def test_options_in_the_text_are_those_of_the_tools() -> None:
    known: dict[str, set[str]] = {}
    for tool in TOOLS:
        if tool != DOCTOR:
            known[tool] = options_of(parser_of(tool))
    others = {'--fix', '--namespace', '--signal', '--strict'}  # of ruff, journalctl, sbatch, mkdocs
    every = set.union(others, *known.values())
    wrong = []
    for page in PAGES:
        for code in inline_code(page):
            options = set(re.findall(r'(?<![\w-])--[a-z][\w-]*', code))
            tool = code.split()[0] if code.split() else ''
            wrong += [
                f'{page.name}: `{code}`: {option}' for option in options - known.get(tool, every)
            ]
    assert wrong == []


# ---------------------------------------------------------------------------- running


def run(command: Command, folder: Path) -> int | None:
    """Run a command in a process of its own, forked so that nothing is imported anew."""

    def work() -> None:
        os.setsid()
        os.chdir(folder)
        sys.stdout = sys.stderr = open('output.txt', 'w', buffering=1)  # noqa: SIM115, open to the end
        # a fork server that an earlier test has started is no child of this process
        server = forkserver._forkserver
        server._forkserver_pid = server._forkserver_alive_fd = server._forkserver_address = None
        os.environ.update({key: local(value) for key, value in command.env.items()})
        if command.program:
            exec(compile(local(command.program), command.place, 'exec'), {})
            return
        args = (PLACEHOLDERS.get(arg, arg) for arg in command.args)
        sys.argv = [command.tool, *(os.path.expandvars(local(arg)) for arg in args)]
        runpy.run_path(str(TOOLS[command.tool]), run_name='__main__')

    def local(text: str) -> str:
        return re.sub(r'(^|(?<=[\s\'"=]))/data/', f'{folder}/data/', text)

    process = multiprocessing.get_context('fork').Process(target=work)
    process.start()
    process.join(LONGEST)
    if process.is_alive():
        os.killpg(process.pid or 0, signal.SIGKILL)
        pytest.fail(f'{command.place}: {command.text}\nruns on and on: say why in NOT_RUN')
    return process.exitcode


def write_bags_by_day(source: Path, root: Path) -> None:
    """Write all bags as COCO with a folder for each of four days, not yet split into lists."""
    coco = json.loads((source / 'annotations' / 'train.json').read_text())
    for number, image in enumerate(coco['images']):
        path = root / 'images' / f'2024-05-0{number % 4 + 1}' / image['file_name']
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / 'images' / image['file_name'], path)
        image['file_name'] = f'{path.parent.name}/{path.name}'
    (root / 'annotations').mkdir()
    (root / 'annotations' / 'all.json').write_text(json.dumps(coco))


@pytest.fixture(scope='module')
def project(
    tmp_path_factory: pytest.TempPathFactory,
    simulate: Callable[..., Path],
    own_data: dict[str, Path],
) -> Path:
    """A folder that has all that pages speak of: tiny data sets, and networks that know nothing."""
    folder = tmp_path_factory.mktemp('project')
    for name in ('configs', 'docs', 'tools'):
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / 'results', folder / 'results')

    data = folder / 'data'
    shutil.copytree(simulate(16, 8, negatives=2), data / 'demo')
    images = data / 'demo' / 'JPEGImage'
    bag = next(images.glob('P*.jpg'))
    for copy in (images / 'P04041.jpg', folder / 'bag.jpg'):
        shutil.copy(bag, copy)
    shutil.copytree(data / 'demo' / 'ImageSet' / '10', data / 'demo' / 'ImageSet' / '100')
    (data / 'sixray').symlink_to('demo')
    write_bags_by_day(own_data['coco'], data / 'bags')
    header = 'xml,height,width,xmin,ymin,xmax,ymax'
    for page in PAGES:  # configs of the reader, whose first line names the file
        for name, text in re.findall(
            r'```python\n# (\S+\.py)\n(.*?)```', page.read_text(), re.DOTALL
        ):
            (folder / name).write_text(text)
    (folder / 'boxes.csv').write_text(f'{header}\nP00001.xml,400,500,10,20,110,220\n')
    write_opixray(data / 'opixray', train=2, test=2, image_size=(96, 96))

    short = ('train_cfg.max_epochs=1', 'default_hooks.logger.interval=1')
    options = ('configs/demo/evidence.py', '--cfg-options', *short)
    train = Command('the fixture', 'train', {}, 'tools/train.py', options)
    assert run(train, folder) == 0
    (trained,) = (folder / 'work_dirs/demo/evidence').glob('epoch_*.pth')
    thresholds = Calibration.default(SIXray.METAINFO['classes'], threshold=0.3)
    store_calibration(trained, thresholds, folder / 'demo-calibrated.pth')

    cfg = load_config('configs/sxmnet_sixray_stage2.py')
    weights = MODELS.build(dict(cfg.model, _scope_='mmpretrain')).state_dict()
    checkpoint = folder / cfg.work_dir / 'epoch_1.pth'
    checkpoint.parent.mkdir()
    torch.save({'state_dict': weights, 'meta': {}}, checkpoint)
    checkpoint.with_name('last_checkpoint').write_text(str(checkpoint))
    return folder


@of_pages
def test_a_page_runs(page: Path, project: Path) -> None:
    if page.parent == TUTORIALS:
        pytest.skip('run by test_tutorials.py')
    name = str(page.relative_to(ROOT))
    for command in COMMANDS:
        if command.place.split(':')[0] != name or not command.is_run:
            continue
        for word, module in EXTRAS.items():
            if word in command.full_text:
                pytest.importorskip(module)
        code = run(command, project)
        # 1 says that there is an alarm, or that the few images lack something
        finds = command.tool in ('tools/screen.py', 'tools/check_dataset.py')
        output = (project / 'output.txt').read_text(errors='replace')[-3000:]
        assert code in ((0, 1) if finds else (0,)), f'{command.place}: {command.text}\n{output}'


def test_what_is_not_run_is_there() -> None:
    texts = [command.full_text for command in COMMANDS]
    idle = [pattern for pattern in NOT_RUN if not any(re.search(pattern, text) for text in texts)]
    assert idle == []
