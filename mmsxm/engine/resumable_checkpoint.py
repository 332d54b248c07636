"""Find what a training that was cut off goes on from."""

import logging
import os
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from mmengine.logging import print_log
from mmengine.runner import CheckpointLoader, find_latest_checkpoint

from mmsxm.compat import DamagedFileError
from mmsxm.engine.checkpoint_hooks import epoch_checkpoints, latest_checkpoint

__all__ = ['Saved', 'resumable_checkpoint']


class Saved(NamedTuple):
    """A checkpoint that can be read."""

    path: str
    content: dict[str, Any]


def resumable_checkpoint(work_dir: str | os.PathLike[str]) -> Saved | None:
    """Read the last checkpoint of a work directory that is whole, None if there is none at all.

    That is the one noted in ``last_checkpoint``, or, if it is damaged or gone, one of an epoch
    before. Checkpoints of later epochs than the noted one are of an earlier training, and not
    taken.

    Raises:
        DamagedFileError: There are checkpoints, and all are damaged.
    """
    noted = find_latest_checkpoint(str(work_dir)) if os.path.isdir(work_dir) else None
    if noted is None:
        return None
    noted = os.path.basename(noted)
    damaged = []
    for path in _candidates(work_dir, noted):
        try:
            saved = Saved(path, CheckpointLoader.load_checkpoint(path, map_location='cpu'))
        except DamagedFileError as error:
            print_log(str(error), 'current', logging.WARNING)
            damaged.append(path)
            continue
        if noted and noted != os.path.basename(path):
            print_log(
                f'Training goes on from {path}, since {noted}, which was saved later, is '
                f'{"damaged" if damaged else "gone"}.',
                'current',
                logging.WARNING,
            )
        return saved
    if damaged:
        raise DamagedFileError(
            f'No checkpoint is left to resume from, all are damaged: {", ".join(damaged)}. Delete '
            'them, and training begins anew.'
        )
    return None


def _candidates(work_dir: str | os.PathLike[str], noted: str) -> Iterator[str]:
    """Paths of what may be resumed from, the best first."""
    if noted and (latest := latest_checkpoint(work_dir)):
        yield latest
    epochs = epoch_checkpoints(work_dir)
    until = max(epochs, default=0)  # where a note was cut off, too
    if match := re.match(r'epoch_(\d+)', noted):
        until = int(match[1])
    yield from (
        path for epoch, path in epochs.items() if epoch <= until and os.path.basename(path) != noted
    )
