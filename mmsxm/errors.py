"""Turn expected errors of users into one-line messages."""

import contextlib
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

__all__ = ['exit_on_user_error']

PACKAGE = Path(__file__).resolve().parent


def _is_raised_here(error: BaseException) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return False
    in_package = PACKAGE in Path(frames[-1].filename).resolve().parents
    return in_package and (frames[-1].line or '').startswith('raise ')


def _message(error: BaseException) -> str | None:
    """Return the message to show to the user; None for a bug in this package."""
    cause: BaseException | None = error
    while cause is not None:
        if _is_raised_here(cause):
            return _text(cause)
        if isinstance(error, OSError) and isinstance(cause, OSError) and cause.filename:
            return f'{cause.filename}: {cause.strerror}'
        cause = cause.__cause__ or _repeated(cause)
    return None


def _repeated(error: BaseException) -> BaseException | None:
    """Return the context of an error if the error repeats the message of its context.

    Registries and runners re-raise errors this way, without ``from``. Otherwise, the two errors are
    unrelated.
    """
    context = error.__context__
    repeats = context is not None and str(context) and str(context) in _text(error)
    return context if repeats else None


def _text(error: BaseException) -> str:
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)


@contextlib.contextmanager
def exit_on_user_error(program: str, code: int = 1) -> Iterator[None]:
    """Exit with a one-line message for errors that the user can fix.

    These are errors that this package raises; their messages state what is wrong, where, and what
    to do. Errors of the operating system about a named file also count. Registries and runners
    catch and re-raise exceptions, so causes are checked as well. Everything else is a bug and keeps
    its traceback.

    Args:
        program: Name of the command, the prefix of the message.
        code: Exit code.
    """
    try:
        yield
    except (ValueError, KeyError, OSError, ImportError, RuntimeError) as error:
        message = _message(error)
        if message is None:
            raise
        print(f'{program}: {message}', file=sys.stderr)  # noqa: T201
        sys.exit(code)
