"""Train the runs of a suite, several at a time, each in its own process."""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from mmsxm.errors import exit_on_user_error
from mmsxm.reproduction.reproduction import Reproduction, Run

__all__ = ['train_all']


def train_all(
    reproduction: Reproduction, runs: Sequence[Run], jobs: int = 1, devices: Sequence[str] = ()
) -> dict[Run, str]:
    """Train runs in order, several at a time, each in its own process.

    Records are packed at the start and after each run.

    Args:
        reproduction: Suite that the runs belong to.
        runs: Runs in the order of :meth:`Reproduction.plan`.
        jobs: Number of runs at a time.
        devices: Numbers of the GPUs to distribute. Without them, a job has its share of the CPU
            cores.

    Returns:
        The reason of each failure, by run. A run is skipped, and named too, if it needs a run that
        failed.
    """
    failed: dict[Run, str] = {}
    reproduction.records.pack()
    waiting = reproduction.missing(runs)
    finished = set(runs) - set(waiting)
    free = list(devices)[:jobs] or [''] * jobs
    active: dict[Future[str | None], tuple[Run, str]] = {}
    with ThreadPoolExecutor(jobs) as pool:
        while waiting or active:
            for run in list(waiting):
                needed = reproduction.needs(run)
                if broken := [other for other in needed if other in failed]:
                    failed[run] = f'needs {broken[0].name}, which failed'
                    waiting.remove(run)
                elif free and finished.issuperset(needed):
                    device = free.pop(0)
                    future = pool.submit(_train_in_process, reproduction, run, device, jobs)
                    active[future] = run, device
                    waiting.remove(run)
            for future in wait(active, return_when=FIRST_COMPLETED).done:
                run, device = active.pop(future)
                free.append(device)
                if error := future.result():
                    failed[run] = error
                else:
                    finished.add(run)
                    reproduction.records.pack()
    return failed


def _train_in_process(reproduction: Reproduction, run: Run, device: str, jobs: int) -> str | None:
    """Train a run in its own process, and return the reason if it fails."""
    environment = dict(os.environ)
    if device:
        environment['CUDA_VISIBLE_DEVICES'] = device
    environment.setdefault('OMP_NUM_THREADS', str(max((os.cpu_count() or 1) // jobs, 1)))
    folder = reproduction.folder(run)
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, '-m', 'mmsxm.reproduction.jobs', reproduction.suite_path]
    command += [str(reproduction.work_dir), str(reproduction.records.folder)]
    command += [run.config, str(run.seed), run.budget, '' if run.fold is None else str(run.fold)]
    with open(folder / 'output.txt', 'a') as output:
        done = subprocess.run(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    return _reason(done.returncode, folder / 'output.txt') if done.returncode else None


def _reason(code: int, output: Path) -> str:
    """Return the exit status and, after an error in Python, the last line of its message."""
    last_line = output.read_text(encoding='utf-8', errors='replace').rstrip().rpartition('\n')[2]
    return f'exit status {code}: {last_line}' if code == 1 else f'exit status {code}'


def main() -> None:
    """Train one run. :func:`train_all` starts this in its own process."""
    suite, work_dir, records, config, seed, budget, fold = sys.argv[1:]
    with exit_on_user_error('mmsxm reproduce'):
        run = Run(config, int(seed), budget, int(fold) if fold else None)
        Reproduction(suite, work_dir, records).train(run)


if __name__ == '__main__':
    main()
