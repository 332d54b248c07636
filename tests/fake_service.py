"""A service around a network that takes dark images for guns, for tests of everything but networks.

A module of its own, because the processes that decode images import it too.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import pytest

from mmsxm.imaging.preprocessing import Preprocessing, View
from mmsxm.inference.backends import ModelInfo, Prediction
from mmsxm.inference.calibration import Calibration

for module in ('fastapi', 'prometheus_client', 'python_multipart', 'uvicorn'):
    pytest.importorskip(module, reason='needs the extra [serve]')
pytest.importorskip('httpx', reason='needs the extra [tests]')

import httpx  # noqa: E402
import uvicorn  # noqa: E402

from mmsxm.io.addresses import listen  # noqa: E402
from mmsxm.serving.app import build_app  # noqa: E402
from mmsxm.serving.server import Server  # noqa: E402
from mmsxm.serving.service import ScreeningService  # noqa: E402

CLASSES = ('Gun', 'Knife')
DARK, LIGHT, DEADLY = 20, 250, 66  # gray values


class DeadlyPreprocessing(Preprocessing):
    """Preprocessing that kills its process at an image with one gray value."""

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, View]:
        if (image == DEADLY).all():
            os.kill(os.getpid(), 9)
        return super().__call__(image)


class Darkness:
    """A network whose every image is a gun as far as it is dark, and half a knife.

    It runs only while ``is_open`` is set, and notes the sizes of its batches.
    """

    def __init__(self, is_deadly: bool = False) -> None:
        preprocessing = (DeadlyPreprocessing if is_deadly else Preprocessing)(size=(8, 12))
        calibration = Calibration.default(CLASSES)
        self.info = ModelInfo('darkness', CLASSES, preprocessing, calibration, 'a' * 64, 'b' * 64)
        self.is_open = threading.Event()
        self.is_open.set()
        self.batches: list[int] = []

    def __call__(self, images: np.ndarray) -> Prediction:
        assert self.is_open.wait(60)
        self.batches.append(len(images))
        darkness = 1 - images.mean(axis=(1, 2, 3), dtype=np.float32) / 255
        scores = np.stack([darkness, darkness / 2], axis=1)
        maps = 1 - images.mean(axis=3, dtype=np.float32) / 255
        return Prediction(scores, maps, np.full((len(images), 3), 1 / 3, dtype=np.float32))


def image(gray: int = LIGHT, size: tuple[int, int] = (40, 60), suffix: str = '.png') -> bytes:
    """Return an image file with one gray value."""
    return cv2.imencode(suffix, np.full((*size, 3), gray, dtype=np.uint8))[1].tobytes()


@contextmanager
def serving(service: ScreeningService, token: str | None = None) -> Iterator[httpx.Client]:
    """Serve in a thread; yield a client of the service."""
    listener: socket.socket = listen('127.0.0.1', 0)
    config = uvicorn.Config(build_app(service, token), log_level='critical', ws='none')
    server = Server(config, service)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    host, port = listener.getsockname()
    try:
        with httpx.Client(base_url=f'http://{host}:{port}', timeout=120) as client:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield client
    finally:
        server.should_exit = True
        thread.join()
