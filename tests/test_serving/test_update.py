"""Another network without losing a request: a second service stands in for the first.

The client is the one of docs/kiosk.md, and the proxy is tools/deploy/nginx.conf in a real nginx.
"""

import re
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_service import image
from networks import tiny_onnx
from reserved_ports import reserved_ports
from service_output import printed_totals
from service_process import running

pytest.importorskip('onnxruntime', reason='needs the extra [onnx]')

ROOT = Path(__file__).resolve().parents[2]
OLD, NEW = 'a' * 64, 'c' * 64  # digests
CLIENTS = 4
ANSWERS = 20  # that each network has to give before the next step


@pytest.fixture(scope='module')
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write two networks that differ in their digests."""
    folder = tmp_path_factory.mktemp('models')
    paths = {digest: folder / f'{digest[0]}.onnx' for digest in (OLD, NEW)}
    for digest, path in paths.items():
        path.write_bytes(tiny_onnx().replace(OLD.encode(), digest.encode()))
    return paths


@pytest.fixture
def ports() -> Iterator[list[int]]:
    """Return ports for two services and a proxy."""
    with reserved_ports(3) as ports:
        yield ports


def client_of_the_page(addresses: list[str]) -> Callable[..., dict[str, Any]]:
    """Return the function that docs/kiosk.md gives to clients."""
    page = (ROOT / 'docs/kiosk.md').read_text()
    (program,) = re.findall(r'```python\n(import time\n.*?)```', page, re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(compile(program, 'docs/kiosk.md', 'exec'), namespace)
    namespace['ADDRESSES'][:] = addresses
    return namespace['screen']


@contextmanager
def nginx(folder: Path, ports: list[int]) -> Iterator[str]:
    """Run nginx with our configuration, on other ports; yield its address."""
    program = shutil.which('nginx') or pytest.skip('needs nginx')
    own, first, second = ports
    server = (ROOT / 'tools/deploy/nginx.conf').read_text()
    log = folder / 'nginx.log'
    for old, new in {
        '127.0.0.1:8000': f'127.0.0.1:{own}',
        '127.0.0.1:8001': f'127.0.0.1:{first}',
        '127.0.0.1:8002': f'127.0.0.1:{second}',
        '/var/log/nginx/mmsxm.log crit': f'{log} warn',
    }.items():
        assert old in server
        server = server.replace(old, new)
    places = '\n'.join(
        f'{name}_temp_path {folder / name};'
        for name in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi')
    )
    config = folder / 'nginx.conf'
    config.write_text(
        f'daemon off; master_process off; pid {folder / "pid"}; error_log {log} warn;\n'
        f'events {{}}\nhttp {{ {places}\n{server} }}\n'
    )
    process = subprocess.Popen([program, '-p', folder, '-c', config, '-e', log])
    try:
        yield f'http://127.0.0.1:{own}'
    finally:
        process.terminate()
        process.wait(60)
    text = log.read_text()
    assert 'buffered to a temporary file' not in text, 'images are written to the disk'


@pytest.mark.parametrize('proxy', ['none', 'nginx'])
def test_an_update_and_its_rollback_lose_no_request(
    proxy: str, models: dict[str, Path], ports: list[int], tmp_path: Path
) -> None:
    first, second, front = ports
    addresses = [f'http://127.0.0.1:{port}' for port in (first, second)]
    answers: Counter[str] = Counter()  # by the digest of the network
    statuses: Counter[int] = Counter()
    accepted: list[int] = []
    failures: list[BaseException] = []
    lock, done = threading.Lock(), threading.Event()
    picture = image(size=(400, 400), suffix='.jpg') + bytes(100_000)  # more than nginx's default

    def work(address: list[str]) -> None:
        screen = client_of_the_page(address)

        def count(response: httpx.Response) -> None:
            with lock:
                statuses[response.status_code] += 1

        try:
            with httpx.Client(timeout=120, event_hooks={'response': [count]}) as client:
                while not done.is_set():
                    record = screen(client, picture, 'bag.jpg')
                    with lock:
                        answers[record['model']] += 1
        except BaseException as error:
            failures.append(error)
            raise

    def wait_for(digest: str) -> None:
        with lock:
            goal = answers[digest] + ANSWERS
        end = time.monotonic() + 120
        while answers[digest] < goal:
            assert time.monotonic() < end, (answers, statuses)
            assert not failures
            time.sleep(0.02)

    def stop(process: subprocess.Popen[str]) -> None:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        number, answered = printed_totals(process.stderr)
        assert number == answered
        accepted.append(number)

    def wait_until_ready(address: str) -> None:
        httpx.get(f'{address}/ready', timeout=120).raise_for_status()

    options = ('--queue', 16, '--max-images', 4, '--threads', 1, '--workers', 1)
    server = nginx(tmp_path, [front, first, second]) if proxy == 'nginx' else nullcontext()
    with server as front_address:
        targets = [front_address] if front_address else addresses
        threads = [
            threading.Thread(target=work, args=(targets,), daemon=True) for _ in range(CLIENTS)
        ]
        with running(models[OLD], *options, port=first) as (old, address):
            wait_until_ready(address)
            for thread in threads:
                thread.start()
            try:
                wait_for(OLD)
                with running(models[NEW], *options, port=second) as (new, new_address):
                    wait_until_ready(new_address)
                    stop(old)
                    wait_for(NEW)
                    with running(models[OLD], *options, port=first) as (again, _):  # roll back
                        wait_for(OLD)
                        stop(new)
                        wait_for(OLD)
                        done.set()
                        for thread in threads:
                            thread.join()
                        stop(again)
            finally:
                done.set()
        if front_address:
            refused = httpx.post(f'{front_address}/v1/screen', content=picture)
            assert (refused.status_code, refused.headers['Retry-After']) == (503, '1')
            assert set(statuses) == {200}  # clients notice nothing
    assert not failures
    assert set(answers) == {OLD, NEW}
    assert sum(accepted) == answers.total() == statuses[200]
    assert set(statuses) <= {200, 503}
