"""Decoding in worker processes: an image that crashes its decoder does not stop the service."""

import asyncio
from concurrent.futures.process import BrokenProcessPool

from mmsxm.imaging.preprocessing import Preprocessing
from mmsxm.imaging.reading import PreprocessedFile, Unreadable, preprocess_data
from mmsxm.io.worker_pool import WorkerDiedError, WorkerPool

__all__ = ['Decoder']


class Decoder:
    """Decode and preprocess images from memory, several at a time.

    Use it as ``with Decoder(...) as decode: await decode(name, data)`` in a running event loop.

    Args:
        preprocessing: Preprocessing of the network.
        max_pixels: Limit on the image size.
        workers: Number of processes.
    """

    def __init__(self, preprocessing: Preprocessing, max_pixels: int, workers: int) -> None:
        self.preprocessing = preprocessing
        self.max_pixels = max_pixels
        self.workers = workers

    def __enter__(self) -> 'Decoder':
        self._pool = WorkerPool(self.workers, preload=['mmsxm.imaging.reading'])
        # the pool is not thread-safe, and it recovers from a crash in a thread
        self._access = asyncio.Lock()
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.__exit__(*error)

    async def __call__(self, name: str, data: bytes) -> PreprocessedFile | Unreadable:
        """Return the network input of an image, or the reason why it cannot be decoded.

        Args:
            name: Path in the result.
            data: Content of the image file.

        Raises:
            ImageTooLargeError: The image exceeds the limit; only its header was decoded.
            RuntimeError: The processes crash as soon as they start.
        """
        # whoever waits may be cancelled, but the pool must not be left in the middle of a recovery
        return await asyncio.shield(self._decode(name, data))

    async def _decode(self, name: str, data: bytes) -> PreprocessedFile | Unreadable:
        async with self._access:
            call = self._pool.submit(
                preprocess_data, name, data, self.preprocessing, self.max_pixels
            )
        future = asyncio.wrap_future(call.outcome)
        await asyncio.wait([future])
        try:
            async with self._access:
                if isinstance(future.exception(), BrokenProcessPool):
                    return await asyncio.to_thread(self._pool.result, call)
                return self._pool.result(call)
        except WorkerDiedError as error:
            return Unreadable(name, str(error))
