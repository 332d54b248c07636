"""Atomic writes of checkpoints."""

from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from mmsxm.io.files import atomic_write

__all__ = ['AtomicFileBackend']


# replaces mmengine's backend for paths without a prefix, so that it applies to every config
@register_backend('local', prefixes='', force=True)
class AtomicFileBackend(LocalBackend):
    """File backend that writes to a temporary file and renames it when it is on the disk.

    mmengine writes in place, so a full disk or a killed process leaves half a checkpoint under the
    final name.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a file. An existing file of that name stays until the new one is complete.

        Raises:
            OSError: The disk is full, or the folder is not writable.
        """
        try:
            atomic_write(Path(filepath), obj, alone=True)
        except OSError as error:
            raise OSError(
                error.errno,
                f'{error.strerror}. Earlier checkpoints are intact. Free some disk space and '
                'resume with --resume',
            ) from error
