"""What counts as a defect: any exception that is not ours, a hang, a process that is started."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parsers import Parser

PROCESSES = ('os.system', 'os.exec', 'os.posix_spawn', 'os.fork', 'subprocess.Popen')
_watching = False
_hooked = False


def _hook(event: str, _: tuple) -> None:
    if _watching and event.startswith(PROCESSES):
        raise PermissionError(f'a file that is read starts a process: {event}')


@contextmanager
def no_processes() -> Iterator[None]:
    """Let what starts a process fail."""
    global _watching, _hooked
    if not _hooked:  # such a hook stays for good
        sys.addaudithook(_hook)
        _hooked = True
    _watching = True
    try:
        yield
    finally:
        _watching = False


class Fed:
    """What became of an input: the exception if there was one.

    ``foreign`` says that it is none that the parser may raise.
    """

    def __init__(self, parser: Parser, folder: Path, data: bytes) -> None:
        path = folder / parser.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.error: BaseException | None = None
        self.foreign = False
        try:
            with no_processes():
                parser.read(path)
        except Exception as error:
            self.error = error
            named = path.name in str(error) or not parser.names_file
            ours = type(error) in parser.errors or (
                isinstance(error, parser.errors) and type(error).__module__.startswith('mmsxm.')
            )
            self.foreign = not (ours and named)
