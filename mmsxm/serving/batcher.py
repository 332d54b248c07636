"""Batching of waiting items, for a function that is faster on several items at once."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

__all__ = ['Batcher']

Item = TypeVar('Item')
Result = TypeVar('Result')


class Batcher(Generic[Item, Result]):
    """Call a function on batches of the items that wait, one batch at a time.

    While a batch runs, the next items gather. The function runs in a thread of its own, so that the
    event loop keeps answering. Use it as ``async with Batcher(...) as batch: await batch(item)``.

    Args:
        function: Returns one result per item, in their order.
        batch_size: Largest number of items per call.
        wait: Seconds that an incomplete batch waits for more items.
    """

    def __init__(
        self,
        function: Callable[[list[Item]], Sequence[Result]],
        batch_size: int = 16,
        wait: float = 0.002,
    ) -> None:
        self.function = function
        self.batch_size = batch_size
        self.wait = wait
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()

    async def __aenter__(self) -> 'Batcher[Item, Result]':
        self._arrival = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix='batch')
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)
        self._thread.shutdown()
        while self._waiting:
            self._waiting.popleft()[1].cancel()

    async def __call__(self, item: Item) -> Result:
        """Wait for the result of one item; raise what the function raises for its batch."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._arrival.set()
        return await future

    async def _work(self) -> None:
        while True:
            await self._arrival.wait()
            if len(self._waiting) < self.batch_size:
                await asyncio.sleep(self.wait)
            size = min(len(self._waiting), self.batch_size)
            batch = [self._waiting.popleft() for _ in range(size)]
            if not self._waiting:
                self._arrival.clear()
            await self._run([item for item, _ in batch], [future for _, future in batch])

    async def _run(self, items: list[Item], futures: list[asyncio.Future[Result]]) -> None:
        loop = asyncio.get_running_loop()
        try:
            results = await loop.run_in_executor(self._thread, self.function, items)
            for future, result in zip(futures, results, strict=True):
                if not future.done():  # a caller may have been cancelled meanwhile
                    future.set_result(result)
        except asyncio.CancelledError:
            for future in futures:
                future.cancel()
            raise
        except Exception as error:  # the batches after this one may succeed
            for future in futures:
                if not future.done():
                    future.set_exception(error)
