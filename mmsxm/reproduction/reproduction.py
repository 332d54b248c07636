"""Train what the paper's tables need, each network once, in the order that they need one another.

A run is a config, a seed and a budget. Stage II needs its Stage I, a network that learns from CHR's
labels needs the labels, and they need their teacher; what several rows need is trained once. A run
that is finished leaves a record, ``result.json``, the course of its epochs and the scores of all
test images, and is never trained again, unless a run that is not finished needs weights which are
no longer there. One that was cut off is resumed.

The budget is counted in optimiser steps: a network without Stage I is trained twice, for as many
epochs as Stage I and II have together (``full``), and as Stage II alone (``short``). The teacher is
the short one.
"""

import copy
import hashlib
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from mmsxm.engine.runner_state import dismiss_workers
from mmsxm.errors import exit_on_user_error
from mmsxm.reproduction.records import Records
from mmsxm.reproduction.rows import Row
from mmsxm.reproduction.run_records import (
    EPOCHS,
    SCORES,
    AnyPath,
    best_of,
    by_epoch,
    device_name,
    last_step,
    read_epochs,
    read_history,
    read_result,
    revision,
    stack,
    write_epochs,
    write_result,
)
from mmsxm.reproduction.suites import apply_suite, is_stage1, load_suite
from mmsxm.reproduction.taught_levels import count_levels, taught_levels
from mmsxm.simulation import write_opixray, write_sixray
from mmsxm.training.config import first_stage, load_config
from mmsxm.training.installed_configs import CONFIGS
from mmsxm.training.teacher import label_levels
from mmsxm.training.test import add_metric, build_test
from mmsxm.training.train import finished_epochs, resume, train

__all__ = ['Reproduction', 'Run', 'train_all']

BUDGETS = ('full', 'short')


class Run(NamedTuple):
    """One network to train: a config under ``configs/``, a seed and a budget.

    The budget of both stages of SXMNet is ``short``: they have what they have.
    """

    config: str
    seed: int
    budget: str = 'short'

    @property
    def name(self) -> str:
        """Of its folder."""
        long = '' if self.budget == 'short' else f'_{self.budget}'
        return f'{Path(self.config).stem}{long}/seed{self.seed}'


