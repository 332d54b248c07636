"""Fixtures of the review tests: a bag, a network that sees brightness, and results files."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import cv2
import numpy as np
import pytest

from mmsxm.imaging.preprocessing import Preprocessing
from mmsxm.inference.backends import ModelInfo, Prediction
from mmsxm.inference.calibration import Calibration
from mmsxm.review.session import Session

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120  # seconds to wait for a page on a busy machine
CLASSES = ('Gun', 'Knife')
INFO = ModelInfo('net', CLASSES, Preprocessing((8, 8)), Calibration.default(CLASSES), 'a' * 64)
TIME = '2026-01-01T00:00:00.000+00:00'


class Brightness:
    """Backend whose Gun score is the brightness, with attention on the left half."""

    info = INFO

    def __call__(self, images: np.ndarray) -> Prediction:
        gun = images.mean(axis=(1, 2, 3), dtype=np.float32) / 255
        maps = np.zeros(images.shape[:3], np.float32)
        maps[:, :, :4] = 1
        weights = np.tile(np.array([1, 0, 0], np.float32), (len(images), 1))
        return Prediction(np.stack([gun, 0 * gun], axis=1), maps, weights)


@pytest.fixture
def network() -> Brightness:
    return Brightness()


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """Return a bright image of 40 x 60 pixels."""
    path = tmp_path / 'bag.png'
    cv2.imwrite(str(path), np.full((40, 60, 3), 230, np.uint8))
    return path


@pytest.fixture
def record() -> Callable[..., dict[str, Any]]:
    """Return a function that makes a line of results; without a score, of an unreadable file."""

    def make(bag: Path | str, gun: float | None = None, **more: Any) -> dict[str, Any]:
        line = {'path': str(bag), 'model': INFO.digest, 'time': TIME}
        if gun is None:
            return line | {'error': 'the file is empty'} | more
        outcome = {
            'labels': ['Gun'] if gun >= 0.5 else [],
            'scores': {'Gun': gun, 'Knife': 0.0},
            'thresholds': {'Gun': 0.5, 'Knife': 0.5},
            'regions': [],
            'level_weights': [0.7, 0.2, 0.1],
        }
        return line | outcome | more

    return make


@pytest.fixture
def write_results(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes lines to a results file."""

    def write(*records: dict[str, Any], name: str = 'results.jsonl') -> Path:
        path = tmp_path / name
        path.write_text(''.join(json.dumps(each) + '\n' for each in records))
        return path

    return write


class RunningPage:
    """Process of ``mmsxm review`` on a free port."""

    def __init__(self, *args: object, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, ROOT / 'tools' / 'review.py', '--port', '0', *map(str, args)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {'CUDA_VISIBLE_DEVICES': ''} | environment,
        )
        assert self.process.stdout is not None
        self.output = ''
        for line in self.process.stdout:
            self.output += line
            if found := re.search(r'Review page: (http://\S+)', line):
                self.address = found[1]
                return
        pytest.fail(f'the page did not start:\n{self.output}')

    def stop(self) -> int:
        """Stop the page as a service manager does, and return its exit code."""
        self.process.terminate()
        self.output += self.process.communicate(timeout=PATIENCE)[0]
        return self.process.returncode


@pytest.fixture
def serve_session(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Return a function that serves a session from a thread; the page stops after the test."""
    from mmsxm.io.addresses import listen, url_of
    from mmsxm.review.server import make_server
    from mmsxm.review.worklist import Worklist
    from mmsxm.serving.request_guard import accepted_hosts

    running = []
    (tmp_path / 'uploads').mkdir()

    def serve(session: Session, alarms_only: bool = False) -> str:
        listener = listen('127.0.0.1', 0)
        worklist = Worklist(session, tmp_path / 'uploads', alarms_only)
        server = make_server(worklist, accepted_hosts('127.0.0.1', ()))
        thread = Thread(target=server.run, args=([listener],))
        thread.start()
        running.append((server, thread))
        return url_of(listener)

    yield serve
    for server, thread in running:
        server.should_exit = True
        thread.join()


@pytest.fixture
def run_page() -> Iterator[Callable[..., RunningPage]]:
    """Return a function that starts a page; it stops after the test."""
    pages: list[RunningPage] = []

    def run(*args: object, **environment: str) -> RunningPage:
        pages.append(RunningPage(*args, **environment))
        return pages[-1]

    yield run
    for page in pages:
        page.stop()
