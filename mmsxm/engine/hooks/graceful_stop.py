"""Stop training on SIGTERM or Ctrl-C within an epoch, and resume it there.

Cluster schedulers, containers and machines that shut down send SIGTERM, and SIGKILL some seconds
later. The current step is finished, its state is saved next to the checkpoints of the epochs, and a
resumed run continues with the next batch. It ends with the same weights as an uninterrupted run.
mmengine alone would return to the last finished epoch.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence, Sized
from functools import partial
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from mmengine.dist import all_gather_object, barrier, get_rank, get_world_size, is_distributed
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import distributed
from torch.utils.data import Sampler

from mmsxm.engine.checkpoints import unwrap_model
from mmsxm.engine.runner_state import is_resuming, load_from
from mmsxm.io.files import atomic_write
from mmsxm.registry import HOOKS

__all__ = ['GracefulStopHook']

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _RemainingSampler(Sampler):
    """Sampler that skips the first samples of another one but keeps its length."""

    def __init__(self, sampler: Sampler, start: int) -> None:
        self.sampler = sampler
        self.start = start

    def __iter__(self) -> Iterator[int]:
        return islice(self.sampler, self.start, None)

    def __len__(self) -> int:
        return len(self.sampler) if isinstance(self.sampler, Sized) else 0


def _start_worker(init: Callable[[int], None] | None, worker: int) -> None:
    """Start a worker that obeys signals of its parent only.

    Terminals, ``timeout`` and systemd send signals to all processes of a group, but the last step
    still needs its workers. Signals from the parent end a worker as usual.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, 'sigwaitinfo'):  # missing on macOS and Windows
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_obey_parent, daemon=True).start()
    if init is not None:
        init(worker)


def _obey_parent() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)