class Reproduction:
    """The runs of a suite in a folder.

    Args:
        suite: The suite's config file.
        work_dir: A folder for its runs' checkpoints and logs.
        records: A folder for what they leave for good, as of
            :class:`~mmsxm.reproduction.records.Records`.
    """

    def __init__(
        self,
        suite: str | os.PathLike[str],
        work_dir: str | os.PathLike[str],
        records: str | os.PathLike[str],
    ) -> None:
        self.suite_path = str(suite)
        self.suite = load_suite(suite)
        self._parsed: dict[str, Config] = {}
        self.work_dir = Path(work_dir)
        self.records = Records(records)

    def folder(self, run: Run) -> Path:
        """The work directory of a run."""
        return self.work_dir / run.name

    def record(self, run: Run) -> AnyPath:
        """Return the folder of what a run left for good, which may be in a zip file."""
        return self.records.find(run.name)

    def new_record(self, run: Run) -> Path:
        """Return the folder to which a run writes what it leaves for good."""
        return self.records.single(run.name)

    def scores(self, run: Run) -> AnyPath:
        """The scores of a run's test images."""
        return self.record(run) / SCORES

    def epochs(self, run: Run) -> list[dict[str, float]]:
        """What a run's record, or else its logs, say of each epoch; FileNotFoundError if none."""
        record = self.record(run)
        return read_epochs(record if (record / EPOCHS).exists() else self.folder(run))

    def runs_of(self, row: Row, seed: int) -> dict[str, Run]:
        """The runs that a row of a table reports, by budget."""
        config = row.configs[self.suite.family]
        if self._needs_stage1(config):
            return {'full': Run(config, seed)}
        return {budget: Run(config, seed, budget) for budget in BUDGETS}

    def prepare_data(self) -> None:
        """Simulate the suite's data where it asks for that, or finish it."""
        for family, settings in self.suite.get('simulate', {}).items():
            write = write_sixray if family == 'sixray' else write_opixray
            write(self.suite.data[family].data_root, **settings)

    def plan(self, rows: Iterable[Row], seeds: Sequence[int]) -> list[Run]:
        """All runs that rows need, each after those that it needs itself; the full budget first."""
        ordered: dict[Run, None] = {}

        def add(run: Run) -> None:
            for needed in self.needs(run):
                add(needed)
            ordered.setdefault(run)

        for budget, seed, row in itertools.product(BUDGETS, seeds, rows):
            if run := self.runs_of(row, seed).get(budget):
                add(run)
        return list(ordered)

    def needs(self, run: Run) -> list[Run]:
        """The runs whose results a run starts from."""
        cfg = self._read(run.config)
        needed = []
        if first := first_stage(cfg):
            needed.append(Run(self._relative(first), run.seed))
        if teacher := self._teacher(cfg):
            needed.append(Run(teacher, run.seed))
        return needed

    def config(self, run: Run) -> Config:
        """The config that a run trains with."""
        cfg = self._read(run.config)
        needed = self.needs(run)
        apply_suite(self.suite, cfg, full=run.budget == 'full')
        cfg.randomness = dict(seed=run.seed)
        cfg.work_dir = str(self.folder(run))
        if first_stage(cfg):
            cfg.load_from = str(self.folder(needed[0]))
        if 'meta_labels' in cfg.train_dataloader.dataset:
            cfg.train_dataloader.dataset.meta_labels = str(self.labels(needed[-1]))
        if not is_stage1(cfg):
            add_metric(cfg, dict(type='mmsxm.ScoreTable', out=str(self.new_record(run) / SCORES)))
        if cfg.model.get('attention_head'):
            add_metric(cfg, dict(type='mmsxm.AttentionBySize'))
        return cfg

    def labels(self, teacher: Run) -> Path:
        """The file of the labels that a teacher gives."""
        return self.folder(teacher) / 'meta_labels.json'

    def result(self, run: Run) -> dict[str, Any] | None:
        """The result of a run, None if it has none yet."""
        return read_result(self.record(run))

    def missing(self, runs: Sequence[Run]) -> list[Run]:
        """Those of the runs, ordered as in :meth:`plan`, that are to be trained."""
        missing = set()
        for run in reversed(runs):
            if run in missing or not self.is_finished(run):
                missing.add(run)
                missing.update(one for one in self.needs(run) if not self._has_weights(one))
        return [run for run in runs if run in missing]

    def _has_weights(self, run: Run) -> bool:
        epochs = self.config(run).train_cfg.max_epochs
        return finished_epochs(self.folder(run)) >= epochs

    def is_finished(self, run: Run) -> bool:
        """Whether a run has its result.

        Raises:
            ValueError: It has one of other settings.
        """
        result = self.result(run)
        if result is None:
            return False
        if result['digest'] != digest(self.config(run)):
            raise ValueError(
                f'{self.record(run)} has other settings than {run.config} under '
                f'{self.suite_path}: {self.records.how_to_delete(run.name)} and the work directory '
                f'{self.folder(run)}, or name another --out and --work-dir'
            )
        return True

    def train(self, run: Run) -> None:
        """Train and test a run, or finish it, and write its result; its needs come first."""
        cfg = self.config(run)
        settings, schedule = digest(cfg), schedule_of(cfg)  # before the runner changes the config
        if teacher := self._teacher(self._read(run.config)):
            self._write_labels(Run(teacher, run.seed))
        started = time.time()
        resume(cfg)
        trained = train(cfg)
        levels = taught_levels(trained.train_dataloader.dataset)
        runner = build_test(self.config(run), str(self.folder(run)))
        metrics = runner.test()
        dismiss_workers(runner)
        history = read_history(self.folder(run))
        result = {
            'config': run.config,
            'suite': Path(self.suite_path).stem,
            'seed': run.seed,
            'budget': run.budget,
            'schedule': schedule,
            'steps': last_step(history),
            'metrics': metrics,
            'best': best_of(history, 'xray/mAP'),
            'taught_levels': None if levels is None else count_levels(levels),
            'seconds': round(time.time() - started, 1),
            'revision': revision(),
            'stack': stack(),
            'device': device_name(),
            # a processor without bfloat16 trains in float32 what others train in bfloat16
            'bfloat16': getattr(trained.optim_wrapper, 'autocast', False),
            'digest': settings,
        }
        write_epochs(self.new_record(run), by_epoch(history))
        write_result(self.new_record(run), result)

    def _write_labels(self, teacher: Run) -> None:
        from mmsxm.datasets.meta_label_file import write_meta_labels

        if not self.labels(teacher).exists():
            labels = label_levels(self.config(teacher), str(self.folder(teacher)))
            write_meta_labels(str(self.labels(teacher)), labels)

    def _read(self, config: str) -> Config:
        if config not in self._parsed:
            self._parsed[config] = load_config(CONFIGS / config)
        return copy.deepcopy(self._parsed[config])

    def _relative(self, config: Path) -> str:
        return str(config.resolve().relative_to(CONFIGS))

    def _needs_stage1(self, config: str) -> bool:
        first = first_stage(self._read(config))
        return first is not None and is_stage1(self._read(self._relative(first)))

    def _teacher(self, cfg: Config) -> str | None:
        """The config of the teacher whose labels a data set names, in its work directory."""
        labels = cfg.train_dataloader.dataset.get('meta_labels')
        return None if labels is None else f'baselines/{Path(labels).parent.name}.py'


