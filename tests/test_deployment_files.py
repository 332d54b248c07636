"""Files of tools/deploy/ for services: what they start are commands as they are today."""

import importlib
import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

import cv2
import numpy as np
import pytest

from mmsxm.cli import review
from mmsxm.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / 'tools/deploy'
SYSTEMD = DEPLOY / 'systemd'
UNITS = sorted(SYSTEMD.glob('*.service'))
HARDENING = SYSTEMD / 'mmsxm-.service.d/hardening.conf'
EXPOSURE = 20  # tenths; systemd calls up to 4.9 "OK"
VARIABLES = {'%i': '8001', '${CREDENTIALS_DIRECTORY}': '/run/credentials/x'}


def settings(unit: Path) -> dict[str, list[str]]:
    """Return the values of each setting of a unit."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        if '=' in line and not line.startswith('#'):
            key, value = line.split('=', 1)
            found.setdefault(key, []).append(value)
    return found


def command_of(unit: Path) -> list[str]:
    """Return the words of ExecStart, with the unit's own defaults of the variables."""
    values = settings(unit)
    variables = dict(pair.split('=', 1) for pair in shlex.split(values['Environment'][0]))
    (line,) = values['ExecStart']
    line = re.sub(r'\$(\w*OPTIONS)', lambda match: variables[match[1]], line)
    line = line.replace('${MODEL}', variables['MODEL'])
    for name, value in VARIABLES.items():
        line = line.replace(name, value)
    assert '$' not in line
    assert '%' not in line
    return shlex.split(line)


def commands() -> Iterator[tuple[str, list[str]]]:
    for unit in UNITS:
        program, name, *args = command_of(unit)
        assert program.endswith('/venv/bin/mmsxm')
        yield name, args
    service = ElementTree.parse(DEPLOY / 'mmsxm-serve.xml').getroot()
    executable, words = (service.findtext(tag, '') for tag in ('executable', 'arguments'))
    assert PureWindowsPath(executable).name == 'python.exe'
    option, package, name, *args = shlex.split(words.replace('\\', '/'))
    assert (option, package) == ('-m', 'mmsxm')
    yield name, args


@pytest.mark.parametrize(('name', 'args'), commands())
def test_services_start_commands_with_options_that_exist(
    name: str, args: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert name in COMMANDS
    module = importlib.import_module(f'mmsxm.cli.{name}')
    for check in ('exists', 'is_dir', 'is_file'):  # the folders and files of a station
        monkeypatch.setattr(Path, check, lambda path: True)
    assert module.parse_args(args).model.endswith('model.onnx')


def test_services_stop_after_their_last_answer() -> None:
    from mmsxm.serving.service import Limits

    assert settings(HARDENING)['KillMode'] == ['mixed']
    (seconds,) = settings(SYSTEMD / 'mmsxm-serve@.service')['TimeoutStopSec']
    service = ElementTree.parse(DEPLOY / 'mmsxm-serve.xml').getroot()
    assert service.findtext('stoptimeout') == f'{seconds} sec'
    limits = Limits()
    # a body that is still arriving, and then a full queue at two images per second
    assert int(seconds) > limits.body_seconds + limits.queue / 2


def test_units_write_neither_core_dumps_nor_temporary_files_to_a_disk() -> None:
    values = settings(HARDENING)
    assert values['LimitCORE'] == values['MemorySwapMax'] == ['0']
    assert values['TemporaryFileSystem'] == ['/tmp:mode=1777 /var/tmp:mode=1777']


def test_the_screening_writes_what_the_review_reads() -> None:
    words = {unit.stem: command_of(unit) for unit in UNITS}
    screen, page = words['mmsxm-screen'], words['mmsxm-review']
    assert screen[screen.index('--out') + 1] == page[page.index('--results') + 1]
    assert screen[screen.index('--model') + 1] == page[page.index('--model') + 1]
    assert f'd {screen[2]} ' in (DEPLOY / 'tmpfiles.conf').read_text()


@pytest.mark.parametrize(('bag', 'code'), [('light', 0), ('broken', 2), ('dark', 1)])
def test_no_file_ends_the_screening_and_stopping_it_is_no_failure(
    tmp_path: Path, bag: str, code: int
) -> None:
    unit = SYSTEMD / 'mmsxm-screen.service'
    incoming, results = tmp_path / 'incoming', tmp_path / 'results.jsonl'
    incoming.mkdir()
    gray = {'light': 250, 'dark': 20}
    image = np.full((40, 60, 3), gray.get(bag, 0), np.uint8)
    (incoming / 'bag.png').write_bytes(
        b'' if bag == 'broken' else cv2.imencode('.png', image)[1].tobytes()
    )
    words = command_of(unit)[2:]
    for option, value in (('--out', results), ('--model', 'd1')):
        words[words.index(option) + 1] = str(value)
    process = subprocess.Popen(
        [sys.executable, ROOT / 'tests/fake_screen.py', incoming, *words[1:]],
        stdout=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 60
        while not (results.exists() and results.read_bytes()):
            assert time.monotonic() < end
            time.sleep(0.02)
        time.sleep(0.5)
        assert process.poll() is None  # a restart would not read the file again
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == code
    finally:
        process.kill()
    (codes,) = settings(unit)['SuccessExitStatus']
    assert str(code) in ['0', *codes.split()]
    # a failure has one of these codes too, so Restart=on-failure would not restart it
    assert settings(unit)['Restart'] == ['always']


def test_the_browser_opens_the_page_only() -> None:
    policy = json.loads((DEPLOY / 'chromium-policy.json').read_text())
    args = review.parse_args(['--model', 'model.onnx'])
    address = f'http://{args.host}:{args.port}'
    assert (policy['URLBlocklist'], policy['URLAllowlist']) == (['*'], [address])
    assert f'--disable-pinch {address}\n' in (ROOT / 'docs/kiosk.md').read_text()


def test_systemd_accepts_the_units_and_rates_them_as_protected(tmp_path: Path) -> None:
    program = shutil.which('systemd-analyze') or pytest.skip('needs systemd')
    version = int(
        subprocess.run([program, '--version'], capture_output=True, text=True, check=True)
        .stdout.split()[1]
        .split('~')[0]
    )
    if version < 247:
        pytest.skip('the units need systemd 247')
    shutil.copytree(HARDENING.parent, tmp_path / HARDENING.parent.name)
    names = []
    for unit in UNITS:
        # verification wants the program to exist
        text = re.sub(r'ExecStart=\S+', 'ExecStart=/bin/true', unit.read_text())
        names.append(unit.name.replace('@', '@8001'))
        (tmp_path / names[-1]).write_text(text)
    done = subprocess.run(
        [program, 'verify', '--man=no', *(tmp_path / name for name in names)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, '')
    if version >= 250:  # it rates files since then
        for name in names:
            rate = ['security', '--offline=true', f'--threshold={EXPOSURE}', '--no-pager']
            rated = subprocess.run(
                [program, *rate, tmp_path / name], capture_output=True, text=True, check=False
            )
            assert rated.returncode == 0, rated.stdout[-500:] + rated.stderr


def test_the_page_names_all_files() -> None:
    page = (ROOT / 'docs/kiosk.md').read_text()
    # commands of the page name a unit without its suffix
    names = {path.name.removesuffix('.service') for path in DEPLOY.rglob('*') if path.is_file()}
    assert {name for name in names if name not in page} == set()
