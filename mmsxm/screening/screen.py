"""Screening of images: from paths to records, whatever the files contain."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from mmsxm.imaging.images import MAX_PIXELS
from mmsxm.imaging.reading import PreprocessedFile, Unreadable, preprocess_file
from mmsxm.inference.backends import Backend
from mmsxm.inference.records import Record, Screened, screen_files
from mmsxm.io.worker_pool import IDLE, Idle, WorkerDiedError, WorkerPool
from mmsxm.screening.overlays import write_overlay

__all__ = ['screen']


def screen(
    paths: Iterable[str | Idle],
    backend: Backend,
    pool: WorkerPool,
    batch_size: int = 16,
    max_pixels: int = MAX_PIXELS,
    overlays: Path | None = None,
) -> Iterator[Record]:
    """Screen any number of files: a pool reads ahead, and the network runs in this process.

    Records are in the order of the paths. At most one batch, plus two files per worker, is in
    memory at a time.

    Args:
        paths: Paths, and possibly :data:`~mmsxm.io.worker_pool.IDLE`, which flushes pending files.
        backend: The network.
        pool: Worker processes that read images.
        batch_size: Images per batch.
        max_pixels: Limit on the image size; of a larger image, only the header is read.
        overlays: Folder for pictures of the verdicts.
    """
    for files in _batches(_read_ahead(paths, backend, pool, batch_size, max_pixels), batch_size):
        screened = screen_files(backend, files)
        if overlays is not None:
            draw = partial(
                write_overlay,
                overlays,
                max_pixels=max_pixels,
                mapping=backend.info.preprocessing.mapping,
            )
            _draw(screened, pool, draw)
        yield from (result.record for result in screened)


def _read_ahead(
    paths: Iterable[str | Idle],
    backend: Backend,
    pool: WorkerPool,
    batch_size: int,
    max_pixels: int,
) -> Iterator[PreprocessedFile | Unreadable | Idle]:
    """Read files in the pool, a bounded number at a time; pass IDLE through."""
    read = partial(preprocess_file, preprocessing=backend.info.preprocessing, max_pixels=max_pixels)
    for path, file in pool.map(read, paths, ahead=batch_size + 2 * pool.workers):
        yield Unreadable(path, str(file)) if isinstance(file, WorkerDiedError) else file


def _batches(
    files: Iterable[PreprocessedFile | Unreadable | Idle], batch_size: int
) -> Iterator[list[PreprocessedFile | Unreadable]]:
    """Group files until a batch is full or no more files are available for now."""
    batch: list[PreprocessedFile | Unreadable] = []
    for file in files:
        if not isinstance(file, Idle):
            batch.append(file)
        if len(batch) == batch_size or (batch and file is IDLE):
            yield batch
            batch = []
    if batch:
        yield batch


def _draw(screened: Sequence[Screened], pool: WorkerPool, draw: Callable[..., str | None]) -> None:
    """Write pictures in the pool and add their paths to the records; None if a file is gone."""
    calls = []
    for record, drawn_map, view in screened:
        if view is not None:
            call = pool.submit(draw, record, drawn_map, view)
            calls.append((record, call))
    for record, call in calls:
        try:
            record['overlay'] = pool.result(call)
        except WorkerDiedError:
            record['overlay'] = None
