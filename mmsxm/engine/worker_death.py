"""A process that reads images dies: for want of memory above all."""

import contextlib
import signal
import threading
import traceback
from collections.abc import Iterator

from torch.utils.data._utils import signal_handling

__all__ = ['explain_worker_death', 'is_worker_death']


def is_worker_death(error: BaseException) -> bool:
    """Whether an error says that a worker of a data loader is gone.

    torch notices it in several ways: it is told of the process's end, finds it gone while it waits
    for a batch, or loses the connection in the midst of one.
    """
    said = str(error)
    if 'DataLoader worker (pid' in said or 'in pin memory thread' in said:
        return True
    frames = traceback.extract_tb(error.__traceback__)
    waiting = any(frame.name == '_try_get_data' for frame in frames)
    return waiting and isinstance(error, OSError | EOFError)


@contextlib.contextmanager
def explain_worker_death(work_dir: str) -> Iterator[None]:
    """Say in a sentence that a worker has died, and what helps.

    Raises:
        RuntimeError: One has.
    """
    try:
        yield
    except (RuntimeError, OSError, EOFError) as error:
        if not is_worker_death(error):
            raise
        if threading.current_thread() is threading.main_thread():
            # torch would raise once more, at any moment from now on; a later training listens anew
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal_handling._SIGCHLD_handler_set = False
        raise RuntimeError(
            f'A process that reads images has died ({str(error).strip(" .")}). When memory runs '
            'out, the system kills such processes: take fewer (--cfg-options '
            'train_dataloader.num_workers=1 val_dataloader.num_workers=1) or smaller batches. '
            f'What was saved in {work_dir} is whole; go on with --resume.'
        ) from error
