"""Select the finished runs for a figure."""

import logging
from collections.abc import Iterable
from pathlib import Path

from mmengine.logging import print_log

from mmsxm.reproduction.reproduction import Reproduction, Run

__all__ = ['finished_runs']


def finished_runs(reproduction: Reproduction, runs: Iterable[Run], table: str) -> list[Run]:
    """Return the runs that have a result, and log the names of the others.

    Args:
        reproduction: Suite that the runs belong to.
        runs: Runs that a figure shows.
        table: Table whose rows train them.

    Raises:
        FileNotFoundError: No run has a result.
    """
    done: list[Run] = []
    missing: list[Run] = []
    for run in runs:
        (missing if reproduction.result(run) is None else done).append(run)
    if not done:
        raise FileNotFoundError(
            f'no network of this figure is trained in {reproduction.records.folder}: '
            f'mmsxm reproduce --table {table} '
            f'--suite {Path(reproduction.suite_path).stem}'
        )
    if missing:
        names = ', '.join(run.name for run in missing)
        print_log(f'left out, not trained yet: {names}', 'current', logging.WARNING)
    return done
