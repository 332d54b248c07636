"""Crashes of the worker processes of a data loader, usually because memory runs out."""

import contextlib
import signal
import threading
import traceback
from collections.abc import Iterator

from torch.utils.data._utils import signal_handling

__all__ = ['explain_worker_crash', 'is_worker_crash']


def is_worker_crash(error: BaseException) -> bool:
    """Return whether an error was raised because a worker of a data loader is gone.

    torch notices this in several ways: the system signals the end of the process, the process is
    gone while torch waits for a batch, or the connection breaks during a batch.
    """
    message = str(error)
    if 'DataLoader worker (pid' in message or 'in pin memory thread' in message:
        return True
    frames = traceback.extract_tb(error.__traceback__)
    is_waiting = any(frame.name == '_try_get_data' for frame in frames)
    return is_waiting and isinstance(error, OSError | EOFError)


@contextlib.contextmanager
def explain_worker_crash(work_dir: str) -> Iterator[None]:
    """Replace the error of a crashed worker by one that explains the cause and the fix.

    Raises:
        RuntimeError: A worker crashed.
    """
    try:
        yield
    except (RuntimeError, OSError, EOFError) as error:
        if not is_worker_crash(error):
            raise
        if threading.current_thread() is threading.main_thread():
            # otherwise torch raises the error again at an arbitrary time; it installs a new handler
            # for the next training run
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal_handling._SIGCHLD_handler_set = False
        raise RuntimeError(
            f'A data loader worker crashed ({str(error).strip(" .")}). When memory runs out, the '
            'system kills such processes. Use fewer workers (--cfg-options '
            'train_dataloader.num_workers=1 val_dataloader.num_workers=1) or smaller batches. '
            f'All checkpoints in {work_dir} are intact: resume with --resume.'
        ) from error
