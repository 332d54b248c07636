"""Kill training at random times with SIGKILL, resume it each time, and compare the results.

    python tests/kill_and_resume.py --kills 10

trains a small SXMNet on simulated bags with tools/train.py, once uninterrupted and once with kills.
Half of the kills come at a random time after training starts, counted in steps of the uninterrupted
run. The other half come while a checkpoint is written, as soon as its temporary file exists. Exit
code 0 means that weights, buffers and optimizer state are equal bit by bit.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from small_training import SMALL

from mmsxm.simulation import write_sixray

ROOT = Path(__file__).resolve().parents[1]
CONFIG = """
model['head'] = dict(in_channels=[16, 16, 16])
load_from = None
log_level = 'INFO'
default_hooks = dict(logger=dict(interval=1))
"""


class Training:
    """Training with tools/train.py, in a process that can be killed."""

    def __init__(self, folder: Path, name: str, epochs: int, workers: int) -> None:
        self.work_dir = folder / name
        self.epochs = epochs
        self.command = [
            sys.executable,
            str(ROOT / 'tools/train.py'),
            str(folder / 'config.py'),
            *('--work-dir', str(self.work_dir)),
            '--no-validate',
            '--resume',
            '--cfg-options',
            f'train_dataloader.num_workers={workers}',
            f'train_dataloader.persistent_workers={workers > 0}',
        ]
        self.env = os.environ | {
            'OMP_NUM_THREADS': '1',
            'SIXRAY_ROOT': str(folder / 'set'),
            'SIXRAY_SET': '10',
            'PYTHONPATH': os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')]),
        }

    def run(self) -> None:
        """Train to the end."""
        if self.kill_when(lambda: False):
            raise SystemExit('another process killed the training')

    def kill_when(self, due: Callable[[], bool]) -> bool:
        """Start or resume, and kill when ``due()`` is true; return False if training ends first."""
        # a file, because a pipe would have to be read at the same time
        with tempfile.TemporaryFile('w+') as output:
            process = subprocess.Popen(
                self.command, env=self.env, stdout=output, stderr=subprocess.STDOUT
            )
            while process.poll() is None and not due():
                time.sleep(0.0005)
            process.send_signal(signal.SIGKILL)
            if process.wait() not in (0, -signal.SIGKILL):
                output.seek(0)
                raise SystemExit(f'training failed with {process.returncode}:\n{output.read()}')
            return process.returncode != 0

    def logs(self) -> list[Path]:
        """Return the log of each training process, in order."""
        return sorted(self.work_dir.glob('*/*.log'))

    def steps(self) -> list[str]:
        """Return the steps in the last log, as ``[epoch][step/steps]``."""
        text = self.logs()[-1].read_text() if self.logs() else ''
        return re.findall(r'Epoch\(train\)\s+(\[\d+\]\[ *\d+/\d+\])', text)

    def unfinished(self) -> list[Path]:
        """Return incomplete checkpoints, of this process or of a killed one."""
        return list(self.work_dir.glob('*.part'))

    def final(self) -> dict[str, Any]:
        path = self.work_dir / f'epoch_{self.epochs}.pth'
        return torch.load(path, map_location='cpu', weights_only=False)


def after_steps(training: Training, steps: float) -> Callable[[], bool]:
    """Return a condition for a number of steps of the next process, plus a fraction of a second."""
    before = len(training.logs())
    moment = None

    def due() -> bool:
        nonlocal moment
        if moment is None:
            if len(training.logs()) > before and len(training.steps()) >= int(steps):
                moment = time.monotonic() + steps % 1
            return False
        return time.monotonic() >= moment

    return due


def while_saving(training: Training) -> Callable[[], bool]:
    """Return a condition for the start of writing a checkpoint."""
    for path in training.unfinished():
        path.unlink()
    return lambda: bool(training.unfinished())


def differences(first: Any, second: Any, name: str = '') -> Iterator[str]:
    """Yield the names of parts that differ."""
    if isinstance(first, torch.Tensor):
        if not torch.equal(first, second):
            yield name
    elif isinstance(first, dict):
        if first.keys() != second.keys():
            yield f'{name}: keys'
        for key in first.keys() & second.keys():
            yield from differences(first[key], second[key], f'{name}.{key}')
    elif isinstance(first, list | tuple):
        if len(first) != len(second):
            yield f'{name}: length'
        for index, pair in enumerate(zip(first, second, strict=False)):
            yield from differences(*pair, f'{name}[{index}]')
    elif first != second:
        yield name


def count_tensors(content: Any) -> int:
    if isinstance(content, torch.Tensor):
        return 1
    if isinstance(content, dict):
        content = list(content.values())
    return sum(map(count_tensors, content)) if isinstance(content, list | tuple) else 0


def kill_and_resume(folder: Path, kills: int, epochs: int, workers: int, seed: int) -> list[str]:
    """Train, kill and resume; return the names of parts that differ in the end."""
    log = Console(highlight=False, soft_wrap=True).print
    write_sixray(folder / 'set', train=40, test=8, image_size=(96, 96), crowding='sparse')
    base = ROOT / 'configs/sxmnet_sixray_stage2.py'
    config = SMALL.format(base=base, epochs=epochs).replace("log_level = 'WARNING'\n", '') + CONFIG
    (folder / 'config.py').write_text(config)

    uninterrupted = Training(folder, 'uninterrupted', epochs, workers)
    started = time.monotonic()
    uninterrupted.run()
    per_epoch = len(uninterrupted.steps()) // epochs
    log(f'uninterrupted: {epochs} epochs of {per_epoch} steps, {time.monotonic() - started:.0f} s')

    rng = random.Random(seed)
    killed = Training(folder, 'killed', epochs, workers)
    for number in range(1, kills + 1):
        if number % 2:
            due = after_steps(killed, rng.uniform(0, 2 * per_epoch))
        else:
            due = while_saving(killed)
        if not killed.kill_when(due):
            raise SystemExit(f'training ended before kill {number}: use more --epochs')
        last = killed.work_dir / 'last_checkpoint'
        log(
            f'kill {number}: last step {"".join(killed.steps()[-1:]) or "none"}, '
            f'last checkpoint {Path(last.read_text()).name if last.exists() else "none"}, '
            f'incomplete {", ".join(path.name for path in killed.unfinished()) or "none"}'
        )
    killed.run()

    first, second = uninterrupted.final(), killed.final()
    parts = ('state_dict', 'optimizer', 'param_schedulers')
    found = [name for part in parts for name in differences(first[part], second[part], part)]
    counts = ', '.join(f'{count_tensors(first[part])} tensors of {part}' for part in parts[:2])
    log(f'compared: {counts}; different: {len(found)}')
    return found


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--kills', type=int, default=10)
    parser.add_argument('--epochs', type=int, help='default: three per kill')
    parser.add_argument('--workers', type=int, default=2)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    epochs = args.epochs or 3 * args.kills
    with tempfile.TemporaryDirectory() as folder:
        found = kill_and_resume(Path(folder), args.kills, epochs, args.workers, args.seed)
    sys.exit('\n'.join(found))


if __name__ == '__main__':
    main()
