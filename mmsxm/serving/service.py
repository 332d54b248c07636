"""The service without HTTP: admission to a bounded queue, decoding, and the network."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmsxm.imaging.images import MAX_PIXELS, ImageTooLargeError
from mmsxm.imaging.reading import PreprocessedFile, Unreadable
from mmsxm.inference.backends import Backend
from mmsxm.inference.records import Record, screen_files
from mmsxm.serving.batcher import Batcher
from mmsxm.serving.decoder import Decoder

__all__ = [
    'Admission',
    'BusyError',
    'Limits',
    'NetworkError',
    'ScreeningService',
    'StoppingError',
    'Upload',
]


@dataclass(frozen=True)
class Limits:
    """Limits on what a service accepts.

    Args:
        queue: Images that are accepted and not yet answered, over all requests.
        images: Images per request.
        body: Bytes per request.
        pixels: Pixels per image.
        body_seconds: Seconds to receive the body of a request.

    Raises:
        ValueError: A request with the allowed number of images would never fit into the queue.
    """

    queue: int = 64
    images: int = 32
    body: int = 32_000_000
    pixels: int = MAX_PIXELS
    body_seconds: float = 30

    def __post_init__(self) -> None:
        if self.images > self.queue:
            raise ValueError(
                f'A request with {self.images} images never fits into a queue of {self.queue}. '
                'Allow fewer images per request, or a longer queue.'
            )


class Upload(NamedTuple):
    """Image of a request: its name, and the content of the file."""

    name: str
    data: bytes


class BusyError(RuntimeError):
    """Error of a request for which the queue has no room; it can be repeated."""


class NetworkError(RuntimeError):
    """Error of a request that the network or the decoding processes failed; the cause is theirs."""


class StoppingError(RuntimeError):
    """Error of a request that arrives after the service has begun to stop."""


class Admission:
    """Places of one request in the queue; the first is for the request itself."""

    def __init__(self, service: 'ScreeningService') -> None:
        self._service = service
        self.places = 0
        self.extend(1)

    def extend(self, places: int) -> None:
        """Raise the number of places to ``places``.

        Raises:
            BusyError: The queue has less room.
        """
        missing = max(places - self.places, 0)
        if self._service.queue_length + missing > self._service.limits.queue:
            raise BusyError(
                f'The queue of {self._service.limits.queue} images has no room for {places} more. '
                'Repeat the request later.'
            )
        self._service.queue_length += missing
        self.places += missing

    def leave(self) -> None:
        """Give the places back."""
        self._service.queue_length -= self.places
        self.places = 0


class ScreeningService:
    """Network behind a bounded queue.

    Args:
        backend: The network.
        limits: What is accepted.
        workers: Processes that decode images.
        batch_size: Images per batch of the network.
    """

    def __init__(
        self, backend: Backend, limits: Limits | None = None, workers: int = 1, batch_size: int = 16
    ) -> None:
        self.backend = backend
        self.limits = limits or Limits()
        self.queue_length = 0
        self.accepted = 0  # requests
        self.answered = 0
        self.stopping = False
        self._batch: Batcher[PreprocessedFile | Unreadable, Record] = Batcher(
            self._screen, batch_size
        )
        self._decode = Decoder(backend.info.preprocessing, self.limits.pixels, workers)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start the processes and the thread, and run the network once; stop them at the end."""
        height, width = self.backend.info.preprocessing.size
        blank = np.zeros((1, height, width, 3), np.uint8)  # the first run of a network is slow
        await asyncio.to_thread(self.backend, blank)
        with self._decode:
            await self._decode('', b'')  # starts a process
            async with self._batch:
                yield

    def stop(self) -> None:
        """Refuse new requests; those in the queue are still answered."""
        self.stopping = True

    @contextmanager
    def admit(self) -> Iterator[Admission]:
        """Give a request a place in the queue for the duration of the block.

        Raises:
            BusyError: The queue is full.
            StoppingError: The service is stopping.
        """
        if self.stopping:
            raise StoppingError('The service is stopping. Send the request to another one.')
        admission = Admission(self)
        self.accepted += 1
        try:
            yield admission
        finally:
            admission.leave()
            self.answered += 1

    async def screen(self, uploads: Sequence[Upload]) -> list[Record]:
        """Screen images and return their records, in the same order.

        A record has the name of the image as its path. A request that is cancelled ends when its
        images are done: they cannot be stopped, and need their places until then.

        Raises:
            ImageTooLargeError: An image has too many pixels. The message names it.
            NetworkError: The network or the processes that decode failed.
        """
        answers = asyncio.gather(*map(self._answer, uploads), return_exceptions=True)
        try:
            results = await asyncio.shield(answers)
        except asyncio.CancelledError:
            await asyncio.wait([answers])
            raise
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [result for result in results if not isinstance(result, BaseException)]

    async def _answer(self, upload: Upload) -> Record:
        try:
            return await self._batch(await self._decode(*upload))
        except ImageTooLargeError as error:
            raise ImageTooLargeError(f'{upload.name}: {error}') from None
        except Exception as error:
            raise NetworkError(f'Screening failed: {error}') from error

    def _screen(self, files: list[PreprocessedFile | Unreadable]) -> list[Record]:
        return [screened.record for screened in screen_files(self.backend, files)]
