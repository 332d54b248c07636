"""Mistakes of users: a program ends with what our code says of them, not with a traceback."""

import contextlib
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

__all__ = ['told_in_a_sentence']

PACKAGE = Path(__file__).resolve().parents[1]


def _is_raised_by_us(error: BaseException) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return False
    ours = PACKAGE in Path(frames[-1].filename).resolve().parents
    return ours and (frames[-1].line or '').startswith('raise ')


@contextlib.contextmanager
def told_in_a_sentence() -> Iterator[None]:
    """End the program with the words of an exception that this package raises by itself.

    These say what, where, and what to do; registries and runners catch such an exception and raise
    it again. Whatever else goes wrong is a defect, and keeps its traceback.
    """
    try:
        yield
    except (ValueError, KeyError, OSError) as error:
        cause: BaseException | None = error
        while cause is not None and not _is_raised_by_us(cause):
            cause = cause.__cause__ or cause.__context__
        if cause is None:
            raise
        words = cause.args[0] if isinstance(cause, KeyError) else cause
        sys.exit(f'{Path(sys.argv[0]).name}: {words}')
