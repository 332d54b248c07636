"""The web application, without a browser."""

import json
import mimetypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip('fastapi', reason="needs FastAPI: pip install 'mmsxm[review]'")
pytest.importorskip('httpx2', reason='needs httpx2: pip install -r requirements/tests.txt')

from fastapi.testclient import TestClient

from mmsxm.review import app as module
from mmsxm.review.app import build_app
from mmsxm.review.session import Session
from mmsxm.review.worklist import Worklist
from mmsxm.serving.request_guard import RequestGuard, accepted_hosts

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def client(
    tmp_path: Path, bag: Path, record: Callable[..., dict], write_results: Callable[..., Path]
) -> Callable[..., TestClient]:
    """Return a function that serves Gun scores; None is an unreadable file."""
    (tmp_path / 'uploads').mkdir()

    def build(
        *guns: float | None, network: Any = None, alarms_only: bool = False, **more: Any
    ) -> TestClient:
        lines = [
            record(bag, gun, **({'time': f't{number}'} | more)) for number, gun in enumerate(guns)
        ]
        results = write_results(*lines) if lines else None
        session = Session(tmp_path / 'log', network, results)
        app = build_app(Worklist(session, tmp_path / 'uploads', alarms_only))
        guarded = RequestGuard(app, accepted_hosts('127.0.0.1', ()))
        client = TestClient(guarded, 'http://127.0.0.1:7860')
        client.headers['x-review-token'] = client.get('/api/session').json()['token']
        return client

    return build


