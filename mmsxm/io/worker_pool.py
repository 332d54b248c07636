"""Processes that work ahead of the main one, and survive the death of one of them.

A process may be killed over a file, for want of memory above all. Nobody knows then which of the
calls under way was to blame, so all of them are repeated, each while no other runs; one that kills
its process again is given up. This file imports no torch, so that processes start quickly.
"""

import enum
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

import cv2

__all__ = ['IDLE', 'Call', 'Idle', 'WorkerDiedError', 'WorkerPool']


class Idle(enum.Enum):
    """The type of :data:`IDLE`."""

    IDLE = 'idle'


# stands in a stream of items where no other item follows for now: whoever has some under way
# finishes them instead of waiting for more
IDLE = Idle.IDLE


class WorkerDiedError(RuntimeError):
    """A call killed its process twice, the second time while it ran alone."""


@dataclass(eq=False)
class Call:
    """A function under way in another process."""

    function: Callable[..., Any]
    args: tuple
    outcome: Future


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all, the main one decides
    cv2.setNumThreads(1)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


class WorkerPool:
    """A pool of processes that is made anew when one of them dies.

    Processes are never forked from this one, whose threads of torch or OpenVINO would not survive
    it, and leave when this one is gone.

    Args:
        workers: Processes.
        preload: Modules that all of them need, imported once where the system can fork.
    """

    def __init__(self, workers: int, preload: Sequence[str] = ()) -> None:
        self.workers = workers
        methods = multiprocessing.get_all_start_methods()
        self._context = multiprocessing.get_context(
            'forkserver' if 'forkserver' in methods else 'spawn'
        )
        self._context.set_forkserver_preload([__name__, *preload])
        self._flying: set[Call] = set()
        self._pool = self._start()

    def __enter__(self) -> 'WorkerPool':
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self.workers, self._context, _start_worker)

    def submit(self, function: Callable[..., Any], *args: Any) -> Call:
        """Have a function of a module run in another process; ask :meth:`result` for it."""
        try:
            future = self._pool.submit(function, *args)
        except BrokenProcessPool:
            self._recover()
            future = self._pool.submit(function, *args)
        call = Call(function, args, future)
        self._flying.add(call)
        return call

    def result(self, call: Call) -> Any:
        """Wait for what a call returns or raises, and for no other one.

        Raises:
            WorkerDiedError: the call killed its process twice.
            RuntimeError: processes die without having anything to do.
        """
        if isinstance(call.outcome.exception(), BrokenProcessPool):
            self._recover()
        self._flying.remove(call)
        return call.outcome.result()

    def map(
        self, function: Callable[[Any], Any], items: Iterable[Any], ahead: int
    ) -> Iterator[tuple[Any, Any]]:
        """Give items with what a function returns for them, in their order.

        Args:
            function: Of a module, or a partial one.
            items: May contain :data:`IDLE`; calls under way are then finished, and
                ``(IDLE, IDLE)`` is yielded.
            ahead: Calls that are under way at most.

        Yields:
            An item and its result, a :class:`WorkerDiedError` where it killed its process twice.
        """
        under_way: deque[tuple[Any, Call]] = deque()
        for item in items:
            if item is not IDLE:
                under_way.append((item, self.submit(function, item)))
            while under_way and (item is IDLE or len(under_way) >= ahead):
                yield self._land(*under_way.popleft())
            if item is IDLE:
                yield IDLE, IDLE
        while under_way:
            yield self._land(*under_way.popleft())

    def _land(self, item: Any, call: Call) -> tuple[Any, Any]:
        try:
            return item, self.result(call)
        except WorkerDiedError as error:
            return item, error

    def _recover(self) -> None:
        """Start a new pool, and repeat what was under way, one after the other."""
        self._restart()
        for call in self._flying:
            if isinstance(call.outcome.exception(), BrokenProcessPool):
                call.outcome = self._alone(call)

    def _restart(self) -> None:
        self._pool.shutdown()
        self._pool = self._start()
        try:
            self._pool.submit(os.getpid).result()
        except BrokenProcessPool:
            raise RuntimeError(
                'the processes that read images die as soon as they are started: is there memory '
                'left?'
            ) from None

    def _alone(self, call: Call) -> Future:
        future = self._pool.submit(call.function, *call.args)
        if isinstance(future.exception(), BrokenProcessPool):
            future = Future()
            future.set_exception(WorkerDiedError('the process that read it was killed twice'))
            self._restart()
        return future
