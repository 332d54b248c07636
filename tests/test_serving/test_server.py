"""The command as a process: a tiny exported network, signals, addresses and tokens."""

import http.client
import os
import signal
import socket
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest
from fake_service import image
from networks import tiny_onnx
from service_output import printed_totals
from service_process import running, start

pytest.importorskip('onnxruntime', reason='needs the extra [onnx]')


@pytest.fixture(scope='module')
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('model') / 'tiny.onnx'
    path.write_bytes(tiny_onnx())
    return path


def failure(*args: object) -> str:
    """Return the last line of a command that fails."""
    process = start(*args)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1, errors
    return errors.splitlines()[-1]


def test_sigterm_loses_no_accepted_request(model: Path) -> None:
    outcomes: Counter[object] = Counter()
    lock = threading.Lock()
    picture = image(size=(400, 400), suffix='.jpg')

    def send_until_it_stops(address: str) -> None:
        with httpx.Client(base_url=address, timeout=120) as client:
            while True:
                try:
                    outcome: object = client.post('/v1/screen', content=picture).status_code
                except httpx.TransportError as error:  # its address is not in use any more
                    outcome = type(error).__name__
                with lock:
                    outcomes[outcome] += 1
                if not isinstance(outcome, int):
                    return

    with running(model, '--queue', 4, '--max-images', 4, '--threads', 1) as (process, address):
        threads = [threading.Thread(target=send_until_it_stops, args=(address,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        end = time.monotonic() + 120
        while outcomes[200] < 20:
            assert time.monotonic() < end, outcomes
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        assert process.wait(60) == 0
        accepted, answered = printed_totals(process.stderr)
    assert accepted == answered == outcomes[200]
    assert {outcome for outcome in outcomes if isinstance(outcome, int)} <= {200, 503}


def test_a_scanner_may_pause_between_bags(model: Path) -> None:
    with running(model) as (_, address):
        connection = http.client.HTTPConnection(address.removeprefix('http://'), timeout=120)
        statuses = []
        for pause in (0, 6):  # uvicorn's default closes idle connections after 5 seconds
            time.sleep(pause)
            connection.request('POST', '/v1/screen', image())
            with connection.getresponse() as response:
                statuses.append(response.status)
                response.read()
    assert statuses == [200, 200]


def test_the_second_signal_ends_it_at_once(model: Path) -> None:
    with running(model) as (process, address):
        with httpx.Client(base_url=address, timeout=120) as client:
            assert client.get('/ready').status_code == 200
        # a request without the end of its body keeps its place
        host, port = address.removeprefix('http://').split(':')
        with socket.create_connection((host, int(port))) as connection:
            head = f'POST /v1/screen HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9\r\n\r\n'
            connection.sendall(head.encode())
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            time.sleep(1)
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == -signal.SIGTERM


def test_a_token_file_protects_the_process(model: Path, tmp_path: Path) -> None:
    (tmp_path / 'token.txt').write_text('0123456789abcdef\n')
    with (
        running(model, '--token-file', tmp_path / 'token.txt', '--host', '0.0.0.0') as (_, address),
        httpx.Client(base_url=address.replace('0.0.0.0', '127.0.0.1'), timeout=120) as client,
    ):
        assert client.get('/v1/model').status_code == 401
        headers = {'Authorization': 'Bearer 0123456789abcdef'}
        assert client.get('/v1/model', headers=headers).json()['name'] == 'net'


def test_an_open_address_needs_a_token_or_consent(model: Path) -> None:
    assert 'Add --token-file FILE, or --insecure' in failure(model, '--host', '0.0.0.0')
    with running(model, '--host', '0.0.0.0', '--insecure') as (_, address):
        assert address.startswith('http://0.0.0.0:')


def test_user_errors_are_one_line(model: Path, tmp_path: Path) -> None:
    assert failure(tmp_path / 'none.onnx').startswith('mmsxm serve: There is no exported network')
    assert 'contains no valid token' in failure(model, '--token-file', os.devnull)
    assert 'never fits into a queue of 4' in failure(model, '--queue', 4)
    with running(model) as (_, address):
        message = failure(model, '--port', address.rsplit(':')[-1])
        assert 'Use another --host or --port.' in message