@HOOKS.register_module()
class GracefulStopHook(Hook):
    """Hook that finishes the step, saves and exits on SIGTERM or SIGINT.

    A second signal ends the process at once. The exit code is 128 plus the number of the signal, as
    usual: 143 for SIGTERM, 130 for Ctrl-C. All processes of a job exit after the same step,
    whichever of them received the signal.

    ``epoch_<finished epochs>_batch_<batches after them>.pth`` contains what mmengine saves and
    ``within_epoch``: the numbers of finished batches and of all batches, and the buffers of each
    process, whose batch-normalization statistics differ until the epoch ends. The file is deleted
    when the epoch is saved.

    If gradients are accumulated, training continues to the next optimizer step, which
    AccumulationHook takes at the end of an epoch at the latest. A signal during the validation of a
    saved epoch ends the validation, which is not repeated.
    """

    priority = 'LOWEST'  # after all changes of a step, and after checkpoints

    def __init__(self) -> None:
        self.received = 0
        self.group: Any = None
        self.handlers: dict[int, Any] = {}
        self.saving: dict[str, Any] | None = None
        self.done = 0  # finished batches of the epoch in which training resumes
        self.epoch_is_saved = False

    # ------------------------------------------------------------------------ signals

    def before_train(self, runner: Runner) -> None:
        """Install signal handlers, also in the workers."""
        if is_distributed() and distributed.get_backend() != 'gloo':
            # on the CPU, so that the exchange does not wait for the GPUs
            self.group = distributed.new_group(backend='gloo')
        for loop in (runner.train_loop, runner.val_loop):
            if loop is not None:
                loader = loop.dataloader
                loader.worker_init_fn = partial(_start_worker, loader.worker_init_fn)
        if threading.current_thread() is threading.main_thread():  # Python allows it only there
            self.handlers = {number: signal.signal(number, self._receive) for number in SIGNALS}

    def after_train(self, runner: Runner) -> None:
        """Exit if a signal arrived after the last step, because another stage may follow."""
        self.stop_listening()
        if number := self._signal_of_job():
            self._exit(runner, number, 'after its last epoch')

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        self.stop_listening()
        if get_rank() == 0:  # no logging here: the signal may have interrupted it
            name = signal.Signals(number).name
            text = f'{name}: stopping after this step. Send it again to stop at once.\n'
            os.write(2, text.encode())

    def stop_listening(self) -> None:
        """Restore the previous signal handlers."""
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        self.handlers = {}

    def _signal_of_job(self) -> int:
        """Return the signal that a process of the job has received, 0 if there is none."""
        if not is_distributed():
            return self.received
        number = torch.tensor(self.received)
        distributed.all_reduce(number, distributed.ReduceOp.MAX, group=self.group)
        return int(number)

    def _exit(self, runner: Runner, number: int, where: str) -> None:
        runner.logger.warning(
            f'{signal.Signals(number).name}: training in {runner.work_dir} stopped {where}. Resume '
            'it with --resume.'
        )
        raise SystemExit(128 + number)

    # ------------------------------------------------------------------------ saving

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict | None = None,
    ) -> None:
        """Save and exit after the step in which a signal arrived."""
        number = self._signal_of_job()
        if number == 0 or any(p.grad is not None for p in runner.model.parameters()):
            return
        batches = len(runner.train_dataloader)
        done = self.done + batch_idx + 1
        model = unwrap_model(runner.model)
        state = model.state_dict()
        buffers = {name: state[name].cpu() for name, _ in model.named_buffers() if name in state}
        self.saving = {'done': done, 'of': batches, 'buffers': all_gather_object(buffers)}
        name = f'epoch_{runner.epoch}_batch_{done}.pth'
        runner.save_checkpoint(runner.work_dir, name, by_epoch=False)
        if get_rank() == 0:
            path = Path(runner.work_dir, name)
            atomic_write(path.with_name('last_checkpoint'), str(path).encode())
            _remove_partial_epochs(path.parent, keep=name)
        barrier()  # the first process to exit would end the others
        where = f'in epoch {runner.epoch + 1} after {done} of {batches} batches, saved as {name}'
        self._exit(runner, number, where)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the state that resuming within an epoch needs."""
        if self.saving is not None:
            checkpoint['within_epoch'] = self.saving

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence | None = None,
    ) -> None:
        """Stop the validation of a saved epoch, in all processes after the same batch."""
        if self.epoch_is_saved and (number := self._signal_of_job()):
            where = f'during the validation of epoch {runner.epoch}, which is saved'
            self._exit(runner, number, where)

    # ------------------------------------------------------------------------ resuming

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Read the number of batches to skip, and the buffers of this process.

        Raises:
            ValueError: The number of batches per epoch or of processes has changed.
        """
        within = checkpoint.get('within_epoch')
        if within is None or not is_resuming(runner):
            return
        now = {'batches': len(runner.train_dataloader), 'processes': get_world_size()}
        saved = {'batches': within['of'], 'processes': len(within['buffers'])}
        if now != saved:
            raise ValueError(
                f'{load_from(runner)} was saved after {within["done"]} of {saved["batches"]} '
                f'batches in {saved["processes"]} processes, but an epoch now has '
                f'{now["batches"]} batches in {now["processes"]} processes. Use the same batch '
                'size and number of processes, or restart the epoch from the checkpoint before '
                'it: --resume .../epoch_N.pth'
            )
        self.done = within['done']
        checkpoint['state_dict'].update(within['buffers'][get_rank()])

    def before_train_epoch(self, runner: Runner) -> None:
        """Skip the finished batches of this epoch."""
        self.last_saved = runner.message_hub.get_info('last_ckpt')
        if self.done:
            runner.logger.info(
                f'Epoch {runner.epoch + 1} resumes after {self.done} of '
                f'{len(runner.train_dataloader)} batches. The log counts the rest from 1.'
            )
            sampler = runner.train_dataloader.batch_sampler
            sampler.sampler = _RemainingSampler(sampler.sampler, self.done * sampler.batch_size)

    def after_train_epoch(self, runner: Runner) -> None:
        """Restore the sampler, and delete checkpoints within this epoch if the epoch is saved."""
        if self.done:
            sampler = runner.train_dataloader.batch_sampler
            sampler.sampler = sampler.sampler.sampler
            self.done = 0
        self.epoch_is_saved = runner.message_hub.get_info('last_ckpt') != self.last_saved
        if self.epoch_is_saved and get_rank() == 0:
            _remove_partial_epochs(Path(runner.work_dir))


def _remove_partial_epochs(work_dir: Path, keep: str | None = None) -> None:
    for path in work_dir.glob('epoch_*_batch_*.pth'):
        if path.name != keep:
            path.unlink()
