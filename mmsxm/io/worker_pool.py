"""Worker processes that read ahead of the main process, and survive the crash of a worker.

A file can crash its worker, usually because memory runs out. Any of the pending calls may be the
cause, so all of them are repeated one at a time. A call that crashes its worker again is abandoned.
This module does not import torch, so that processes start quickly.
"""

import enum
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

import cv2

__all__ = ['IDLE', 'Call', 'Idle', 'WorkerDiedError', 'WorkerPool']

MOST_ON_WINDOWS = 61  # processes that it can wait for, a limit of ProcessPoolExecutor


class Idle(enum.Enum):
    """The type of :data:`IDLE`."""

    IDLE = 'idle'


# marks a pause in a stream of items: consumers finish their pending items instead of waiting for
# more
IDLE = Idle.IDLE


class WorkerDiedError(RuntimeError):
    """Error for a call that crashed its worker twice, the second time while it ran alone."""


@dataclass(eq=False)
class Call:
    """Pending call of a function in another process."""

    function: Callable[..., Any]
    args: tuple
    outcome: Future


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the main process decides
    cv2.setNumThreads(1)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


class WorkerPool:
    """Pool of processes that restarts when one of them crashes.

    The processes are not forked from this one, because threads of torch or OpenVINO do not survive
    a fork. They exit when this process is gone.

    Args:
        workers: Number of processes. On Windows, at most 61 of them start.
        preload: Modules that all processes need, imported only once if the system can fork.
    """

    def __init__(self, workers: int, preload: Sequence[str] = ()) -> None:
        if sys.platform == 'win32':
            workers = min(workers, MOST_ON_WINDOWS)
        self.workers = workers
        methods = multiprocessing.get_all_start_methods()
        self._context = multiprocessing.get_context(
            'forkserver' if 'forkserver' in methods else 'spawn'
        )
        self._context.set_forkserver_preload([__name__, *preload])
        self._pending: set[Call] = set()
        self._pool = self._start()

    def __enter__(self) -> 'WorkerPool':
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self.workers, self._context, _start_worker)

    def submit(self, function: Callable[..., Any], *args: Any) -> Call:
        """Run a module-level function in another process; :meth:`result` returns its value."""
        try:
            future = self._pool.submit(function, *args)
        except BrokenProcessPool:
            self._recover()
            future = self._pool.submit(function, *args)
        call = Call(function, args, future)
        self._pending.add(call)
        return call

    def result(self, call: Call) -> Any:
        """Wait for one call, and return its value or raise its error.

        Raises:
            WorkerDiedError: The call crashed its worker twice.
            RuntimeError: Workers crash as soon as they start.
        """
        try:
            if isinstance(call.outcome.exception(), BrokenProcessPool):
                self._recover()
        finally:  # a call that stays would be repeated in each recovery
            self._pending.discard(call)
        return call.outcome.result()

    def map(
        self, function: Callable[[Any], Any], items: Iterable[Any], ahead: int
    ) -> Iterator[tuple[Any, Any]]:
        """Yield each item with the value of a function for it, in order.

        Args:
            function: Module-level function, or a partial one.
            items: Items; at :data:`IDLE`, pending calls are finished and ``(IDLE, IDLE)`` is
                yielded.
            ahead: Maximum number of pending calls.

        Yields:
            An item and its value, or a :class:`WorkerDiedError` if it crashed its worker twice.
        """
        pending: deque[tuple[Any, Call]] = deque()
        for item in items:
            if item is not IDLE:
                pending.append((item, self.submit(function, item)))
            while pending and (item is IDLE or len(pending) >= ahead):
                yield self._finish(*pending.popleft())
            if item is IDLE:
                yield IDLE, IDLE
        while pending:
            yield self._finish(*pending.popleft())

    def _finish(self, item: Any, call: Call) -> tuple[Any, Any]:
        try:
            return item, self.result(call)
        except WorkerDiedError as error:
            return item, error

    def _recover(self) -> None:
        """Start a new pool, and repeat the interrupted calls one at a time."""
        self._restart()
        for call in self._pending:
            if isinstance(call.outcome.exception(), BrokenProcessPool):
                call.outcome = self._repeat(call)

    def _restart(self) -> None:
        self._pool.shutdown()
        self._pool = self._start()
        try:
            self._pool.submit(os.getpid).result()
        except BrokenProcessPool:
            raise RuntimeError(
                'The worker processes crash as soon as they start. Free some memory, or use fewer '
                'workers.'
            ) from None

    def _repeat(self, call: Call) -> Future:
        future = self._pool.submit(call.function, *call.args)
        if isinstance(future.exception(), BrokenProcessPool):
            future = Future()
            future.set_exception(WorkerDiedError('reading it crashed the worker process twice'))
            self._restart()
        return future
