"""Metrics of a service in the format of Prometheus."""

import time
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmsxm.inference.records import Record

__all__ = ['Metrics', 'MetricsMiddleware']

SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)


class Metrics:
    """Counters of a service, in a registry of their own.

    Args:
        classes: Class names of the network.
        queue_length: Returns the current number of images in the queue.
    """

    def __init__(self, classes: Iterable[str], queue_length: Callable[[], float]) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            'mmsxm_requests', 'Requests.', ['path', 'status'], registry=self.registry
        )
        self.seconds = Histogram(
            'mmsxm_request_seconds',
            'Seconds from the head of a request to the end of its answer.',
            ['path'],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.images = Counter('mmsxm_images', 'Screened images.', registry=self.registry)
        self.errors = Counter(
            'mmsxm_image_errors', 'Images that could not be screened.', registry=self.registry
        )
        self.alarms = Counter(
            'mmsxm_alarms', 'Images with an alarm of the class.', ['class'], registry=self.registry
        )
        for name in classes:
            self.alarms.labels(name)  # present from the start, as 0
        Gauge(
            'mmsxm_queue_length',
            'Images that are accepted and not yet answered.',
            registry=self.registry,
        ).set_function(queue_length)

    def count(self, records: Iterable[Record]) -> None:
        """Count the records of an answer."""
        for record in records:
            if 'error' in record:
                self.errors.inc()
                continue
            self.images.inc()
            for name in record['labels']:
                self.alarms.labels(name).inc()

    def text(self) -> bytes:
        """Return all metrics in the text format."""
        return generate_latest(self.registry)


class MetricsMiddleware:
    """Count requests, their status and seconds.

    Args:
        app: The application.
        metrics: Where they are counted.
        paths: Known paths. All others are counted as one, so that strangers cannot add series.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: Iterable[str]) -> None:
        self.app = app
        self.metrics = metrics
        self.paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application, and count what it answers."""
        if scope['type'] != 'http':
            await self.app(scope, receive, send)
            return
        status = 500  # of an exception
        start = time.perf_counter()

        async def observe(message: Message) -> None:
            nonlocal status
            if message['type'] == 'http.response.start':
                status = message['status']
            await send(message)

        try:
            await self.app(scope, receive, observe)
        finally:
            path = scope['path'] if scope['path'] in self.paths else 'other'
            self.metrics.requests.labels(path, status).inc()
            self.metrics.seconds.labels(path).observe(time.perf_counter() - start)
