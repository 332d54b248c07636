"""Measure mmsxm serve against mmsxm screen on the same files, then overload and stop it.

Throughput: screening and numbers of clients take turns, so that other load affects all equally. The
clients run on the same machine and take CPU time from the service, so their own time is reported.
Overload: requests arrive at twice the capacity. Stop: SIGTERM while clients send requests; at the
end, the service must have accepted exactly the requests that clients got an answer to. Linux only.

A short form, which takes about a minute after the export of a network:

python tools/benchmarks/serving.py --seconds 3 --rounds 1 --overload-seconds 15
"""

import argparse
import http.client
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from service_output import printed_address, printed_totals

from mmsxm.cli.arguments import available_cores
from mmsxm.imaging.images import list_images
from mmsxm.inference.backends import load_backend
from mmsxm.io.files import atomic_write
from mmsxm.io.worker_pool import WorkerPool
from mmsxm.screening.screen import screen

SIZE = (954, 1225)  # size of simulated images, common in SIXray
BATCH = 16
ARRIVING = 64  # clients beside those that fill the queue, so that arrivals are in time


@dataclass
class Outcome:
    """What clients got: answers by status, seconds of those with 200, and the clients' own time."""

    answers: Counter[int | str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0
    cpu_seconds: float = 0

    @property
    def per_second(self) -> float:
        """Answers with 200 per second."""
        return self.answers[200] / self.seconds

    def to_dict(self) -> dict:
        """Return plain values; latencies in milliseconds."""
        latencies = sorted(self.latencies) or [float('nan')]
        return {
            'images_per_second': round(self.per_second, 2),
            'median_ms': round(1000 * statistics.median(latencies), 1),
            'p99_ms': round(1000 * latencies[int(0.99 * (len(latencies) - 1))], 1),
            'client_cpu_ms_per_image': round(
                1000 * self.cpu_seconds / max(self.answers[200], 1), 2
            ),
            'answers': {str(status): count for status, count in self.answers.items()},
        }


class Service:
    """The command in a process of its own, with the addresses and totals that it prints."""

    def __init__(self, model: Path, queue: int) -> None:
        command = [sys.executable, '-m', 'mmsxm', 'serve', model, '--port', 0, '--queue', queue]
        self.process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        self.errors = self.process.stderr
        self.address = urlsplit(printed_address(self.errors)).netloc

    def stop(self) -> tuple[int, int, int]:
        """Wait for the end; return the exit code, and the accepted and answered requests."""
        return self.process.wait(), *printed_totals(self.errors)

    def megabytes(self) -> float:
        """Return the resident memory of the process and all its descendants."""
        parents: dict[int, int] = {}
        for entry in Path('/proc').glob('[0-9]*'):
            try:
                status = (entry / 'stat').read_text()
            except OSError:  # the process has ended
                continue
            parents[int(entry.name)] = int(status.rsplit(')', 1)[1].split()[1])
        family = {self.process.pid}
        while grown := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= grown
        return sum(map(_resident, family)) / 1e6


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f'/proc/{pid}/statm').read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf('SC_PAGE_SIZE')


def run_clients(
    address: str, bodies: Sequence[bytes], clients: int, next_start: Callable[[], float | None]
) -> Outcome:
    """Send requests from threads, each over its own connection, until ``next_start`` is None.

    Args:
        address: Host and port.
        bodies: Image files, sent in turn.
        clients: Number of threads.
        next_start: Returns the time at which the next request is due.
    """
    outcome, lock = Outcome(), threading.Lock()
    turns = itertools.cycle(bodies)

    def work(_: int) -> None:
        connection = http.client.HTTPConnection(address, timeout=120)
        while True:
            with lock:
                start, body = next_start(), next(turns)
            if start is None:
                return
            time.sleep(max(start - time.perf_counter(), 0))
            begin = time.perf_counter()
            try:
                connection.request('POST', '/v1/screen', body)
                response = connection.getresponse()
                response.read()
                status: int | str = response.status
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                status = type(error).__name__
            with lock:
                outcome.answers[status] += 1
                if status == 200:
                    outcome.latencies.append(time.perf_counter() - begin)
            if isinstance(status, str):  # the service has stopped
                return

    begin, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(work, range(clients)))
    outcome.seconds = time.perf_counter() - begin
    outcome.cpu_seconds = time.process_time() - cpu
    return outcome


def without_pause(seconds: float) -> Callable[[], float | None]:
    """Return a schedule of requests that follow each other immediately."""
    end = time.perf_counter() + seconds
    return lambda: now if (now := time.perf_counter()) < end else None


def at_rate(rate: float, seconds: float) -> Callable[[], float | None]:
    """Return a schedule with a number of requests per second, however slow the answers."""
    begin = time.perf_counter()
    starts = iter([begin + number / rate for number in range(int(rate * seconds))])
    return lambda: next(starts, None)


def screening_speed(model: Path, paths: Sequence[str], pool: WorkerPool, seconds: float) -> float:
    """Return the images per second of the function behind mmsxm screen."""
    end = time.perf_counter() + 3600

    def until_end() -> Iterator[str]:
        for path in itertools.cycle(paths):
            if time.perf_counter() > end:
                return
            yield path

    records = screen(until_end(), load_backend(model), pool, BATCH)
    for _ in range(BATCH):  # warm-up
        next(records)
    begin = time.perf_counter()
    end = begin + seconds
    return sum('error' not in record for record in records) / (time.perf_counter() - begin)


