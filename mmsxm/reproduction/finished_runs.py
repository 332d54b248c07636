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
        ValueError: A record was made with different settings.
    """
    finished: list[Run] = []
    missing: list[Run] = []
    for run in runs:
        (finished if reproduction.is_finished(run) else missing).append(run)
    if not finished:
        raise FileNotFoundError(
            f'{reproduction.records.folder} has no result of a network in this figure. Train '
            f'the networks with mmsxm reproduce --table {table} '
            f'--suite {Path(reproduction.suite_path).stem}.'
        )
    if missing:
        names = ', '.join(run.name for run in missing)
        print_log(f'Left out because they are not trained yet: {names}', 'current', logging.WARNING)
    return finished
