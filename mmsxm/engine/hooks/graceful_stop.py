"""Leave when asked to, and go on from there: SIGTERM and Ctrl-C in the midst of an epoch.

Schedulers of clusters, containers and machines that shut down send SIGTERM, and SIGKILL some
seconds later. The step under way is finished, its state is saved beside the checkpoints of whole
epochs, and a resumed training goes on with the next batch: it ends with the weights of one that
was never disturbed. mmengine alone would go back to the last whole epoch.
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


class _Rest(Sampler):
    """What a sampler gives after the first samples; as long as the whole, like its epoch."""

    def __init__(self, sampler: Sampler, start: int) -> None:
        self.sampler = sampler
        self.start = start

    def __iter__(self) -> Iterator[int]:
        return islice(self.sampler, self.start, None)

    def __len__(self) -> int:
        return len(self.sampler) if isinstance(self.sampler, Sized) else 0


def _start_worker(init: Callable[[int], None] | None, worker: int) -> None:
    """Start a worker that leaves signals to its parent.

    A terminal, ``timeout`` and systemd send theirs to all processes of a group, and the last step
    needs no worker that died. What the parent sends ends it as ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, 'sigwaitinfo'):  # not on macOS, nor on Windows
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
    """Finish the step, save and leave on the first SIGTERM or SIGINT; a second one ends it at once.

    The exit code is the usual one, 128 and the number of the signal: 143 for SIGTERM, 130 for
    Ctrl-C. All processes of a job leave after the same step, whichever was asked.

    ``epoch_<whole epochs>_batch_<batches after them>.pth`` holds, besides what mmengine saves,
    ``within_epoch``: how many batches are done of how many, and the buffers of each process, whose
    statistics of batch normalisation are their own until the epoch ends. It is deleted when the
    epoch is saved.

    If gradients are accumulated, training continues to the next step of the optimizer, which
    AccumulationHook has at the end of an epoch at the latest. Once an epoch is saved, its test is
    broken off, and not done again.
    """

    priority = 'LOWEST'  # after everything that a step changes, and after checkpoints

    def __init__(self) -> None:
        self.received = 0
        self.group: Any = None
        self.handlers: dict[int, Any] = {}
        self.saving: dict[str, Any] | None = None
        self.done = 0  # batches of the epoch that training goes on in
        self.epoch_is_saved = False

    # ------------------------------------------------------------------------ signals

    def before_train(self, runner: Runner) -> None:
        """Listen to signals, for the workers too."""
        if is_distributed() and distributed.get_backend() != 'gloo':
            # of the processors, so that asking doesn't wait for the graphics cards
            self.group = distributed.new_group(backend='gloo')
        for loop in (runner.train_loop, runner.val_loop):
            if loop is not None:
                loader = loop.dataloader
                loader.worker_init_fn = partial(_start_worker, loader.worker_init_fn)
        if threading.current_thread() is threading.main_thread():  # elsewhere nobody may listen
            self.handlers = {number: signal.signal(number, self._note) for number in SIGNALS}

    def after_train(self, runner: Runner) -> None:
        """Leave where a signal came too late to be heard in an epoch: another stage may follow."""
        self.stop_listening()
        if number := self._agreed():
            self._leave(runner, number, 'after its last epoch')

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        self.stop_listening()
        if get_rank() == 0:  # no logging here: the signal may have interrupted it
            name = signal.Signals(number).name
            text = f'{name}: finishing the step, then leaving; another one ends it at once.\n'
            os.write(2, text.encode())

    def stop_listening(self) -> None:
        """Give signals back to whom they were before."""
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        self.handlers = {}

    def _agreed(self) -> int:
        """The signal that any process of the job has received, 0 if none."""
        if not is_distributed():
            return self.received
        number = torch.tensor(self.received)
        distributed.all_reduce(number, distributed.ReduceOp.MAX, group=self.group)
        return int(number)

    def _leave(self, runner: Runner, number: int, where: str) -> None:
        runner.logger.warning(
            f'{signal.Signals(number).name}: training in {runner.work_dir} is left {where}. Go on '
            'with --resume.'
        )
        raise SystemExit(128 + number)

    # ------------------------------------------------------------------------ leaving

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict | None = None,
    ) -> None:
        """Save and leave after the step in which a signal came."""
        number = self._agreed()
        if number == 0 or any(p.grad is not None for p in runner.model.parameters()):
            return
        batches = len(runner.train_dataloader)
        done = self.done + batch_idx + 1
        model = unwrap_model(runner.model)
        own = model.state_dict()
        buffers = {name: own[name].cpu() for name, _ in model.named_buffers() if name in own}
        self.saving = {'done': done, 'of': batches, 'buffers': all_gather_object(buffers)}
        name = f'epoch_{runner.epoch}_batch_{done}.pth'
        runner.save_checkpoint(runner.work_dir, name, by_epoch=False)
        if get_rank() == 0:
            path = Path(runner.work_dir, name)
            atomic_write(path.with_name('last_checkpoint'), str(path).encode())
            _remove_partial_epochs(path.parent, but=name)
        barrier()  # the first process to end would take the others with it
        where = f'in epoch {runner.epoch + 1} after {done} of {batches} batches, saved as {name}'
        self._leave(runner, number, where)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add what is needed in the midst of an epoch."""
        if self.saving is not None:
            checkpoint['within_epoch'] = self.saving

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence | None = None,
    ) -> None:
        """Break off a test of what is saved."""
        if self.received and self.epoch_is_saved:
            self._leave(
                runner, self.received, f'while testing epoch {runner.epoch}, which is saved'
            )

    # ------------------------------------------------------------------------ going on

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Take the number of batches to leave out, and this process's own buffers.

        Raises:
            ValueError: An epoch now has another number of batches, or the job of processes.
        """
        within = checkpoint.get('within_epoch')
        if within is None or not is_resuming(runner):
            return
        now = {'batches': len(runner.train_dataloader), 'processes': get_world_size()}
        then = {'batches': within['of'], 'processes': len(within['buffers'])}
        if now != then:
            raise ValueError(
                f'{load_from(runner)} was left after {within["done"]} of {then["batches"]} batches '
                f'in {then["processes"]} processes, and an epoch now has {now["batches"]} in '
                f'{now["processes"]}: use the same batch size and number of processes, or begin '
                'that epoch anew by naming the checkpoint of an epoch, --resume .../epoch_N.pth'
            )
        self.done = within['done']
        checkpoint['state_dict'].update(within['buffers'][get_rank()])

    def before_train_epoch(self, runner: Runner) -> None:
        """Leave out what was done of this epoch."""
        self.last_saved = runner.message_hub.get_info('last_ckpt')
        if self.done:
            runner.logger.info(
                f'Epoch {runner.epoch + 1} goes on after {self.done} of '
                f'{len(runner.train_dataloader)} batches; the log counts the rest from 1.'
            )
            sampler = runner.train_dataloader.batch_sampler
            sampler.sampler = _Rest(sampler.sampler, self.done * sampler.batch_size)

    def after_train_epoch(self, runner: Runner) -> None:
        """Take whole epochs again; forget the part of this one if it is saved."""
        if self.done:
            sampler = runner.train_dataloader.batch_sampler
            sampler.sampler = sampler.sampler.sampler
            self.done = 0
        self.epoch_is_saved = runner.message_hub.get_info('last_ckpt') != self.last_saved
        if self.epoch_is_saved and get_rank() == 0:
            _remove_partial_epochs(Path(runner.work_dir))


def _remove_partial_epochs(work_dir: Path, but: str | None = None) -> None:
    for path in work_dir.glob('epoch_*_batch_*.pth'):
        if path.name != but:
            path.unlink()
