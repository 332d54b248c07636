"""Store of run records: one zip file for packed records, and a folder for those not yet packed.

A run writes its record as single files into ``<folder>/<run>/``, ``result.json`` last.
:meth:`RecordStore.pack` moves finished records into ``<folder>.zip``, a plain zip file. Packing the
same records with the same zlib gives the same bytes.
"""

import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mmsxm.io.files import atomic_file
from mmsxm.io.safe_parsing import open_zip, read_bytes
from mmsxm.reproduction.run_record import RESULT, AnyPath

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ['RecordStore', 'find_record', 'write_zip']

EARLIEST = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip file can store
UNIX = 3
REGULAR_FILE = 0o100644 << 16


def write_zip(path: Path, members: Mapping[str, AnyPath]) -> None:
    """Write files under the given names; the same names and contents give the same bytes.

    An existing zip file at ``path`` is replaced only when the new one is complete, so ``members``
    can be read from it.
    """
    with (
        atomic_file(path) as unfinished,
        zipfile.ZipFile(unfinished, 'w') as target,
    ):
        for name in sorted(members):
            info = zipfile.ZipInfo(name, EARLIEST)
            info.create_system = UNIX
            info.external_attr = REGULAR_FILE
            data = read_bytes(members[name])
            target.writestr(info, data, zipfile.ZIP_DEFLATED, compresslevel=9)


class RecordStore:
    """Store of the records of runs, single or packed.

    A finished single record replaces the packed one of the same run, with all its files. A single
    record without ``result.json`` is still being written and does not count.

    Args:
        folder: Folder of the single records. The packed ones are next to it, in ``<folder>.zip``.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.archive = self.folder.with_name(f'{self.folder.name}.zip')
        self._opened: tuple[os.stat_result, zipfile.Path] | None = None

    def single(self, run: str) -> Path:
        """Return the folder that a run writes its record to."""
        return self.folder / run

    def find(self, run: str) -> AnyPath:
        """Return the record of a run, or the folder that it will be written to."""
        single = self.single(run)
        if (single / RESULT).exists():
            return single
        packed = self._packed()
        if packed is not None and (packed / run / RESULT).exists():
            return packed / run
        return single

    def runs(self) -> list[str]:
        """Return the names of the runs that have a record."""
        names = {_run_of(name) for name in self._members() if name.endswith(f'/{RESULT}')}
        return sorted(names | set(self._finished()))

    def how_to_delete(self, run: str) -> str:
        """Return how to delete a record, as part of a sentence for messages."""
        record = self.find(run)
        if isinstance(record, Path):
            return f'delete {record}'
        return f"delete it (zip -d {self.archive} '{run}/*')"

    def pack(self) -> None:
        """Move the finished single records into the zip file.

        Killing the process loses nothing: the zip file is replaced as a whole, and single records
        are deleted only then. Processes that pack into the same file take turns.

        Raises:
            ValueError: The zip file is damaged.
        """
        if not self._finished():
            return
        with _locked(self.folder):
            finished = self._finished()  # without records that another process has just packed
            packed = {
                name: path
                for name, path in self._members().items()
                if _run_of(name) not in finished
            }
            single = {
                path.relative_to(self.folder).as_posix(): path
                for run in finished
                for path in self.single(run).rglob('*')
                if path.is_file() and path.suffix != '.part'  # left by a process that was killed
            }
            write_zip(self.archive, packed | single)
            for run in finished:
                (self.single(run) / RESULT).unlink()  # without it, a record does not count
                shutil.rmtree(self.single(run))

    def _finished(self) -> list[str]:
        """Return the names of the finished single records."""
        found = self.folder.glob(f'*/*/{RESULT}')
        return sorted(path.parent.relative_to(self.folder).as_posix() for path in found)

    def _members(self) -> dict[str, AnyPath]:
        """Return the files in the zip file, by name."""
        packed = self._packed()
        if packed is None:
            return {}
        return {name: packed / name for name in packed.root.namelist() if not name.endswith('/')}

    def _packed(self) -> zipfile.Path | None:
        """Open the zip file, again only if it was replaced; return None if there is none."""
        try:
            state = self.archive.stat()
        except FileNotFoundError:
            return None
        if self._opened is None or not _same_file(self._opened[0], state):
            self._opened = state, open_zip(self.archive)
        return self._opened[1]


def find_record(folder: Path) -> AnyPath:
    """Return the record that was written to a folder, even if it was packed since."""
    absolute = folder.absolute()
    records = RecordStore(absolute.parent.parent)
    found = records.find(f'{absolute.parent.name}/{absolute.name}')
    return folder if isinstance(found, Path) else found


def _run_of(member: str) -> str:
    """Return the name of the run that a file in the zip file belongs to."""
    return '/'.join(member.split('/')[:2])


def _same_file(a: os.stat_result, b: os.stat_result) -> bool:
    return (a.st_ino, a.st_size, a.st_mtime_ns) == (b.st_ino, b.st_size, b.st_mtime_ns)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock a folder. Other processes that lock it wait."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