def train_all(
    reproduction: Reproduction, runs: Sequence[Run], jobs: int = 1, devices: Sequence[str] = ()
) -> dict[Run, str]:
    """Train runs in order, several at a time, each in a process of its own.

    Records are packed at the start and after each run.

    Args:
        reproduction: Whose runs they are.
        runs: As :meth:`Reproduction.plan` gives them.
        jobs: How many at a time.
        devices: Numbers of GPUs to deal out; without them a job has its share of the CPU cores.

    Returns:
        What went wrong, by run; a run whose needs failed is left out and named too.
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
                if broken := [one for one in needed if one in failed]:
                    failed[run] = f'needs {broken[0].name}, which failed'
                    waiting.remove(run)
                elif free and finished.issuperset(needed):
                    device = free.pop(0)
                    future = pool.submit(_in_a_process, reproduction, run, device, jobs)
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


def _in_a_process(reproduction: Reproduction, run: Run, device: str, jobs: int) -> str | None:
    """Train a run in a process of its own; what went wrong, or None."""
    environment = dict(os.environ)
    if device:
        environment['CUDA_VISIBLE_DEVICES'] = device
    environment.setdefault('OMP_NUM_THREADS', str(max((os.cpu_count() or 1) // jobs, 1)))
    folder = reproduction.folder(run)
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, '-m', 'mmsxm.reproduction.reproduction', reproduction.suite_path]
    command += [str(reproduction.work_dir), str(reproduction.records.folder)]
    command += [run.config, str(run.seed), run.budget]
    with open(folder / 'output.txt', 'a') as output:
        done = subprocess.run(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    return _what_happened(done.returncode, folder / 'output.txt') if done.returncode else None


def _what_happened(code: int, output: Path) -> str:
    """The exit status, and where Python itself gave up, its last line, which says why."""
    said = output.read_text(encoding='utf-8', errors='replace').rstrip().rpartition('\n')[2]
    return f'exit status {code}: {said}' if code == 1 else f'exit status {code}'


def schedule_of(cfg: Config) -> dict[str, Any]:
    """How a config trains, in a few numbers."""
    return {
        'epochs': cfg.train_cfg.max_epochs,
        'milestones': list(cfg.param_scheduler.milestones),
        'lr': cfg.optim_wrapper.optimizer.lr,
        'batch_size': cfg.train_dataloader.batch_size,
        **(cfg.optim_wrapper.get('clip_grad') or {}),
    }


TRAINING = (
    'model',
    'train_dataloader',
    'optim_wrapper',
    'param_scheduler',
    'train_cfg',
    'custom_hooks',  # default ones guard, log and save
    'randomness',
)
PLACES = ('data_root', 'meta_labels', 'checkpoint')
SPEED = ('fused',)  # the same numbers, but for rounding


def strip_machine_specific(settings: Any) -> Any:
    """Settings without paths, which differ from machine to machine, and what only saves time."""
    if isinstance(settings, dict):
        return {
            key: strip_machine_specific(value)
            for key, value in settings.items()
            if key not in SPEED and not (key in PLACES and isinstance(value, str))
        }
    if isinstance(settings, list | tuple):
        return [strip_machine_specific(value) for value in settings]
    return settings


def digest(cfg: Config) -> str:
    """A fingerprint of what a network is trained with, wherever its files lie."""
    settings = strip_machine_specific({part: cfg.get(part) for part in TRAINING})
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()


def main() -> None:
    """Train one run; :func:`train_all` starts this in a process of its own."""
    suite, work_dir, records, config, seed, budget = sys.argv[1:]
    with exit_on_user_error('mmsxm reproduce'):
        Reproduction(suite, work_dir, records).train(Run(config, int(seed), budget))


if __name__ == '__main__':
    main()
