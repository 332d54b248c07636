import os
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from mmsxm.io.worker_pool import IDLE, Idle, WorkerDiedError, WorkerPool


@pytest.fixture(scope='module')
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(2) as pool:
        yield pool


def test_calls_run_in_another_process_and_raise_their_errors(pool: WorkerPool) -> None:
    elsewhere, failing = pool.submit(os.getpid), pool.submit(int, 'seven')
    assert pool.result(elsewhere) != os.getpid()
    with pytest.raises(ValueError, match='seven'):
        pool.result(failing)


def test_only_the_call_that_crashes_its_worker_is_abandoned(pool: WorkerPool) -> None:
    before, deadly = pool.submit(pow, 2, 3), pool.submit(os._exit, 1)
    others = [pool.submit(pow, 2, n) for n in range(8)]
    with pytest.raises(WorkerDiedError, match='twice'):
        pool.result(deadly)
    assert pool.result(before) == 8
    assert [pool.result(call) for call in others] == [2**n for n in range(8)]


def test_calls_of_a_worker_killed_from_outside_are_repeated(pool: WorkerPool) -> None:
    victim = pool.result(pool.submit(os.getpid))
    asleep = [pool.submit(time.sleep, 0.5) for _ in range(2)]
    os.kill(victim, signal.SIGKILL)
    assert [pool.result(call) for call in asleep] == [None, None]


def test_on_windows_a_pool_has_no_more_processes_than_can_be_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, 'platform', 'win32')
    with WorkerPool(64) as pool:
        assert pool.workers == 61


def test_an_idle_worker_can_be_killed(pool: WorkerPool) -> None:
    os.kill(pool.result(pool.submit(os.getpid)), signal.SIGKILL)
    assert pool.result(pool.submit(pow, 2, 3)) == 8


def test_results_come_in_order_and_pending_calls_are_limited(pool: WorkerPool) -> None:
    requested = []

    def items() -> Iterator[str | Idle]:
        for item in ('1', '2', IDLE, '3', '4', '5'):
            requested.append(item)
            yield item

    found = pool.map(int, items(), ahead=2)
    assert next(found) == ('1', 1)
    assert requested == ['1', '2']
    assert list(found) == [('2', 2), (IDLE, IDLE), ('3', 3), ('4', 4), ('5', 5)]


def test_an_item_that_crashes_its_worker_comes_with_its_error(pool: WorkerPool) -> None:
    ((item, error),) = pool.map(os._exit, [1], ahead=2)
    assert item == 1
    assert isinstance(error, WorkerDiedError)


def test_two_crashing_calls_are_both_found(pool: WorkerPool) -> None:
    deadly = [pool.submit(os._exit, 1) for _ in range(2)]
    fine = pool.submit(pow, 3, 2)
    for call in deadly:
        with pytest.raises(WorkerDiedError):
            pool.result(call)
    assert pool.result(fine) == 9


def test_a_call_is_not_kept_if_workers_no_longer_start(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError('The worker processes crash as soon as they start.')

    monkeypatch.setattr(pool, '_recover', fail)
    call = pool.submit(os._exit, 1)
    with pytest.raises(RuntimeError, match='as soon as they start'):
        pool.result(call)
    assert pool._pending == set()
