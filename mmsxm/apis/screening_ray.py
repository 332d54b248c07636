"""Screen on many machines with Ray Data."""

import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .backends import Backend
from .reading import prepare_file
from .screening import Record, screen_files
from .screening_overlays import write_overlay

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ['screen_with_ray']

BATCHES = 8  # that a machine is given at a time


class _Station:
    """A network on one of the machines."""

    def __init__(self, load: Callable[[], Backend], max_pixels: int, overlays: Path | None) -> None:
        self.backend = load()
        self.max_pixels = max_pixels
        self.overlays = overlays

    def __call__(self, batch: 'pa.Table') -> 'pa.Table':
        """Take a table of paths to one of records, both as bytes."""
        import pyarrow as pa

        preparation = self.backend.info.preparation
        files = [
            prepare_file(os.fsdecode(path), preparation, self.max_pixels)
            for path in batch['path'].to_pylist()
        ]
        records = []
        for record, attention_map, view in screen_files(self.backend, files):
            if self.overlays is not None and view is not None:
                record['overlay'] = write_overlay(
                    self.overlays, record, attention_map, view, self.max_pixels
                )
            records.append(json.dumps(record).encode())
        return pa.table({'record': pa.array(records, pa.binary())})


def screen_with_ray(
    paths: Sequence[str],
    load: Callable[[], Backend],
    workers: int,
    batch_size: int = 16,
    max_pixels: int = 100_000_000,
    overlays: Path | None = None,
) -> Iterator[Record]:
    """Screen files on the cluster of ``RAY_ADDRESS``, or on a local one; records in any order.

    Args:
        paths: Files that all machines reach by these paths.
        load: Gives the network, on each machine.
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
        raise ImportError(
            f"--engine ray needs Ray Data ({error}): pip install 'mmsxm[ray]'"
        ) from None
    if not paths:
        return
    started = not ray.is_initialized()
    if started:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING)
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        table = pa.table({'path': pa.array(list(map(os.fsencode, paths)), pa.binary())})
        blocks = -(-len(paths) // (BATCHES * batch_size))
        screened = ray.data.from_arrow(
            table, override_num_blocks=max(blocks, min(workers, len(paths)))
        ).map_batches(
            _Station,
            fn_constructor_args=(load, max_pixels, overlays),
            batch_size=batch_size,
            batch_format='pyarrow',
            compute=ray.data.ActorPoolStrategy(size=workers),
        )
        batch: Any
        for batch in screened.iter_batches(batch_size=None, batch_format='pyarrow'):
            yield from map(json.loads, batch['record'].to_pylist())
    finally:
        if started:
            ray.shutdown()
