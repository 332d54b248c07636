import asyncio
import threading

import pytest

from mmsxm.serving.batcher import Batcher


class Doubling:
    """Doubles numbers while it is open, notes its batches, and fails at a negative number."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.is_open = threading.Event()
        self.is_open.set()

    def __call__(self, items: list[int]) -> list[int]:
        self.batches.append(items)
        assert self.is_open.wait(60)
        if min(items) < 0:
            raise ValueError(f'{min(items)} is negative')
        return [2 * item for item in items]

    async def begin(self, number: int = 1) -> None:
        """Wait until a number of batches have begun."""
        while len(self.batches) < number:
            await asyncio.sleep(0.001)


def test_every_item_gets_its_own_result() -> None:
    async def work() -> list[int]:
        async with Batcher(Doubling(), batch_size=4) as batch:
            return await asyncio.gather(*map(batch, range(30)))

    assert asyncio.run(work()) == [2 * item for item in range(30)]


def test_a_single_item_does_not_wait_for_others() -> None:
    async def work() -> int:
        async with Batcher(Doubling(), batch_size=16) as batch:
            return await asyncio.wait_for(batch(3), 60)

    assert asyncio.run(work()) == 6


def test_items_that_arrive_during_a_run_share_the_next_batches() -> None:
    double = Doubling()

    async def work() -> list[int]:
        async with Batcher(double, batch_size=3) as batch:
            double.is_open.clear()
            first = asyncio.create_task(batch(0))
            await double.begin()
            others = [asyncio.create_task(batch(item)) for item in range(1, 6)]
            await asyncio.sleep(0.01)
            double.is_open.set()
            return await asyncio.gather(first, *others)

    assert asyncio.run(work()) == [0, 2, 4, 6, 8, 10]
    assert double.batches == [[0], [1, 2, 3], [4, 5]]


def test_an_incomplete_batch_waits_a_moment_for_more() -> None:
    double = Doubling()

    async def work() -> None:
        async with Batcher(double, wait=0.2) as batch:
            first = asyncio.create_task(batch(1))
            await asyncio.sleep(0.02)
            await asyncio.gather(first, batch(2))

    asyncio.run(work())
    assert double.batches == [[1, 2]]


def test_a_failure_reaches_the_callers_of_its_batch_only() -> None:
    async def work() -> list[object]:
        async with Batcher(Doubling(), batch_size=2) as batch:
            return await asyncio.gather(*map(batch, [1, -1, 2, 3]), return_exceptions=True)

    first, second, *others = asyncio.run(work())
    assert isinstance(first, ValueError)
    assert str(second) == '-1 is negative'
    assert others == [4, 6]


def test_a_missing_result_is_an_error() -> None:
    async def work() -> None:
        async with Batcher(lambda items: items[1:]) as batch:
            await batch(1)

    with pytest.raises(ValueError, match='shorter'):
        asyncio.run(work())


def test_a_caller_that_gave_up_does_not_disturb_the_others_of_its_batch() -> None:
    double = Doubling()

    async def work() -> int:
        async with Batcher(double) as batch:
            double.is_open.clear()
            impatient, patient = asyncio.create_task(batch(1)), asyncio.create_task(batch(2))
            await double.begin()
            impatient.cancel()
            await asyncio.sleep(0)
            double.is_open.set()
            return await patient

    assert asyncio.run(work()) == 4
    assert double.batches == [[1, 2]]


def test_the_end_cancels_what_still_waits() -> None:
    double = Doubling()

    async def work() -> list[object]:
        async with Batcher(double, batch_size=1) as batch:
            double.is_open.clear()
            tasks = [asyncio.create_task(batch(1)), asyncio.create_task(batch(2))]
            await double.begin()
            threading.Timer(0.2, double.is_open.set).start()  # the end blocks the loop
        return await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(result) for result in asyncio.run(work())] == [asyncio.CancelledError] * 2
    assert double.batches == [[1]]
