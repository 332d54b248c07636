"""The review page, in a real browser if one is installed."""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

from mmsxm.inference.calibration import Calibration
from mmsxm.registry import MODELS
from mmsxm.training.config import load_config

pytest.importorskip('gradio', reason='needs gradio: pip install -r requirements/demo.txt')

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs' / 'demo' / 'sxmnet_stage2.py'
CLASSES = ('Gun', 'Knife', 'Wrench', 'Pliers', 'Scissors')
# untrained weights give medium scores: Gun is an alarm in all images, other classes in none
THRESHOLDS = dict.fromkeys(CLASSES, 0.9999) | {'Gun': 0.0001}
PATIENCE = 120  # seconds to wait for a page on a busy machine
FLAGS = [
    '--no-sandbox',  # Chromium as root
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
]


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cfg = load_config(CONFIG)
    init_default_scope('mmpretrain')
    torch.manual_seed(0)
    ones = dict.fromkeys(CLASSES, 1.0)
    calibration = Calibration(THRESHOLDS, ones, dict.fromkeys(CLASSES, 0.0))
    path = tmp_path_factory.mktemp('weights') / 'epoch_1.pth'
    meta = {'dataset_meta': {'classes': CLASSES}, 'calibration': calibration.to_dict()}
    torch.save({'state_dict': MODELS.build(cfg.model).state_dict(), 'meta': meta}, path)
    return path


@pytest.fixture(scope='module')
def browser() -> Iterator[Any]:
    chromium = shutil.which('chromium') or shutil.which('chromium-browser')
    if chromium is None:
        pytest.skip('needs Chromium: apt-get install chromium')
    reason = 'needs playwright: pip install -r requirements/tests.txt'
    api = pytest.importorskip('playwright.sync_api', reason=reason)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    """Browser page with a long timeout, which collects requests and errors."""
    tab = browser.new_page(viewport={'width': 1360, 'height': 820})
    tab.set_default_timeout(PATIENCE * 1000)
    tab.asked, tab.complaints = [], []
    tab.on('request', lambda request: tab.asked.append(request.url))
    tab.on('pageerror', lambda error: tab.complaints.append(str(error)))
    tab.on(
        'console',
        lambda message: message.type == 'error' and tab.complaints.append(message.text),
    )
    yield tab
    tab.close()


@contextmanager
def served(*args: object) -> Iterator[str]:
    """Yield the address of a page, and stop it afterwards."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, ROOT / 'tools' / 'review.py', '--port', str(port), *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {'CUDA_VISIBLE_DEVICES': ''},
    )
    address = f'http://127.0.0.1:{port}/'
    try:
        end = time.monotonic() + PATIENCE
        while status(address) is None:
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                output, _ = process.communicate()
                pytest.fail(f'the page did not come up:\n{output.decode()}')
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def status(address: str, **headers: str) -> int | None:
    """Return the status of a response, None without one."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except (urllib.error.URLError, ConnectionError):
        return None


def write_results(path: Path, bags: list[Path]) -> Path:
    """Write results with a Gun of score 0.9, 0.8... above 0.5, and one unscreened file."""
    base = {'model': 'm' * 64, 'time': '2026-01-01T00:00:00.000+00:00'}
    outcome = {
        'labels': ['Gun'],
        'thresholds': {'Gun': 0.5},
        'regions': [{'bbox': [2, 3, 12, 13], 'score': 1.0}],
        'level_weights': [0.7, 0.2, 0.1],
    }
    records = [
        base | outcome | {'path': str(bag), 'scores': {'Gun': 0.9 - number / 10}}
        for number, bag in enumerate(bags)
    ]
    records.append(base | {'path': '/bags/empty.png', 'error': 'the file is empty'})
    path.write_text(''.join(json.dumps(record) + '\n' for record in records))
    return path


