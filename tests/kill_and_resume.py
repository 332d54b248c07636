"""Kill a training at random moments by SIGKILL, resume it each time, and compare how it ends.

    python tests/kill_and_resume.py --kills 10

trains a small SXMNet on simulated bags by tools/train.py, once undisturbed and once killed. Half of
the kills come at a random moment after training has begun, counted in steps of the undisturbed
run; half come while a checkpoint is written, as soon as its unfinished file is there. Exit code 0
says that weights, buffers and the optimizer's state are equal to the bit.
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
    """A training by tools/train.py, in a process that can be killed."""

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
            raise SystemExit('somebody else killed it')

    def kill_when(self, due: Callable[[], bool]) -> bool:
        """Start, or go on, and kill when it is due; False if training came to its end before."""
        with tempfile.TemporaryFile('w+') as said:  # a pipe would have to be read meanwhile
            process = subprocess.Popen(
                self.command, env=self.env, stdout=said, stderr=subprocess.STDOUT
            )
            while process.poll() is None and not due():
                time.sleep(0.0005)
            process.send_signal(signal.SIGKILL)
            if process.wait() not in (0, -signal.SIGKILL):
                said.seek(0)
                raise SystemExit(f'training failed with {process.returncode}:\n{said.read()}')
            return process.returncode != 0

    def logs(self) -> list[Path]:
        """Of each process that trained, the last one at the end."""
        return sorted(self.work_dir.glob('*/*.log'))

    def steps(self) -> list[str]:
        """The steps in the last log: ``[epoch][step/steps]``."""
        text = self.logs()[-1].read_text() if self.logs() else ''
        return re.findall(r'Epoch\(train\)\s+(\[\d+\]\[ *\d+/\d+\])', text)

    def unfinished(self) -> list[Path]:
        """Checkpoints that are being written, or were when the process was killed."""
        return list(self.work_dir.glob('*.part'))

    def final(self) -> dict[str, Any]:
        path = self.work_dir / f'epoch_{self.epochs}.pth'
        return torch.load(path, map_location='cpu', weights_only=False)


def after_steps(training: Training, steps: float) -> Callable[[], bool]:
    """When the next process has done so many steps; a fraction is one of a second."""
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
    """When the next process has begun to write a checkpoint."""
    for path in training.unfinished():
        path.unlink()
    return lambda: bool(training.unfinished())


def differences(one: Any, other: Any, name: str = '') -> Iterator[str]:
    """Name what differs."""
    if isinstance(one, torch.Tensor):
        if not torch.equal(one, other):
            yield name
    elif isinstance(one, dict):
        if one.keys() != other.keys():
            yield f'{name}: keys'
        for key in one.keys() & other.keys():
            yield from differences(one[key], other[key], f'{name}.{key}')
    elif isinstance(one, list | tuple):
        if len(one) != len(other):
            yield f'{name}: length'
        for index, pair in enumerate(zip(one, other, strict=False)):
            yield from differences(*pair, f'{name}[{index}]')
    elif one != other:
        yield name


def count_tensors(content: Any) -> int:
    if isinstance(content, torch.Tensor):
        return 1
    if isinstance(content, dict):
        content = list(content.values())
    return sum(map(count_tensors, content)) if isinstance(content, list | tuple) else 0


def kill_and_resume(folder: Path, kills: int, epochs: int, workers: int, seed: int) -> list[str]:
    """Do it, and name what differs in the end; empty means that all is equal."""
    say = Console(highlight=False, soft_wrap=True).print
    write_sixray(folder / 'set', train=40, test=8, image_size=(96, 96), crowding='sparse')
    base = ROOT / 'configs/sxmnet_sixray_stage2.py'
    config = SMALL.format(base=base, epochs=epochs).replace("log_level = 'WARNING'\n", '') + CONFIG
    (folder / 'config.py').write_text(config)

    undisturbed = Training(folder, 'undisturbed', epochs, workers)
    started = time.monotonic()
    undisturbed.run()
    per_epoch = len(undisturbed.steps()) // epochs
    say(f'undisturbed: {epochs} epochs of {per_epoch} steps, {time.monotonic() - started:.0f} s')

    chance = random.Random(seed)
    killed = Training(folder, 'killed', epochs, workers)
    for number in range(1, kills + 1):
        if number % 2:
            due = after_steps(killed, chance.uniform(0, 2 * per_epoch))
        else:
            due = while_saving(killed)
        if not killed.kill_when(due):
            raise SystemExit(f'training came to its end before kill {number}: use more --epochs')
        note = killed.work_dir / 'last_checkpoint'
        say(
            f'kill {number}: last step {"".join(killed.steps()[-1:]) or "none"}, '
            f'last checkpoint {Path(note.read_text()).name if note.exists() else "none"}, '
            f'half written {", ".join(path.name for path in killed.unfinished()) or "none"}'
        )
    killed.run()

    one, other = undisturbed.final(), killed.final()
    parts = ('state_dict', 'optimizer', 'param_schedulers')
    found = [name for part in parts for name in differences(one[part], other[part], part)]
    counts = ', '.join(f'{count_tensors(one[part])} tensors of {part}' for part in parts[:2])
    say(f'compared: {counts}; different: {len(found)}')
    return found


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--kills', type=int, default=10)
    parser.add_argument('--epochs', type=int, help='default: three for each kill')
    parser.add_argument('--workers', type=int, default=2)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    epochs = args.epochs or 3 * args.kills
    with tempfile.TemporaryDirectory() as folder:
        found = kill_and_resume(Path(folder), args.kills, epochs, args.workers, args.seed)
    sys.exit('\n'.join(found))


if __name__ == '__main__':
    main()
