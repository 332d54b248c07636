"""Screen on many machines with Ray Data."""

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
from mmsxm.io.worker_pool import WorkerPool
from mmsxm.screening.screen import Record, screen

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ['screen_with_ray']

BATCHES = 8  # that a network is given at a time


class _Station:
    """A network somewhere in the cluster, with a process beside it that reads ahead."""

    def __init__(self, load: Callable[[], Backend], *settings: Any) -> None:
        self.backend = load()
        self.pool = WorkerPool(1)
        self.settings = settings

    def __call__(self, batch: 'pa.Table') -> 'pa.Table':
        """Turn a table of paths into one of records, both as bytes."""
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
    """Screen files on the cluster of ``RAY_ADDRESS``, or on a local one; records in any order.

    Args:
        paths: Files that all machines reach by these paths.
        load: Gives the network, on any machine.
        workers: Networks that run at once.
        batch_size: Images that a network sees at once.
        max_pixels: Of an image; of a larger one only the header is read.
        overlays: A folder for pictures of what the network says.

    Raises:
        ImportError: Ray Data is not installed.
    """
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    try:
        import pyarrow as pa
        import ray
        import ray.data
    except ImportError as error:
        raise ImportError(f"--engine ray: {error}; pip install 'mmsxm[ray]'") from None
    if not paths:
        return
    started = not ray.is_initialized()
    if started:
        at_term = signal.getsignal(signal.SIGTERM)  # Ray would leave at once
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, at_term)
    try:
        logging.getLogger('ray.data').setLevel(logging.ERROR)
        ray.data.DataContext.get_current().enable_progress_bars = False
        table = pa.table({'path': pa.array(list(map(os.fsencode, paths)), pa.binary())})
        blocks = max(-(-len(paths) // (BATCHES * batch_size)), min(workers, len(paths)))
        said = ray.data.from_arrow(table, override_num_blocks=blocks).map_batches(
            _Station,
            fn_constructor_args=(load, batch_size, max_pixels, overlays),
            batch_size=None,  # a block
            batch_format='pyarrow',
            compute=ray.data.ActorPoolStrategy(size=workers),
        )
        batch: Any
        for batch in said.iter_batches(batch_size=None, batch_format='pyarrow'):
            yield from map(json.loads, batch['record'].to_pylist())
    finally:
        if started:
            ray.shutdown()