def test_an_operator_uploads_views_moves_a_threshold_and_confirms(
    checkpoint: Path, simulate: Callable[..., Path], tmp_path: Path, tab: Any
) -> None:
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE * 1000)
    bags = sorted((simulate(2, 2) / 'JPEGImage').glob('*'))[:2]
    log = tmp_path / 'decisions.jsonl'
    with served('--model', CONFIG, '--checkpoint', checkpoint, '--log', log) as address:
        tab.goto(address)
        expect(tab.locator('.message')).to_contain_text('There are no images yet')
        tab.set_input_files('#drop input[type=file]', [str(bag) for bag in bags])

        rows = tab.locator('.queue button')
        expect(rows).to_have_count(2)
        expect(tab.locator('.queue b.alarm')).to_have_text(['Gun', 'Gun'])
        expect(tab.locator('#scores .bar.strong')).to_have_count(1)
        expect(tab.locator('#levels .bar > span:first-child')).to_have_text(['P3', 'P4', 'P5'])

        attention = tab.locator('.bag-view .attention')
        expect(tab.locator('.bag-view .bag')).to_have_count(1)
        expect(attention).to_have_css('opacity', '0.5')
        tab.locator('#opacity input[type=range]').press('End')
        expect(attention).to_have_css('opacity', '1')
        tab.get_by_label('Candidate regions').uncheck()
        assert tab.evaluate("document.documentElement.style.getPropertyValue('--regions')") == '0'

        first = tab.locator('.queue button[aria-current=true]').get_attribute('title')
        rows.nth(1).click()
        second = {bag.name for bag in bags} - {first}
        expect(tab.locator('#name')).to_have_text(second.pop())
        rows.nth(0).click()
        expect(tab.locator('#name')).to_have_text(first)

        tile = tab.locator('.tile').nth(0)
        expect(tile).to_contain_text('Gun2')
        tab.locator('#threshold-0 input[type=range]').press('End')
        expect(tile).to_contain_text('Gun0-2')
        expect(tab.locator('.queue s')).to_have_text(['no alarm', 'no alarm'])
        expect(tab.locator('#summary')).to_contain_text('0 with alarms')
        tab.get_by_role('button', name='Reset to calibrated').click()
        expect(tile).to_contain_text('Gun2')
        expect(tab.locator('.queue b.alarm')).to_have_text(['Gun', 'Gun'])

        tab.get_by_placeholder('Comment').fill('in a shoe, <b>left</b>')
        tab.get_by_role('button', name='Confirm', exact=True).click()
        expect(tab.locator('#notice')).to_have_text(f'Logged: confirm, {first}')
        expect(tab.locator('#name')).not_to_have_text(first)  # the next undecided image is open
        expect(tab.get_by_placeholder('Comment')).to_have_value('')

    (line,) = map(json.loads, log.read_text().splitlines())
    bag = next(bag for bag in bags if bag.name == first)
    assert line['image'] == first
    assert line['sha256'] == hashlib.sha256(bag.read_bytes()).hexdigest()
    assert (line['decision'], line['comment']) == ('confirm', 'in a shoe, <b>left</b>')
    assert (line['labels'], line['thresholds']) == (
        ['Gun'],
        THRESHOLDS,
    )  # exact, not the rounded slider value
    assert line['model'] == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert tab.complaints == []
    elsewhere = [url for url in tab.asked if not url.startswith((address, 'data:', 'blob:'))]
    assert elsewhere == []


def test_results_are_reviewed_without_a_network_and_decisions_persist(
    tmp_path: Path, tab: Any
) -> None:
    from playwright.sync_api import expect

    bags = [tmp_path / 'a.png', tmp_path / '<img src=x onerror=alert(1)> ${7*7} {{value}}.png']
    for bag in bags:
        cv2.imwrite(str(bag), np.full((20, 30, 3), 200, np.uint8))
    results, log = write_results(tmp_path / 'results.jsonl', bags), tmp_path / 'new' / 'log.jsonl'
    with served('--results', results, '--log', log) as address:
        tab.goto(address)
        names = ['empty.png', *(bag.name for bag in bags)]  # the first one was not screened
        expect(tab.locator('.queue span')).to_have_text(names)
        expect(tab.locator('.message')).to_have_text('Not screened: the file is empty')
        expect(tab.locator('#drop')).to_have_count(0)
        tab.locator('.queue button').nth(2).click()
        expect(tab.locator('#name')).to_have_text(str(bags[1]))
        expect(tab.locator('.bag-view .region')).to_have_count(1)
        expect(tab.locator('.bag-view .attention')).to_have_count(0)
        expect(tab.locator('img[src=x]')).to_have_count(0)
        tab.get_by_role('button', name='Clear', exact=True).click()
        expect(tab.locator('.queue button.clear span')).to_have_text(bags[1].name)
        tab.reload()
        expect(tab.locator('.queue button.clear span')).to_have_text(bags[1].name)
        tab.get_by_label('To do').check()
        expect(tab.locator('.queue span')).to_have_text(names[:2])
    assert [json.loads(line)['image'] for line in log.read_text().splitlines()] == [str(bags[1])]


def test_regions_of_a_class_are_shown_while_it_is_an_alarm(tmp_path: Path, tab: Any) -> None:
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE * 1000)
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((20, 30, 3), 200, np.uint8))
    record = {
        'path': str(tmp_path / 'a.png'),
        'labels': ['Gun'],
        'scores': {'Gun': 0.9, 'Knife': 0.4},
        'thresholds': {'Gun': 0.5, 'Knife': 0.5},
        'regions': [
            {'bbox': [2, 3, 12, 13], 'score': 1.0, 'label': 'Gun'},
            {'bbox': [12, 10, 20, 15], 'score': 0.4, 'label': 'Knife'},
        ],
        'level_weights': [0.7, 0.2, 0.1],
        'model': 'm' * 64,
        'time': '2026-01-01T00:00:00.000+00:00',
    }
    results = tmp_path / 'results.jsonl'
    results.write_text(json.dumps(record) + '\n')
    with served('--results', results, '--log', tmp_path / 'log.jsonl') as address:
        tab.goto(address)
        names = tab.locator('.bag-view text:visible')
        expect(names).to_have_text(['Gun'])
        tab.locator('#threshold-1 input[type=range]').press('Home')
        expect(names).to_have_text(['Gun', 'Knife'])
        tab.locator('#threshold-0 input[type=range]').press('End')
        expect(names).to_have_text(['Knife'])
        expect(tab.locator('.bag-view rect:visible')).to_have_count(1)
    assert tab.complaints == []


