"""The review page in a real browser, driven by keys, if one is installed."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

from mmsxm.inference.backends import load_backend
from mmsxm.inference.calibration import Calibration
from mmsxm.registry import MODELS
from mmsxm.review.session import Session
from mmsxm.training.config import load_config

pytest.importorskip('fastapi', reason="needs FastAPI: pip install 'mmsxm[review]'")
pytest.importorskip('uvicorn', reason="needs uvicorn: pip install 'mmsxm[review]'")

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs' / 'demo' / 'sxmnet_stage2.py'
CLASSES = ('Gun', 'Knife', 'Wrench', 'Pliers', 'Scissors')
# untrained weights give medium scores: Gun is an alarm in all images, other classes in none
THRESHOLDS = dict.fromkeys(CLASSES, 0.9999) | {'Gun': 0.0001}
PATIENCE = 120  # seconds to wait for the browser on a busy machine
FLAGS = [
    '--no-sandbox',  # Chromium as root
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
]
LONG = 'lane-3_2026-11-29T08-15-42_terminal-B_conveyor-02_bag-000000000000001234567890_top.png'
NASTY = '<img src=x onerror=alert(1)> ${7*7} {{value}}.png'
LABELED = [
    {'bbox': [10, 10, 40, 30], 'score': 0.9, 'label': 'Gun'},
    {'bbox': [12, 10, 20, 15], 'score': 0.4, 'label': 'Knife'},
]


@pytest.fixture(scope='module')
def browser() -> Iterator[Any]:
    chromium = shutil.which('chromium') or shutil.which('chromium-browser')
    if chromium is None:
        pytest.skip('needs Chromium: apt-get install chromium')
    reason = 'needs playwright: pip install -r requirements/tests.txt'
    api = pytest.importorskip('playwright.sync_api', reason=reason)
    api.expect.set_options(timeout=PATIENCE * 1000)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    """Browser page of a small screen, which collects requests and errors."""
    tab = browser.new_page(viewport={'width': 1024, 'height': 768}, has_touch=True)
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


class Network:
    """Requests to the server that a test answers itself.

    All requests pass through one route from before the page is loaded: Chromium may not yet apply a
    route to a request right after it. Images that the page has loaded before are in its memory.
    """

    def __init__(self, tab: Any) -> None:
        self.pattern, self.answer = '', None
        tab.route('**/api/**', self._pass)

    def intercept(self, pattern: str, answer: Callable[[Any], object]) -> None:
        """Pass requests whose address matches to a function, which may leave them unanswered."""
        self.pattern, self.answer = pattern, answer

    def restore(self) -> None:
        self.answer = None

    def _pass(self, route: Any) -> None:
        if self.answer and re.search(self.pattern, route.request.url):
            self.answer(route)
        else:
            route.continue_()


@pytest.fixture
def network(tab: Any) -> Iterator[Network]:
    yield Network(tab)
    tab.unroute_all(behavior='ignoreErrors')


@pytest.fixture
def results(
    tmp_path: Path, record: Callable[..., dict], write_results: Callable[..., Path]
) -> Path:
    """Write results by descending risk: two alarms, a bag without alarm, an unreadable file."""
    bags = [tmp_path / name for name in (LONG, NASTY, 'clothes.png')]
    for bag in bags:
        image = np.full((40, 60, 3), 255, np.uint8)
        image[5:35, 5:30] = (200, 140, 40)  # blue as metal, BGR
        image[5:35, 30:55] = (80, 160, 240)  # orange as organic matter
        cv2.imwrite(str(bag), image)
    return write_results(
        record(bags[0], 0.9, regions=LABELED, labels=['Gun']),
        record(bags[1], 0.8, regions=LABELED[:1]),
        record(bags[2], 0.1),
        record('/bags/empty.png'),
    )


@pytest.fixture
def open_page(
    results: Path, tmp_path: Path, serve_session: Callable[..., str], tab: Any
) -> Callable[..., None]:
    """Return a function that opens the results as the operator A. Smith."""

    def open_page(alarms_only: bool = False) -> None:
        session = Session(tmp_path / 'log.jsonl', results=results)
        tab.goto(serve_session(session, alarms_only))
        tab.locator('#operator').fill('A. Smith')
        tab.keyboard.press('Enter')
        tab.locator('#content').wait_for()

    return open_page


def log_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def scale(tab: Any) -> float:
    """Return pixels of the screen for a pixel of the image."""
    return float(tab.locator('#content').evaluate('e => e.getBoundingClientRect().width')) / 60


def color(tab: Any, x: int, y: int) -> list[int]:
    """Return the RGB of a pixel of the image that is displayed, before filters."""
    return tab.locator('#image').evaluate(
        """(image, [x, y]) => {
            const canvas = document.createElement('canvas');
            [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
            const context = canvas.getContext('2d');
            context.drawImage(image, 0, 0);
            return [...context.getImageData(x, y, 1, 1).data.slice(0, 3)];
        }""",
        [x, y],
    )


def test_an_operator_decides_on_all_bags_with_keys(
    open_page: Callable[..., None], tmp_path: Path, tab: Any
) -> None:
    from playwright.sync_api import expect

    open_page()
    names = tab.locator('#rows .file')
    expect(names).to_have_text([LONG, NASTY, 'clothes.png', 'empty.png'])  # unreadable last
    expect(tab.locator('#name')).to_have_text(LONG)
    expect(tab.locator('#result')).to_have_text('Alarm: Gun')
    tab.keyboard.press('p')
    expect(tab.locator('#notice')).to_have_text(f'Logged: Prohibited item, {LONG}')
    expect(tab.locator('#name')).to_have_text(NASTY)
    tab.keyboard.press('m')
    tab.keyboard.type('next to a lamp, <b>left</b>')  # n and p are letters here
    tab.keyboard.press('Escape')
    expect(tab.locator('#confirm')).to_be_enabled()
    tab.keyboard.press('n')
    expect(tab.locator('#name')).to_have_text('clothes.png')
    expect(tab.locator('#comment')).to_have_value('')
    expect(tab.locator('#result')).to_have_text('No alarm')
    expect(tab.locator('#confirm')).to_be_enabled()
    tab.keyboard.press('n')
    expect(tab.locator('#message')).to_have_text('Not screened: the file is empty')
    expect(tab.locator('#result')).to_have_text('Unreadable')
    expect(tab.locator('#confirm')).to_be_enabled()
    tab.keyboard.press('p')
    expect(tab.locator('#message')).to_have_text('Everything in this list is decided.')
    tab.keyboard.press('Backspace')
    expect(tab.locator('#name')).to_have_text('empty.png')

    decisions = log_of(tmp_path / 'log.jsonl')
    assert [Path(line['image']).name for line in decisions] == [
        LONG,
        NASTY,
        'clothes.png',
        'empty.png',
    ]
    assert [line['decision'] for line in decisions] == ['confirm', 'clear', 'clear', 'confirm']
    assert {line['operator'] for line in decisions} == {'A. Smith'}
    assert decisions[1]['comment'] == 'next to a lamp, <b>left</b>'
    assert tab.complaints == []
    assert not [url for url in tab.asked if not url.startswith('http://127.0.0.1:')]


def test_keys_move_through_the_bags_and_the_lists(
    open_page: Callable[..., None], tmp_path: Path, tab: Any
) -> None:
    from playwright.sync_api import expect

    open_page()
    for key, name in (
        ('ArrowDown', NASTY),
        ('j', 'clothes.png'),
        ('k', NASTY),
        ('ArrowUp', LONG),
        ('ArrowUp', LONG),  # the first one
    ):
        tab.keyboard.press(key)
        expect(tab.locator('#name')).to_have_text(name)
        expect(tab.locator('#rows [aria-current=true] .file')).to_have_text(name)
    pressed = tab.locator('#views [aria-pressed=true]')
    expect(pressed).to_have_text('To do')
    tab.keyboard.press('n')
    expect(tab.locator('#rows .file')).to_have_count(3)
    tab.keyboard.press('v')
    expect(pressed).to_have_text('All')
    expect(tab.locator('#rows .verdict.clear')).to_have_text('No prohibited item')
    tab.keyboard.press('v')
    expect(pressed).to_have_text('Alarms')
    expect(tab.locator('#rows .file')).to_have_text([LONG, NASTY])
    tab.reload()
    expect(pressed).to_have_text('To do')
    expect(tab.locator('#operator-name')).to_have_text('A. Smith')  # asked once
    expect(tab.locator('#rows .file')).to_have_text([NASTY, 'clothes.png', 'empty.png'])
    assert len(log_of(tmp_path / 'log.jsonl')) == 1
    assert tab.complaints == []


def test_the_original_comes_first_and_keys_show_the_labeled_regions(
    open_page: Callable[..., None], tab: Any
) -> None:
    from playwright.sync_api import expect

    open_page()
    regions = tab.locator('#regions rect')
    expect(regions).to_have_count(1)  # Knife is no alarm
    expect(regions).not_to_be_visible()
    tab.keyboard.press('o')
    expect(regions).to_be_visible()
    expect(tab.locator('#regions text')).to_have_text(['Gun'])
    tab.keyboard.press('ArrowDown')
    expect(tab.locator('#name')).to_have_text(NASTY)
    expect(regions).not_to_be_visible()  # again the original first
    expect(tab.locator('#content')).to_be_visible()
    tab.keyboard.down(' ')
    expect(regions).to_be_visible()
    tab.keyboard.up(' ')
    expect(regions).not_to_be_visible()
    assert tab.complaints == []


def test_an_overlay_without_regions_says_so(open_page: Callable[..., None], tab: Any) -> None:
    from playwright.sync_api import expect

    open_page()
    tab.keyboard.press('o')
    expect(tab.locator('#regions rect')).to_be_visible()
    expect(tab.locator('#notice')).to_have_text('')
    for name in (NASTY, 'clothes.png'):
        tab.keyboard.press('ArrowDown')
        expect(tab.locator('#name')).to_have_text(name)
    expect(tab.locator('#content')).to_be_visible()
    tab.keyboard.press('o')
    expect(tab.locator('#notice')).to_have_text('The network marked no region in clothes.png')
    assert tab.complaints == []


def test_keys_change_contrast_inverse_and_color_bands(
    open_page: Callable[..., None], tab: Any
) -> None:
    from playwright.sync_api import expect

    open_page()
    image, blue, orange = tab.locator('#image'), (10, 10), (40, 10)
    original = [color(tab, *blue), color(tab, *orange)]
    assert original == [[40, 140, 200], [240, 160, 80]]
    expect(image).to_have_css('filter', 'none')
    for name, style in (
        ('High contrast', 'contrast(1.8)'),
        ('Dense areas', 'brightness(1.7)'),
        ('Light areas', 'brightness(0.64) contrast(2.6)'),
        ('Contrast', 'none'),
    ):
        tab.keyboard.press('c')
        expect(tab.locator('#contrast')).to_have_text(name)
        expect(image).to_have_css('filter', style)
    tab.keyboard.press('i')
    expect(image).to_have_css('filter', 'invert(1) hue-rotate(180deg)')
    tab.keyboard.press('2')
    expect(tab.locator('[data-band=organic]')).to_have_attribute('aria-pressed', 'true')
    expect(image).to_have_attribute('src', re.compile('organic$'))
    gray = color(tab, *blue)
    assert len(set(gray)) == 1
    assert color(tab, *orange) == original[1]
    tab.keyboard.press('4')
    expect(image).to_have_attribute('src', re.compile('metal$'))
    assert color(tab, *blue) == original[0]
    expect(image).to_have_css('filter', 'invert(1) hue-rotate(180deg)')  # stays
    tab.keyboard.press('r')
    expect(image).to_have_attribute('src', re.compile('image$'))
    assert [color(tab, *blue), color(tab, *orange)] == original
    expect(image).to_have_css('filter', 'none')
    assert tab.complaints == []


def test_a_color_band_that_cannot_be_loaded_is_not_shown_as_chosen(
    network: Network, open_page: Callable[..., None], tab: Any
) -> None:
    from playwright.sync_api import expect

    open_page()
    network.intercept('band=', lambda route: route.abort())
    for key in '24':
        tab.keyboard.press(key)
    expect(tab.locator('#notice')).to_contain_text('cannot be shown')
    for band in ('organic', 'metal'):
        expect(tab.locator(f'[data-band={band}]')).to_have_attribute('aria-pressed', 'false')
    expect(tab.locator('[data-band=""]')).to_have_attribute('aria-pressed', 'true')


def test_zoom_and_pan_by_keys_mouse_and_touch(open_page: Callable[..., None], tab: Any) -> None:
    from playwright.sync_api import expect

    open_page()
    fit, stage = scale(tab), tab.locator('#stage').bounding_box()
    middle = (stage['x'] + stage['width'] / 2, stage['y'] + stage['height'] / 2)
    left = 'e => e.getBoundingClientRect().left'
    tab.keyboard.press('+')
    assert scale(tab) == pytest.approx(1.25 * fit, rel=1e-3)
    tab.keyboard.press('-')
    tab.keyboard.press('-')
    assert scale(tab) == pytest.approx(fit, rel=1e-3)  # the whole bag is the smallest
    for _ in range(20):
        tab.keyboard.press('+')
    expect(tab.locator('#zoom')).to_have_text('1600%')
    before = tab.locator('#content').evaluate(left)
    tab.keyboard.press('Shift+ArrowRight')
    assert tab.locator('#content').evaluate(left) == pytest.approx(
        before - 0.2 * stage['width'], abs=2
    )
    tab.keyboard.press('0')
    assert scale(tab) == pytest.approx(fit, rel=1e-3)

    tab.mouse.move(*middle)
    tab.mouse.wheel(0, -250)
    expect(tab.locator('#zoom')).to_have_text('200%')
    before = tab.locator('#content').evaluate(left)
    tab.mouse.down()
    tab.mouse.move(middle[0] - 60, middle[1], steps=3)
    tab.mouse.up()
    assert tab.locator('#content').evaluate(left) == pytest.approx(before - 60, abs=1)
    tab.mouse.dblclick(*middle)
    expect(tab.locator('#zoom')).to_have_text('100%')

    touch = tab.context.new_cdp_session(tab)
    for kind, distance in (('touchStart', 40), ('touchMove', 60), ('touchMove', 80)):
        points = [{'x': middle[0] + side * distance, 'y': middle[1]} for side in (-1, 1)]
        touch.send('Input.dispatchTouchEvent', {'type': kind, 'touchPoints': points})
    touch.send('Input.dispatchTouchEvent', {'type': 'touchEnd', 'touchPoints': []})
    assert scale(tab) == pytest.approx(2 * fit, rel=0.05)
    assert tab.complaints == []


def test_details_and_help_open_on_keys(open_page: Callable[..., None], tab: Any) -> None:
    from playwright.sync_api import expect

    open_page()
    details = tab.locator('#details')
    expect(details).not_to_be_visible()
    tab.keyboard.press('d')
    expect(details).to_contain_text('Level weights')
    expect(details.locator('.bar > span:first-child')).to_have_text(
        ['Gun', 'Knife', 'P3', 'P4', 'P5']
    )
    expect(details).to_contain_text(f'/{LONG}')
    tab.keyboard.press('d')
    expect(details).not_to_be_visible()
    tab.keyboard.press('?')
    help_ = tab.locator('#help')
    expect(help_).to_be_visible()
    listed = set(tab.locator('#shortcuts kbd').all_text_contents())
    offered = set(tab.locator('main kbd, header kbd').all_text_contents())
    assert offered <= listed
    assert {'P', 'N', 'O', '+', '-', '0', 'Space', '?'} <= listed
    tab.keyboard.press('p')  # decides nothing behind the dialog
    tab.keyboard.press('Escape')
    expect(help_).not_to_be_visible()
    expect(tab.locator('#name')).to_have_text(LONG)
    assert tab.complaints == []


def test_every_listed_key_has_an_action(open_page: Callable[..., None], tab: Any) -> None:
    from playwright.sync_api import expect

    open_page()
    keys = tab.locator('#shortcuts kbd').all_text_contents()
    assert len(keys) == len(set(keys)) > 25
    # the others decide, or open something that takes the next keys; other tests press them
    for key in set(keys) - {'P', 'N', 'M', 'Ctrl+Enter', 'E', 'F', '?'}:
        name = key
        for arrow, direction in zip('↓↑←→', ('Down', 'Up', 'Left', 'Right'), strict=True):
            name = name.replace(arrow, f'Arrow{direction}')
        tab.keyboard.press(name)
        expect(tab.locator('#notice')).not_to_have_class('problem')  # an action that is missing
    tab.keyboard.press('e')
    tab.locator('#operator').fill(' B.  Jones ')
    tab.keyboard.press('Enter')
    expect(tab.locator('#operator-name')).to_have_text('B. Jones')
    assert tab.complaints == []


def test_a_held_key_decides_only_once(
    open_page: Callable[..., None], tmp_path: Path, tab: Any
) -> None:
    from playwright.sync_api import expect

    open_page()
    for _ in range(5):
        tab.keyboard.down('n')  # the same key again without up is a repetition
    tab.keyboard.up('n')
    expect(tab.locator('#notice')).to_contain_text('Logged')
    expect(tab.locator('#name')).to_have_text(NASTY)
    expect(tab.locator('#rows .file')).to_have_count(3)
    assert len(log_of(tmp_path / 'log.jsonl')) == 1


def test_a_list_from_before_a_decision_does_not_open_its_bag_again(
    network: Network, open_page: Callable[..., None], tab: Any
) -> None:
    from playwright.sync_api import expect

    open_page()
    for index in range(3):
        expect(tab.locator('#confirm')).to_be_enabled()
        tab.keyboard.press('n')
        expect(tab.locator('#counts')).to_contain_text(f'{index + 1} decided')
    expect(tab.locator('#name')).to_have_text('empty.png')
    held: list[Any] = []
    network.intercept(r'/cases\?', lambda route: held.append((route, route.fetch())))
    while not held:  # the page looks for new bags every few seconds
        tab.wait_for_timeout(100)
    network.restore()
    tab.keyboard.press('n')
    expect(tab.locator('#message')).to_have_text('Everything in this list is decided.')
    ((route, before),) = held
    route.fulfill(response=before)
    tab.wait_for_event(
        'request', lambda request: '/cases?' in request.url
    )  # the next look, so it was read
    expect(tab.locator('#message')).to_have_text('Everything in this list is decided.')
    expect(tab.locator('#name')).to_have_text('')


def test_a_comment_belongs_to_the_bag_that_was_open_when_it_was_typed(
    network: Network, open_page: Callable[..., None], tmp_path: Path, tab: Any
) -> None:
    from playwright.sync_api import expect

    open_page()
    comment, held = tab.locator('#comment'), []
    expect(tab.locator('#confirm')).to_be_enabled()
    comment.fill('in a shoe')
    tab.locator('#rows .file').nth(1).click()
    expect(tab.locator('#name')).to_have_text(NASTY)
    expect(comment).to_have_value('')

    expect(tab.locator('#confirm')).to_be_enabled()
    comment.fill('a lamp')
    network.intercept('/decision$', held.append)
    with tab.expect_request('**/decision'):
        tab.locator('#clear').click()
    tab.locator('#rows .file').nth(2).click()
    expect(tab.locator('#name')).to_have_text('clothes.png')
    comment.fill('a belt')
    held.pop().continue_()
    expect(tab.locator('#notice')).to_have_text(f'Logged: No prohibited item, {NASTY}')
    expect(tab.locator('#rows .file')).to_have_count(3)
    expect(tab.locator('#name')).to_have_text('clothes.png')  # the operator moved on
    expect(comment).to_have_value('a belt')
    assert [line['comment'] for line in log_of(tmp_path / 'log.jsonl')] == ['a lamp']


@pytest.mark.parametrize('failing', ['cases/1', 'cases/1/image'])
def test_a_bag_that_cannot_be_loaded_cannot_be_decided_on(
    network: Network, open_page: Callable[..., None], tmp_path: Path, tab: Any, failing: str
) -> None:
    from playwright.sync_api import expect

    open_page()
    expect(tab.locator('#confirm')).to_be_enabled()
    network.intercept(f'{failing}$', lambda route: route.abort())
    tab.keyboard.press('ArrowDown')
    expect(tab.locator('#message')).to_contain_text(
        'cannot be shown' if 'image' in failing else 'does not answer'
    )
    expect(tab.locator('#name')).to_have_text(NASTY if 'image' in failing else '')
    expect(tab.locator('#confirm')).to_be_disabled()
    tab.keyboard.press('p')
    network.restore()
    if 'image' in failing:  # a bag that the server did not answer for opens by itself
        tab.locator('#rows .file').nth(1).click()
    expect(tab.locator('#name')).to_have_text(NASTY)
    expect(tab.locator('#confirm')).to_be_enabled()
    assert log_of(tmp_path / 'log.jsonl') == []


def test_keys_act_right_after_the_name_of_the_operator(
    open_page: Callable[..., None], tab: Any
) -> None:
    from playwright.sync_api import expect

    open_page()
    expect(tab.locator('#name')).to_have_text(LONG)
    tab.evaluate("""() => {
        document.querySelector('[data-action=operator]').click();
        document.getElementById('operator-form').requestSubmit();
        const press = { key: 'ArrowDown', bubbles: true }; // before the next frame
        document.activeElement.dispatchEvent(new KeyboardEvent('keydown', press));
    }""")
    expect(tab.locator('#name')).to_have_text(NASTY)


@pytest.mark.parametrize('silent', ['cases/1', 'cases/1/image', 'cases/0/decision', 'images'])
def test_a_request_without_an_answer_ends_with_a_message(
    network: Network, open_page: Callable[..., None], tmp_path: Path, tab: Any, silent: str
) -> None:
    from playwright.sync_api import expect

    open_page()
    expect(tab.locator('#confirm')).to_be_enabled()
    address = re.compile(rf'/api/{silent}(\?|$)')
    network.intercept(address.pattern, lambda route: None)
    # its own limits would keep this test waiting
    tab.evaluate(
        """() => {
            const timeout = AbortSignal.timeout.bind(AbortSignal);
            window.limits = [];
            AbortSignal.timeout = (limit) => {
                window.limits.push(limit);
                return timeout(500);
            };
        }"""
    )
    with tab.expect_request(address):
        if silent == 'images':
            tab.locator('#files').set_input_files(tmp_path / 'clothes.png')
        else:
            tab.keyboard.press('n' if 'decision' in silent else 'ArrowDown')
    shows_bag = 'cases/1' in silent
    expect(tab.locator('#message' if shows_bag else '#notice')).to_contain_text(
        re.compile('did not answer within .* seconds')
    )
    expect(tab.locator('#confirm')).to_be_enabled(enabled=not shows_bag)
    assert (600_000 in tab.evaluate('limits')) == (silent == 'images')  # the network may be slow
    network.restore()
    expect(tab.locator('#confirm')).to_be_enabled()  # a bag without an answer opens by itself
    expect(tab.locator('#name')).to_have_text(NASTY if shows_bag else LONG)
    assert log_of(tmp_path / 'log.jsonl') == []


def test_a_decision_of_another_operator_is_shown_before_it_is_overturned(
    open_page: Callable[..., None], tmp_path: Path, tab: Any
) -> None:
    from playwright.sync_api import expect

    open_page()
    expect(tab.locator('#confirm')).to_be_enabled()
    other = {'decision': 'confirm', 'operator': 'B. Jones', 'seen': 0}
    tab.evaluate(
        """async (body) => {
            const { token } = await (await fetch('/api/session')).json();
            const options = { method: 'POST', headers: { 'x-review-token': token }, body };
            await fetch('/api/cases/0/decision', options);
        }""",
        json.dumps(other),
    )
    tab.keyboard.press('n')
    expect(tab.locator('#notice')).to_contain_text('B. Jones decided meanwhile')
    expect(tab.locator('#name')).to_have_text(LONG)
    expect(tab.locator('#result')).to_contain_text('Decided: Prohibited item')
    expect(tab.locator('#confirm')).to_be_enabled()
    tab.keyboard.press('n')
    expect(tab.locator('#notice')).to_contain_text('Logged: No prohibited item')
    decisions = log_of(tmp_path / 'log.jsonl')
    assert [line['operator'] for line in decisions] == ['B. Jones', 'A. Smith']


def test_an_alarms_only_page_never_shows_cleared_bags(
    open_page: Callable[..., None], tab: Any
) -> None:
    from playwright.sync_api import expect

    open_page(alarms_only=True)
    for view in ('To do', 'All', 'Alarms'):
        expect(tab.locator('#views [aria-pressed=true]')).to_have_text(view)
        expected = [LONG, NASTY] if view == 'Alarms' else [LONG, NASTY, 'empty.png']
        expect(tab.locator('#rows .file')).to_have_text(expected)
        tab.keyboard.press('v')
    expect(tab.locator('#counts')).to_contain_text('1 without alarm are not shown')
    assert 'clothes' not in tab.content()
    assert tab.evaluate("fetch('/api/cases/2/image').then((answer) => answer.status)") == 404


def test_results_of_a_running_screening_appear_by_themselves(
    open_page: Callable[..., None], results: Path, tab: Any
) -> None:
    from playwright.sync_api import expect

    open_page()
    (line,) = results.read_text().splitlines()[1:2]
    with results.open('a') as file:
        file.write(line.replace('0.8', '0.95').replace('${7*7}', 'later') + '\n')
    expect(tab.locator('#rows .file')).to_have_count(5)
    expect(tab.locator('#rows .file').first).to_contain_text('later')
    expect(tab.locator('#name')).to_have_text(LONG)  # the open bag stays open


def test_nothing_is_cut_off_on_a_small_screen(open_page: Callable[..., None], tab: Any) -> None:
    open_page()
    for width, height in ((1024, 768), (1920, 1080)):
        tab.set_viewport_size({'width': width, 'height': height})
        for selector in ('#rows .file', '#name', 'button:visible', '#counts'):
            for box in tab.locator(selector).evaluate_all(
                'all => all.map((e) => [e.getBoundingClientRect().right, '
                'e.getBoundingClientRect().bottom, e.scrollWidth - e.clientWidth])'
            ):
                assert box[0] <= width, selector
                assert box[1] <= height, selector
                assert box[2] <= 1, selector
        stage = tab.locator('#stage').bounding_box()
        assert stage['width'] > 0.7 * width
        assert stage['height'] > 0.6 * height


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


def test_an_operator_adds_images_and_sees_the_attention_of_the_network(
    checkpoint: Path,
    simulate: Callable[..., Path],
    tmp_path: Path,
    serve_session: Callable[..., str],
    tab: Any,
) -> None:
    from playwright.sync_api import expect

    bags = sorted((simulate(2, 2) / 'JPEGImage').glob('*'))[:2]
    log = tmp_path / 'log.jsonl'
    asked: list[str] = []
    tab.on('request', lambda one: one.url.endswith('/attention') and asked.append(one.url))
    # the browser intercepts its dialog only some time after the first listener
    tab.on('filechooser', lambda _: None)
    tab.goto(serve_session(Session(log, load_backend(CONFIG, checkpoint))))
    tab.locator('#operator').fill('A. Smith')
    tab.keyboard.press('Enter')
    expect(tab.locator('#message')).to_have_text('There are no bags yet.')
    with tab.expect_file_chooser() as chooser:
        tab.keyboard.press('f')
    chooser.value.set_files([str(bag) for bag in bags])
    expect(tab.locator('#rows .file')).to_have_count(2)
    expect(tab.locator('#rows b.alarm')).to_have_text(['Gun', 'Gun'])
    attention = tab.locator('#attention')
    expect(tab.locator('#image')).to_be_visible()
    expect(attention).not_to_be_visible()
    assert asked == []  # it needs a run of the network
    tab.keyboard.press('o')
    expect(attention).to_be_visible()
    attention.evaluate('image => image.decode()')  # fails if it cannot be shown
    expect(tab.locator('#confirm')).to_be_enabled()
    name = tab.locator('#name').text_content()
    tab.keyboard.press('p')
    expect(tab.locator('#notice')).to_have_text(f'Logged: Prohibited item, {name}')

    (line,) = log_of(log)
    bag = next(bag for bag in bags if bag.name == name)
    assert (line['image'], line['operator']) == (name, 'A. Smith')
    assert line['sha256'] == hashlib.sha256(bag.read_bytes()).hexdigest()
    assert (line['labels'], line['thresholds']) == (['Gun'], THRESHOLDS)
    assert line['model'] == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert tab.complaints == []
