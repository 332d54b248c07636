"""Screening on several machines with Ray Data."""

import json
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmsxm.imaging.images import MAX_PIXELS
from mmsxm.inference.backends import Backend
from mmsxm.inference.records import Record
from mmsxm.io.ray_cluster import join_cluster
from mmsxm.io.worker_pool import WorkerPool
from mmsxm.screening.screen import screen

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ['screen_with_ray']

BATCHES = 8  # batches per Ray block


class _Station:
    """Network on a machine of the cluster, with a process that reads ahead."""

    def __init__(self, load: Callable[[], Backend], *settings: Any) -> None:
        self.backend = load()
        self.pool = WorkerPool(1)
        self.settings = settings

    def __call__(self, batch: 'pa.Table') -> 'pa.Table':
        """Convert a table of paths to a table of records, both as bytes."""
        import pyarrow as pa

        paths = map(os.fsdecode, batch['path'].to_pylist())
        records = screen(paths, self.backend, self.pool, *self.settings)
        lines = [json.dumps(record).encode() for record in records]
        return pa.table({'record': pa.array(lines, pa.binary())})


def screen_with_ray(
    paths: Sequence[str],
    load: Callable[[], Backend],
    workers: int,
    batch_size: int = 16,
    max_pixels: int = MAX_PIXELS,
    overlays: Path | None = None,
) -> Iterator[Record]:
    """Screen files on the cluster of ``RAY_ADDRESS`` or a local one; yield records in any order.

    Args:
        paths: Paths of files, valid on all machines.
        load: Load the network, on any machine.
        workers: Number of networks that run in parallel.
        batch_size: Images per batch.
        max_pixels: Limit on the image size; of a larger image, only the header is read.
        overlays: Folder for pictures of the verdicts.

    Raises:
        ImportError: Ray Data is not installed.
    """
    try:
        import pyarrow as pa
        import ray
        import ray.data
    except ImportError as error:
        raise ImportError(f"--engine ray needs Ray: {error}. pip install 'mmsxm[ray]'") from None
    if not paths:
        return
    started = not ray.is_initialized()
    if started:
        handler = signal.getsignal(signal.SIGTERM)  # the handler of Ray exits immediately
        join_cluster()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)
    try:
        logging.getLogger('ray.data').setLevel(logging.ERROR)
        ray.data.DataContext.get_current().enable_progress_bars = False
        table = pa.table({'path': pa.array(list(map(os.fsencode, paths)), pa.binary())})
        blocks = max(-(-len(paths) // (BATCHES * batch_size)), min(workers, len(paths)))
        results = ray.data.from_arrow(table, override_num_blocks=blocks).map_batches(
            _Station,
            fn_constructor_args=(load, batch_size, max_pixels, overlays),
            batch_size=None,  # a whole block
            batch_format='pyarrow',
            compute=ray.data.ActorPoolStrategy(size=workers),
        )
        batch: Any
        for batch in results.iter_batches(batch_size=None, batch_format='pyarrow'):
            yield from map(json.loads, batch['record'].to_pylist())
    finally:
        if started:
            ray.shutdown()
