"""The command, as a process of its own."""

import http.client
import importlib.util
import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('fastapi', reason="needs FastAPI: pip install 'mmsxm[review]'")
pytest.importorskip('uvicorn', reason="needs uvicorn: pip install 'mmsxm[review]'")

from mmsxm.io.addresses import listen, url_of
from mmsxm.review.session import Session

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs' / 'demo' / 'sxmnet_stage2.py'
OF_A_CONFIG = (
    'mmsxm review: sxmnet_stage2 has no weights'
    if importlib.util.find_spec('torch')
    else 'sxmnet_stage2.py needs PyTorch, but torch is not installed'
)


@pytest.fixture
def results(bag: Path, record: Callable[..., dict], write_results: Callable[..., Path]) -> Path:
    return write_results(record(bag, 0.9))


def test_the_address_names_the_port_that_was_free() -> None:
    with listen('127.0.0.1', 0) as listener:
        assert url_of(listener) == f'http://127.0.0.1:{listener.getsockname()[1]}/'


def test_a_port_in_use_is_an_error_in_one_sentence() -> None:
    with listen('127.0.0.1', 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(OSError, match=f'cannot listen on 127.0.0.1, port {port}'):
            listen('127.0.0.1', port)


def test_the_page_stops_on_sigterm_and_leaves_no_images_behind(
    results: Path, tmp_path: Path, run_page: Callable[..., Any]
) -> None:
    folder = tmp_path / 'temporary'
    folder.mkdir()
    page = run_page('--results', results, '--log', tmp_path / 'log', TMPDIR=str(folder))
    with urllib.request.urlopen(f'{page.address}api/cases') as answer:
        assert len(json.load(answer)['rows']) == 1
    assert [path.name[:13] for path in folder.iterdir()] == ['mmsxm-review-']
    assert page.stop() == 0
    assert list(folder.iterdir()) == []
    assert 'Traceback' not in page.output
    assert 'Warning' not in page.output


def test_idle_connections_of_browsers_do_not_block_others(
    results: Path, tmp_path: Path, serve_session: Callable[..., str]
) -> None:
    host = serve_session(Session(tmp_path / 'log', results=results)).split('/')[2]
    connections = [http.client.HTTPConnection(host, timeout=60) for _ in range(100)]
    for connection in connections:
        connection.request('GET', '/api/session')
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()
    for connection in connections:
        connection.close()


def test_paths_outside_the_page_are_not_served(
    results: Path, bag: Path, tmp_path: Path, run_page: Callable[..., Any]
) -> None:
    page = run_page('--results', results, '--log', tmp_path / 'log')
    host = page.address.removeprefix('http://').rstrip('/')
    paths = ['/../app.py', '/..%2fapp.py', f'/{bag}', f'//{bag}', '/%2e%2e/%2e%2e/pyproject.toml']
    for path in paths:
        connection = http.client.HTTPConnection(host)
        connection.request('GET', path)  # as it is, unlike a browser
        assert connection.getresponse().status == 404, path
        connection.close()


def test_an_address_that_others_reach_is_a_warning(
    results: Path, tmp_path: Path, run_page: Callable[..., Any]
) -> None:
    page = run_page('--results', results, '--log', tmp_path / 'log', '--host', '0.0.0.0')
    page.stop()
    assert 'Warning: everyone who reaches 0.0.0.0 can see the bags' in page.output


def test_results_are_reviewed_without_torch(results: Path, tmp_path: Path) -> None:
    program = (
        'import sys\n'
        'from pathlib import Path\n'
        'from mmsxm.review.session import Session\n'
        'import mmsxm.cli.review, mmsxm.review.server\n'
        f'Session(Path({str(tmp_path / "log")!r}), results=Path({str(results)!r})).review()\n'
        'assert not {"torch", "mmengine", "mmcv", "mmpretrain"} & set(sys.modules)\n'
    )
    subprocess.run([sys.executable, '-c', program], check=True, cwd=ROOT)


@pytest.mark.parametrize(
    ('args', 'complaint'),
    [
        ([], 'give --results, --model, or both'),
        (
            ['--results', 'none.jsonl'],
            'none.jsonl is not a file: set --results to a results file of',
        ),
        (['--results', '.'], 'error: . is not a file: set --results to a results file of'),
        (['--model', str(CONFIG)], OF_A_CONFIG),
        (
            ['--results', 'r.jsonl', '--host', 'no.such.host.invalid'],
            'mmsxm review: The page cannot',
        ),
    ],
)
def test_invalid_arguments_end_in_one_sentence(
    tmp_path: Path, results: Path, args: list[str], complaint: str
) -> None:
    results.rename(tmp_path / 'r.jsonl')
    command = [sys.executable, ROOT / 'tools' / 'review.py', *args]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode != 0
    assert complaint in run.stderr.splitlines()[-1]