def overload(service: Service, bodies: Sequence[bytes], queue: int, args: tuple) -> dict:
    """Send twice as many requests as the service can answer; watch its memory."""
    rate, seconds = args
    memory: list[float] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(min(1, seconds / 20)):
            memory.append(service.megabytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    outcome = run_clients(service.address, bodies, queue + ARRIVING, at_rate(rate, seconds))
    done.set()
    watcher.join()
    third = max(len(memory) // 3, 1)
    return {
        'requests_per_second': round(rate, 1),
        **outcome.to_dict(),
        'megabytes_first_third': round(statistics.median(memory[:third]), 1),
        'megabytes_last_third': round(statistics.median(memory[-third:]), 1),
    }


def stop_under_load(service: Service, bodies: Sequence[bytes], seconds: float) -> Outcome:
    """Send SIGTERM while 16 clients send requests."""
    timer = threading.Timer(seconds, service.process.send_signal, [signal.SIGTERM])
    timer.start()
    return run_clients(service.address, bodies, 16, without_pause(3600))


def export_network(config: str, folder: Path, input_size: int | None = None) -> Path:
    """Export a network with random weights, by default for the size of its config."""
    import torch
    from mmengine.logging import MMLogger

    from mmsxm.inference.backends.torch_backend import load_network
    from mmsxm.inference.export import to_onnx
    from mmsxm.registry import MODELS
    from mmsxm.training.config import load_config

    MMLogger.get_instance('mmengine').setLevel('ERROR')
    cfg = load_config(config, options={'input_size': input_size} if input_size else None)
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(dict(cfg.model, _scope_='mmpretrain'))
    model.init_weights()
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, folder / 'weights.pth')
    atomic_write(folder / 'network.onnx', to_onnx(*load_network(cfg, folder / 'weights.pth')))
    return folder / 'network.onnx'


def find_images(folder: Path | None, scratch: Path, number: int) -> list[str]:
    """Return image files of a folder, or of simulated bags."""
    if folder is None:
        from mmsxm.simulation import write_sixray

        write_sixray(scratch / 'bags', train=number, test=1, image_size=SIZE)
        folder = scratch / 'bags'
    if not (paths := list_images(folder)[:number]):
        raise SystemExit(f'{folder} contains no image')
    return paths


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--model', type=Path, help='exported network; default: one is exported')
    parser.add_argument(
        '--config',
        default='configs/sxmnet_mobilenet-v2_sixray_stage2.py',
        help='network to export, with random weights; default: %(default)s',
    )
    parser.add_argument('--images', type=Path, help='folder; by default, bags are simulated')
    parser.add_argument('--number', type=int, default=32, help='images; default: %(default)s')
    parser.add_argument('--clients', type=int, nargs='+', default=[1, 8, 64])
    parser.add_argument('--seconds', type=float, default=20, help='of each turn')
    parser.add_argument('--rounds', type=int, default=3, help='turns of each candidate')
    parser.add_argument('--queue', type=int, default=64, help='default: %(default)s')
    parser.add_argument('--overload-seconds', type=float, default=300, help='default: %(default)s')
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        model = args.model or export_network(args.config, scratch)
        paths = find_images(args.images, scratch, args.number)
        bodies = [Path(path).read_bytes() for path in paths]
        service = Service(model, args.queue)
        answered = 0
        speeds: list[float] = []
        turns: dict[int, list[Outcome]] = {clients: [] for clients in args.clients}
        with WorkerPool(max(available_cores() // 2, 1), ['mmsxm.imaging.reading']) as pool:
            for _ in range(args.rounds):
                speeds.append(screening_speed(model, paths, pool, args.seconds))
                for clients, outcomes in turns.items():
                    schedule = without_pause(args.seconds)
                    outcomes.append(run_clients(service.address, bodies, clients, schedule))
                    answered += outcomes[-1].answers[200]
        screened = statistics.median(speeds)
        print(f'screen: {screened:.2f} images per second')
        capacity = 0.0
        for clients, outcomes in turns.items():
            middle = sorted(outcomes, key=lambda outcome: outcome.per_second)[len(outcomes) // 2]
            capacity = max(capacity, middle.per_second)
            share = middle.per_second / screened
            print(f'{clients} clients, {share:.2f} of screen: {json.dumps(middle.to_dict())}')
        result = overload(service, bodies, args.queue, (2 * capacity, args.overload_seconds))
        answered += result['answers'].get('200', 0)
        print(f'overload: {json.dumps(result)}')
        outcome = stop_under_load(service, bodies, args.seconds)
        answered += outcome.answers[200]
        code, accepted, by_service = service.stop()
        print(f'SIGTERM under load: {json.dumps(outcome.to_dict())}')
        print(
            f'exit code {code}; requests: {accepted} accepted, {by_service} answered, '
            f'{answered} answers received by clients'
        )
        lost = accepted - answered
        wrong = set(result['answers']) - {'200', '503'}
        if code or lost or wrong:
            raise SystemExit(f'exit code {code}, {lost} requests lost, other answers: {wrong}')


if __name__ == '__main__':
    main()
