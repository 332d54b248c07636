"""Checkpoints that are there in full or not at all."""

from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from mmsxm.io.files import atomic_write

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
        try:
            atomic_write(Path(filepath), obj, alone=True)
        except OSError as error:
            raise OSError(
                error.errno,
                f'{error.strerror}. Files that were saved before are as they were; make room, and '
                'go on with --resume',
            ) from error