def decode(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


DECISION = {'decision': 'clear', 'operator': 'A. Smith', 'seen': 0}


def test_bags_are_listed_by_risk(client: Callable[..., TestClient]) -> None:
    page = client(0.1, None, 0.9, 0.6)
    body = page.get('/api/cases').json()
    assert [row['index'] for row in body['rows']] == [2, 3, 0, 1]
    assert (body['total'], body['warning']) == (4, '')
    body = page.get('/api/cases?view=alarms&limit=1').json()
    assert ([row['index'] for row in body['rows']], body['total']) == ([2], 2)
    for query in ('view=everything', 'limit=0', 'limit=x'):
        assert page.get(f'/api/cases?{query}').status_code == 422


def test_a_decision_is_logged_and_answered_with_the_next_bag(
    client: Callable[..., TestClient], tmp_path: Path
) -> None:
    page = client(0.1, 0.9)
    answer = page.post('/api/cases/1/decision', json=DECISION | {'comment': 'a lamp'})
    assert (answer.status_code, answer.json()) == (200, {'next': 0})
    (line,) = map(json.loads, (tmp_path / 'log').read_text().splitlines())
    assert (line['operator'], line['decision'], line['comment']) == ('A. Smith', 'clear', 'a lamp')
    assert page.get('/api/cases/1').json()['verdict'] == 'clear'


def test_a_decision_that_another_operator_has_not_seen_is_not_overturned(
    client: Callable[..., TestClient], tmp_path: Path
) -> None:
    page = client(0.9)
    assert page.get('/api/cases/0').json()['history'] == []
    found = DECISION | {'decision': 'confirm', 'operator': 'B. Jones'}
    assert page.post('/api/cases/0/decision', json=found).status_code == 200
    answer = page.post('/api/cases/0/decision', json=DECISION)
    assert answer.status_code == 409
    assert 'B. Jones decided meanwhile' in answer.json()['detail']
    assert page.get('/api/cases/0').json()['verdict'] == 'confirm'
    assert page.post('/api/cases/0/decision', json=DECISION | {'seen': 1}).status_code == 200
    assert len((tmp_path / 'log').read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ('body', 'status'),
    [
        ({'decision': 'clear', 'seen': 0}, 422),  # nobody
        ({'decision': 'clear', 'operator': 'A. Smith'}, 422),
        (DECISION | {'seen': '0'}, 422),
        (DECISION | {'operator': ' '}, 422),
        (DECISION | {'operator': 'a\u202eb'}, 422),
        (DECISION | {'decision': 'maybe'}, 422),
        (DECISION | {'comment': 'x' * 1001}, 422),
        (DECISION | {'comment': 5}, 422),
        (DECISION | {'time': 'yesterday'}, 422),
        ([DECISION], 422),
        (DECISION | {'comment': 'x' * module.MAX_JSON}, 413),
    ],
)
def test_invalid_decisions_are_refused(
    client: Callable[..., TestClient], tmp_path: Path, body: Any, status: int
) -> None:
    answer = client(0.9).post('/api/cases/0/decision', json=body)
    assert answer.status_code == status
    assert answer.json()['detail']
    assert (tmp_path / 'log').read_bytes() == b''


def test_decisions_of_other_sites_are_refused(
    client: Callable[..., TestClient], tmp_path: Path
) -> None:
    page = client(0.9)
    elsewhere = {'origin': 'https://example.org'}
    assert page.post('/api/cases/0/decision', json=DECISION, headers=elsewhere).status_code == 403
    rebound = {'host': 'bags.example.org'}
    assert page.get('/api/session', headers=rebound).status_code == 403
    for token in ('', 'x', 'é'):
        headers = {'x-review-token': token.encode()}
        answer = page.post('/api/cases/0/decision', json=DECISION, headers=headers)
        assert answer.status_code == 403
    assert (tmp_path / 'log').read_bytes() == b''


def test_a_log_that_cannot_be_written_is_an_error(
    client: Callable[..., TestClient], tmp_path: Path
) -> None:
    page = client(0.9)
    (tmp_path / 'log').unlink()
    (tmp_path / 'log').mkdir()
    answer = page.post('/api/cases/0/decision', json=DECISION)
    assert answer.status_code == 507
    assert 'log' in answer.json()['detail']
    assert page.get('/api/cases/0').json()['verdict'] == ''


def test_images_are_served_in_color_and_in_bands(
    client: Callable[..., TestClient], bag: Path
) -> None:
    page = client(0.9)
    answer = page.get('/api/cases/0/image')
    assert answer.headers['content-type'] == 'image/png'
    np.testing.assert_array_equal(decode(answer.content), cv2.imread(str(bag)))
    assert decode(page.get('/api/cases/0/image?band=metal').content).shape == (40, 60, 3)
    assert page.get('/api/cases/0/image?band=gold').status_code == 422
    assert page.get('/api/cases/0/attention').status_code == 204  # there is no network
    bag.unlink()
    answer = page.get('/api/cases/0/image')
    assert answer.status_code == 404
    assert 'No such file' in answer.json()['detail']


def test_attention_needs_the_network(client: Callable[..., TestClient], network: Any) -> None:
    layer = decode(client(0.9, network=network).get('/api/cases/0/attention').content)
    assert layer.shape == (40, 60, 4)
    assert layer[0, 0, 3] == 255
    assert layer[0, -1, 3] == 0


def test_an_alarms_only_page_serves_nothing_of_bags_without_alarms(
    client: Callable[..., TestClient], network: Any, tmp_path: Path
) -> None:
    page = client(0.1, 0.9, None, network=network, alarms_only=True)
    body = page.get('/api/cases').json()
    assert [row['index'] for row in body['rows']] == [1, 2]
    assert body['counts']['hidden'] == 1
    for path in ('', '/image', '/image?band=metal', '/attention'):
        assert page.get(f'/api/cases/1{path}').status_code == 200
        assert page.get(f'/api/cases/0{path}').status_code == 404
    assert page.get('/api/cases/2/image').status_code == 404
    assert page.post('/api/cases/0/decision', json=DECISION).status_code == 404
    assert (tmp_path / 'log').read_bytes() == b''
    dark = cv2.imencode('.png', np.zeros((9, 9, 3), np.uint8))[1].tobytes()
    assert page.post('/api/images?name=dark.png', content=dark).json() == {'index': None}
    assert page.get('/api/cases/3').status_code == 404


def test_an_added_image_is_screened(
    client: Callable[..., TestClient], network: Any, bag: Path
) -> None:
    page = client(network=network)
    answer = page.post('/api/images?name=..%2Fa.png', content=bag.read_bytes())
    assert answer.json() == {'index': 0}
    case = page.get('/api/cases/0').json()
    assert (case['name'], case['path'], case['labels']) == ('a.png', 'a.png', ['Gun'])
    assert page.post('/api/images?name=b.png', content=b'text').json() == {'index': 1}
    assert 'not an image' in page.get('/api/cases/1').json()['problem']


def test_large_images_are_refused(
    client: Callable[..., TestClient],
    network: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, 'MAX_BYTES', 1000)
    page = client(network=network)
    read = []

    def chunks() -> Any:
        for number in range(100):
            read.append(number)
            yield b'x' * 100

    for body in (b'x' * 1001, chunks()):
        answer = page.post('/api/images?name=a.png', content=body)
        assert answer.status_code == 413
        assert answer.json() == {'detail': 'The limit is 0.001 MB. Use a smaller file.'}
    assert page.post(f'/api/images?name={"x" * 256}', content=b'x').status_code == 422
    assert list((tmp_path / 'uploads').iterdir()) == []


def test_images_added_at_once_are_limited(
    client: Callable[..., TestClient], network: Any, bag: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, 'MAX_ADDED_AT_ONCE', 1)
    page = client(network=network)
    answers = []

    def slowly() -> Any:
        yield bag.read_bytes()
        answers.append(page.post('/api/images?name=b.png', content=b'x'))

    for _ in range(2):  # the place is given back
        assert page.post('/api/images?name=a.png', content=slowly()).status_code == 200
    assert [answer.status_code for answer in answers] == [503, 503]
    assert 'Wait a moment' in answers[0].json()['detail']


def test_images_cannot_be_added_without_a_network(client: Callable[..., TestClient]) -> None:
    answer = client(0.9).post('/api/images?name=a.png', content=b'x')
    assert answer.status_code == 422
    assert 'without a network' in answer.json()['detail']


def test_only_the_page_is_served(
    client: Callable[..., TestClient], bag: Path, tmp_path: Path
) -> None:
    page = client(0.9)
    for path in ('/', '/page.js', '/page.css', '/icon.svg'):
        assert page.get(path).status_code == 200
    secrets = (bag, tmp_path / 'log', ROOT / 'pyproject.toml', Path('/etc/passwd'))
    for secret in secrets:
        for path in (secret, f'/../../..{secret}', f'/%2e%2e/%2e%2e{secret}', f'//{secret}'):
            assert page.get(str(path)).status_code in (404, 405), path
    for path in ('/app.py', '/../app.py', '/%2e%2e/app.py', '/docs', '/openapi.json', '/redoc'):
        assert page.get(path).status_code == 404, path
    for index in ('-1', '1', '99999999999999999999', 'x'):
        assert page.get(f'/api/cases/{index}').status_code in (404, 422)


def test_browsers_are_told_to_load_nothing_else_and_to_keep_nothing(
    client: Callable[..., TestClient],
) -> None:
    page = client(0.9)
    for path in ('/', '/page.js', '/api/cases', '/api/cases/0/image', '/api/cases/7'):
        headers = page.get(path).headers
        policy = headers['content-security-policy']
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert 'unsafe' not in policy
        assert headers['cache-control'] == 'no-store'
        assert headers['x-content-type-options'] == 'nosniff'
        assert 'access-control-allow-origin' not in headers


@pytest.mark.parametrize(
    ('path', 'kind'),
    [
        ('/', 'text/html; charset=utf-8'),
        ('/page.js', 'text/javascript; charset=utf-8'),
        ('/page.css', 'text/css; charset=utf-8'),
        ('/icon.svg', 'image/svg+xml'),
    ],
)
def test_types_of_files_do_not_depend_on_the_system(
    client: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch, path: str, kind: str
) -> None:
    monkeypatch.setattr(mimetypes, '_db', mimetypes.MimeTypes())
    for suffix in ('.html', '.js', '.css', '.svg'):
        mimetypes.add_type('text/plain', suffix)  # as in some registries of Windows
    assert client(0.9).get(path).headers['content-type'] == kind


def test_names_of_files_are_data_and_never_part_of_the_page(
    client: Callable[..., TestClient],
) -> None:
    nasty = '/bags/<img src=x onerror=alert(1)>\u202e\udcff.png'
    page = client(0.9, path=nasty)
    case = page.get('/api/cases/0').json()
    assert case['name'] == '<img src=x onerror=alert(1)>\\u202e\\udcff.png'
    assert '<img src=x' not in page.get('/').text
    static = ROOT / 'mmsxm' / 'review' / 'static'
    scripts = ''.join(path.read_text() for path in static.glob('*.js'))
    for sink in ('innerHTML', 'outerHTML', 'insertAdjacentHTML', 'document.write', 'eval('):
        assert sink not in scripts
    assert 'http' not in (static / 'index.html').read_text()  # works without the internet
