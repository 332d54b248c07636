"""The service on a local Ray cluster: one replica dies, the other answers."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import httpx
import pytest
from fake_service import image
from networks import tiny_onnx
from reserved_ports import reserved_ports

from mmsxm.serving.ray_engine import serve_with_ray
from mmsxm.serving.service import Limits

TOKEN = '0123456789abcdef'
PATIENCE = 600  # seconds; a busy machine needs minutes for what takes seconds
STARTS = 5  # Ray itself allows 30 seconds for a start


def test_a_missing_ray_serve_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(ImportError, match=r"pip install 'mmsxm\[serve-ray\]'"):
        serve_with_ray(lambda: None, '127.0.0.1', 8000, 1, Limits(), 1, 16, None, lambda: None)


class FakeRay(ModuleType):
    """Ray, and Ray Serve, on a cluster with some applications; notes what is called."""

    def __init__(self, *applications: str, proxies: int = 0) -> None:
        super().__init__('ray')
        self.calls: list[tuple[str, dict]] = []
        self.serve = self
        status = SimpleNamespace(
            applications=dict.fromkeys(applications), proxies=dict.fromkeys(range(proxies))
        )
        self.status = lambda: status
        self.ingress = lambda build: lambda: SimpleNamespace(bind=lambda: None)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*_: object, **settings: Any) -> Callable[..., Any]:
            self.calls.append((name, settings))
            return lambda application: application

        return call


@pytest.fixture
def serve_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[FakeRay], None]]:
    """Return a function that serves on a cluster, and stops as soon as it has started."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def serve(ray: FakeRay) -> None:
        monkeypatch.setitem(sys.modules, 'ray', ray)
        stop = partial(signal.raise_signal, signal.SIGTERM)
        serve_with_ray(lambda: None, '127.0.0.1', 8000, 1, Limits(), 1, 16, None, stop)

    yield serve
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ('ray', 'names'),
    [
        (FakeRay('chat', 'ads', proxies=1), 'ads, chat'),
        (FakeRay(proxies=1), 'without applications'),
    ],
)
def test_applications_of_others_on_the_cluster_are_not_stopped(
    serve_on: Callable[[FakeRay], None], ray: FakeRay, names: str
) -> None:
    with pytest.raises(RuntimeError, match=rf'already runs on this cluster \({names}\)'):
        serve_on(ray)
    assert [name for name, _ in ray.calls] == ['init', 'shutdown']  # of the connection only


def test_neither_proxies_nor_replicas_log_requests(serve_on: Callable[[FakeRay], None]) -> None:
    ray = FakeRay()
    serve_on(ray)
    settings = dict(ray.calls)
    for part in ('start', 'deployment'):
        assert settings[part]['logging_config'] == {'enable_access_log': False}


def replicas(ancestor: int) -> list[int]:
    """Return the processes of replicas below a process."""
    parents, found = {}, []
    for entry in Path('/proc').glob('[0-9]*'):
        try:
            parents[int(entry.name)] = int(
                (entry / 'stat').read_text().rsplit(')', 1)[1].split()[1]
            )
            if b'ray::ServeReplica' in (entry / 'cmdline').read_bytes():
                found.append(int(entry.name))
        except OSError:  # the process has ended
            continue
    family = {ancestor}
    while grown := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= grown
    return [pid for pid in found if pid in family]


def wait_for(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


def start(arguments: list[str]) -> subprocess.Popen[str]:
    """Start a service, and return when it is ready; repeat a start that Ray gave up."""
    log = ''
    for _ in range(STARTS):
        process = subprocess.Popen(
            [sys.executable, '-m', 'mmsxm', 'serve', *arguments],
            env={name: value for name, value in os.environ.items() if name != 'RAY_ADDRESS'},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        log = ''
        for line in process.stderr:
            log += line
            if re.search('2 replicas behind http://', line):
                return process
        process.wait()
        if 'Ray did not start within' not in log:
            break
    pytest.fail(log)


@pytest.fixture
def port() -> Iterator[int]:
    with reserved_ports(1) as (port,):
        yield port


@pytest.mark.skipif(not Path('/proc').is_dir(), reason='looks for replicas in /proc')
def test_requests_continue_after_a_replica_is_killed(tmp_path: Path, port: int) -> None:
    pytest.importorskip('ray.serve', reason='needs the extra [serve-ray]', exc_type=ImportError)
    pytest.importorskip('onnxruntime', reason='needs the extra [onnx]')
    (tmp_path / 'tiny.onnx').write_bytes(tiny_onnx())
    (tmp_path / 'token.txt').write_text(TOKEN)
    arguments = [tmp_path / 'tiny.onnx', '--engine', 'ray', '--replicas', 2, '--port', port]
    arguments += ['--token-file', tmp_path / 'token.txt', '--threads', 1]
    process = start([*map(str, arguments)])
    try:
        headers = {'Authorization': f'Bearer {TOKEN}'}
        with httpx.Client(
            base_url=f'http://127.0.0.1:{port}', headers=headers, timeout=PATIENCE
        ) as client:
            assert httpx.get(f'{client.base_url}/ready').status_code == 401

            def status() -> int:
                answer = client.post('/v1/screen?name=bag.png', content=image())
                if answer.status_code == 200:
                    assert answer.json()['records'][0]['path'] == 'bag.png'
                return answer.status_code

            assert [status() for _ in range(8)] == 8 * [200]
            first, *others = replicas(process.pid)
            assert len(others) == 1
            os.kill(first, signal.SIGKILL)
            wait_for(lambda: status() == 200)
            assert [status() for _ in range(20)] == 20 * [200]
            wait_for(lambda: len(set(replicas(process.pid)) - {first}) == 2)  # Ray replaces it
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
