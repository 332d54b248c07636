"""Reading of many image files in several processes, with a progress bar."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from mmsxm.imaging.reading import Unreadable
from mmsxm.io.worker_pool import WorkerDiedError, WorkerPool

__all__ = ['read_files']

T = TypeVar('T')


def read_files(
    paths: Sequence[str], read: Callable[[str], T | Unreadable], workers: int
) -> Iterator[tuple[str, T | Unreadable]]:
    """Yield each path with the result of ``read``, and show the progress.

    A file that ends its process is unreadable.

    Args:
        paths: Files.
        read: :func:`~mmsxm.imaging.fingerprint.fingerprint_file` or
            :func:`~mmsxm.imaging.fingerprint.hash_file`, as a partial function.
        workers: Number of processes; 0 uses this process.
    """
    from rich.progress import track

    yield from track(_read_all(paths, read, workers), 'Reading images', total=len(paths))


def _read_all(
    paths: Sequence[str], read: Callable[[str], T | Unreadable], workers: int
) -> Iterator[tuple[str, T | Unreadable]]:
    if not workers:
        yield from ((path, read(path)) for path in paths)
        return
    with WorkerPool(workers, preload=['mmsxm.imaging.fingerprint']) as pool:
        for path, outcome in pool.map(read, paths, ahead=8 * workers):
            died = isinstance(outcome, WorkerDiedError)
            yield path, Unreadable(path, str(outcome)) if died else outcome