def test_only_the_page_is_served(tmp_path: Path) -> None:
    bag = tmp_path / 'a.png'
    cv2.imwrite(str(bag), np.zeros((9, 9, 3), np.uint8))
    results, log = write_results(tmp_path / 'results.jsonl', [bag]), tmp_path / 'log.jsonl'
    with served('--results', results, '--log', log) as address:
        assert status(address) == 200
        for path in (bag, results, log, ROOT / 'pyproject.toml', ROOT / 'tools' / 'review.py'):
            assert status(f'{address}gradio_api/file={path}') == 403
        assert status(f'{address}gradio_api/file={ROOT}/demo/../pyproject.toml') in (403, 404)
        assert (
            status(address, Host='bags.example.org') == 400
        )  # a host name that points to this machine
        with urllib.request.urlopen(address) as answer:
            assert "default-src 'self'" in answer.headers['content-security-policy']


def ask(address: str, target: str, inputs: list[Any], event: Any = None) -> dict[str, Any]:
    """Send a request like a browser and return the response."""
    with urllib.request.urlopen(f'{address}config') as answer:
        steps = json.load(answer)['dependencies']
    wanted = [each for each in steps if [where[1] for where in each['targets']] == [target]]
    asked = {'fn_index': wanted[-1]['id'], 'data': inputs, 'event_data': event}
    asked['session_hash'] = 'stranger'
    request = urllib.request.Request(
        f'{address}gradio_api/queue/join',
        json.dumps(asked).encode(),
        {'content-type': 'application/json'},
    )
    urllib.request.urlopen(request).close()
    data = f'{address}gradio_api/queue/data?session_hash=stranger'
    with urllib.request.urlopen(data, timeout=PATIENCE) as lines:
        for line in lines:
            event = json.loads(line.removeprefix(b'data:')) if line.startswith(b'data:') else {}
            if event.get('msg') == 'process_completed':
                return event
    raise AssertionError('the page did not respond')


def test_requests_cannot_do_more_than_the_page_offers(checkpoint: Path, tmp_path: Path) -> None:
    bag = tmp_path / 'a.png'
    cv2.imwrite(str(bag), np.zeros((9, 9, 3), np.uint8))
    log = tmp_path / 'log.jsonl'
    view, sliders = 'All', [0.5] * len(CLASSES)
    state = [None, None, view, *sliders]
    with served('--model', CONFIG, '--checkpoint', checkpoint, '--log', log) as address:
        assert ask(address, 'load', [view, *sliders])['success']
        # pretends to be an upload, but is a file elsewhere
        dropped = {'path': str(bag), 'meta': {'_type': 'gradio.FileData'}, 'orig_name': 'a.png'}
        assert not ask(address, 'upload', [[dropped], *state])['success']
        assert not ask(address, 'click', ['a', None, None, view, *sliders])['success']  # no image
        for event in ({'index': [0]}, {'index': 0.0}, {'index': 10**9}, {}):
            assert ask(address, 'select', state, event)['success']
        assert status(address) == 200
    assert log.read_bytes() == b''


def test_comments_longer_than_the_page_allows_are_rejected(tmp_path: Path) -> None:
    bag = tmp_path / 'a.png'
    cv2.imwrite(str(bag), np.zeros((9, 9, 3), np.uint8))
    results, log = write_results(tmp_path / 'results.jsonl', [bag]), tmp_path / 'log.jsonl'
    with served('--results', results, '--log', log) as address:
        ask(address, 'load', ['All', 0.5])
        response = ask(address, 'click', ['x' * 1001, None, None, 'All', 0.5])
        assert 'at most 1,000 characters' in response['output']['error']
        assert log.read_bytes() == b''
        assert ask(address, 'click', ['x' * 1000, None, None, 'All', 0.5])['success']
    assert len(json.loads(log.read_text())['comment']) == 1000


@pytest.mark.parametrize(
    ('args', 'complaint'),
    [
        ([], 'give --results, --model, or both'),
        (
            ['--results', 'none.jsonl'],
            'none.jsonl is not a file: set --results to a results file of',
        ),
        (['--results', '.'], 'error: . is not a file: set --results to a results file of'),
        (['--model', str(CONFIG)], 'mmsxm review: sxmnet_stage2 has no weights'),
    ],
)
def test_invalid_arguments_end_in_one_sentence(
    tmp_path: Path, args: list[str], complaint: str
) -> None:
    command = [sys.executable, ROOT / 'tools' / 'review.py', *args]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode != 0
    assert complaint in run.stderr.splitlines()[-1]
