"""Checkpoints that are there in full or not at all."""

import os
import shutil
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

__all__ = ['WholeFileBackend']


# instead of mmengine's own for paths without a prefix, so that no config can do without it
@register_backend('local', prefixes='', force=True)
class WholeFileBackend(LocalBackend):
    """Write files beside their place and put them there when they are on the disk.

    mmengine writes in place, so that a full disk or a killed process leaves half a checkpoint
    under the name of a whole one.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a file; an older one of that name stays until the new one is complete.

        Raises:
            OSError: There is no room for it, or its folder can't be written to.
        """
        path = Path(filepath)
        # one name for all processes: what a killed one left is overwritten, and doesn't pile up
        unfinished = path.with_name(f'{path.name}.part')
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with unfinished.open('wb') as file:
                file.write(obj)
                file.flush()
                os.fsync(file.fileno())  # a loss of power must not leave the name alone
            os.replace(unfinished, path)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise OSError(
                error.errno,
                f'{path} could not be written ({error.strerror}): it needs {len(obj):,} bytes, and '
                f'{_free(path.parent)} are free. Files that were saved before are as they were; '
                'make room, and go on with --resume',
            ) from error


def _free(folder: Path) -> str:
    try:
        return f'{shutil.disk_usage(folder).free:,}'
    except OSError:
        return 'an unknown number'
