"""Turn expected errors of users into one-line messages."""

import contextlib
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

__all__ = ['exit_on_user_error']

PACKAGE = Path(__file__).resolve().parent


def _is_raised_by_us(error: BaseException) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return False
    ours = PACKAGE in Path(frames[-1].filename).resolve().parents
    return ours and (frames[-1].line or '').startswith('raise ')


def _message(error: BaseException) -> str | None:
    """Return what a user should read of an error; None for a defect."""
    cause: BaseException | None = error
    while cause is not None:
        if _is_raised_by_us(cause):
            return str(cause.args[0]) if isinstance(cause, KeyError) else str(cause)
        if isinstance(error, OSError) and isinstance(cause, OSError) and cause.filename:
            return f'{cause.filename}: {cause.strerror}'
        cause = cause.__cause__ or cause.__context__
    return None


@contextlib.contextmanager
def exit_on_user_error(program: str, code: int = 1) -> Iterator[None]:
    """End the program with a one-line message on an error that a user can fix.

    These are ValueError, KeyError, OSError and ImportError that this package raises itself, which
    say what is wrong, where, and what to do, and the operating system's errors about a named file.
    Registries and runners catch such an exception and raise it again, so causes count as well.
    Everything else is a defect and keeps its traceback.

    Args:
        program: The command, which the message starts with.
        code: Exit code.
    """
    try:
        yield
    except (ValueError, KeyError, OSError, ImportError) as error:
        message = _message(error)
        if message is None:
            raise
        print(f'{program}: {message}', file=sys.stderr)  # noqa: T201
        sys.exit(code)
