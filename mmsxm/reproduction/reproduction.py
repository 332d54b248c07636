"""Train the networks of a suite's tables, each once, in the order of their dependencies.

A run is a config, a seed and a budget, and in a suite with folds also the fold that it is tested
on. Stage II needs its Stage I. A network that learns from CHR's labels needs the labels, and they
need their teacher. A network that several rows need is trained once. A finished run leaves a
record: ``result.json``, the history of its epochs, and the scores of all test images. It is never
trained again, unless an unfinished run needs its weights or labels and they no longer exist. An
interrupted run is resumed.

The budget is counted in optimizer steps. A network without Stage I is trained twice: for as many
epochs as Stage I and Stage II together (``full``), and for those of Stage II alone (``short``). The
teacher has the short budget.
"""

import copy
import itertools
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmsxm.engine.runner_state import dismiss_workers
from mmsxm.evaluation import AttentionLocalization
from mmsxm.reproduction.folds import FoldLists, Folds
from mmsxm.reproduction.record_store import RecordStore
from mmsxm.reproduction.rows import BUDGETS, Row, Run
from mmsxm.reproduction.run_record import (
    EPOCHS,
    LOCALIZATION,
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
from mmsxm.reproduction.settings_digest import digest, schedule_of
from mmsxm.reproduction.suites import apply_suite, is_stage1, load_suite
from mmsxm.reproduction.taught_levels import count_levels, taught_levels
from mmsxm.simulation import write_opixray, write_sixray
from mmsxm.training.config import first_stage, load_config
from mmsxm.training.installed_configs import CONFIGS
from mmsxm.training.teacher import label_levels
from mmsxm.training.test import add_metric, build_test, measures
from mmsxm.training.train import finished_epochs, resume, train

__all__ = ['Reproduction', 'Run']


class Reproduction:
    """The runs of a suite.

    Args:
        suite: Config file of the suite.
        work_dir: Folder of the checkpoints and logs.
        records: Folder of the records, see :class:`~mmsxm.reproduction.record_store.RecordStore`.
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
        self.records = RecordStore(records)
        folds = Folds.from_suite(self.suite)
        self.fold_lists = None if folds is None else FoldLists(self.work_dir / 'folds', folds)

    @property
    def folds(self) -> list[int] | list[None]:
        """Return the numbers of the folds, ``[None]`` for a suite with a fixed split."""
        return [None] if self.fold_lists is None else list(range(self.fold_lists.folds.count))

    def folder(self, run: Run) -> Path:
        """Return the work directory of a run."""
        return self.work_dir / run.name

    def record(self, run: Run) -> AnyPath:
        """Return the record of a run, which may be in a zip file."""
        return self.records.find(run.name)

    def new_record(self, run: Run) -> Path:
        """Return the folder that a run writes its record to."""
        return self.records.single(run.name)

    def scores(self, run: Run) -> AnyPath:
        """Return the file of the scores of a run's test images."""
        return self.record(run) / SCORES

    def epochs(self, run: Run) -> list[dict[str, float]]:
        """Return the losses and metrics of each epoch, from the record of a run or else its logs.

        Raises:
            FileNotFoundError: The run has neither.
        """
        record = self.record(run)
        return read_epochs(record if (record / EPOCHS).exists() else self.folder(run))

    def runs_of(self, row: Row, seed: int, fold: int | None = None) -> dict[str, Run]:
        """Return the runs that a row of a table reports, by budget."""
        config = row.configs[self.suite.family]
        if self._needs_stage1(config):
            return {'full': Run(config, seed, fold=fold)}
        return {budget: Run(config, seed, budget, fold) for budget in row.budgets}

    def prepare_data(self) -> None:
        """Simulate the data of the suite if it has settings for that, and write lists of folds."""
        for family, settings in self.suite.get('simulate', {}).items():
            write = write_sixray if family == 'sixray' else write_opixray
            write(self.suite.data[family].data_root, **settings)
        if self.fold_lists is not None:
            cfg = self._read('baselines/resnet50_fpn_sixray.py')
            apply_suite(self.suite, cfg)
            dataset = cfg.train_dataloader.dataset
            self.fold_lists.write({key: dataset[key] for key in ('data_root', 'image_set')})

    def plan(
        self,
        rows: Iterable[Row],
        seeds: Sequence[int],
        folds: Sequence[int] | Sequence[None] | None = None,
    ) -> list[Run]:
        """Return all runs that rows need, each after those that it needs itself.

        Fold by fold, the full budget first. Without ``folds``, all folds of the suite are planned.
        """
        ordered: dict[Run, None] = {}

        def add(run: Run) -> None:
            for needed in self.needs(run):
                add(needed)
            ordered.setdefault(run)

        chosen = self.folds if folds is None else folds
        for fold, budget, seed, row in itertools.product(chosen, BUDGETS, seeds, list(rows)):
            if run := self.runs_of(row, seed, fold).get(budget):
                add(run)
        return list(ordered)

    def needs(self, run: Run) -> list[Run]:
        """Return the runs whose weights or labels a run starts from, of the same seed and fold."""
        return [needed for needed in (self._first_stage(run), self._teacher(run)) if needed]

    def config(self, run: Run) -> Config:
        """Return the config that a run trains with."""
        cfg = self._read(run.config)
        apply_suite(self.suite, cfg, full=run.budget == 'full')
        if self.fold_lists is not None and run.fold is not None:
            self.fold_lists.apply(cfg, run.fold)
        cfg.randomness = dict(seed=run.seed)
        cfg.work_dir = str(self.folder(run))
        if first := self._first_stage(run):
            cfg.load_from = str(self.folder(first))
        if teacher := self._teacher(run):
            cfg.train_dataloader.dataset.meta_labels = str(self.labels(teacher))
        if not is_stage1(cfg):
            add_metric(cfg, dict(type='mmsxm.ScoreTable', out=str(self.new_record(run) / SCORES)))
        has_maps = run.fold is not None and measures(cfg, AttentionLocalization)
        if cfg.model.get('attention_head') or has_maps:  # else records of other suites would change
            add_metric(cfg, dict(type='mmsxm.AttentionBySize'))
        if run.fold is not None and measures(cfg, AttentionLocalization):
            out = str(self.new_record(run) / LOCALIZATION)
            add_metric(cfg, dict(type='mmsxm.LocalizationTable', out=out))
        return cfg

    def labels(self, teacher: Run) -> Path:
        """Return the file of the labels from a teacher."""
        return self.folder(teacher) / 'meta_labels.json'

    def result(self, run: Run) -> dict[str, Any] | None:
        """Return the result of a run, None if it has none yet."""
        return read_result(self.record(run))

    def missing(self, runs: Sequence[Run]) -> list[Run]:
        """Return the runs that must be trained, of runs in the order of :meth:`plan`."""
        missing = set()
        for run in reversed(runs):
            if run in missing or not self.is_finished(run):
                missing.add(run)
                missing.update(self._lacks(run))
        return [run for run in runs if run in missing]

    def _lacks(self, run: Run) -> list[Run]:
        """Return the runs whose weights or labels a run needs and that no longer exist."""
        lacks = []
        if (first := self._first_stage(run)) and not self._has_weights(first):
            lacks.append(first)
        if (teacher := self._teacher(run)) and not self._has_labels(teacher):
            lacks.append(teacher)
        return lacks

    def _has_labels(self, teacher: Run) -> bool:
        """Return whether a teacher's labels exist, or the weights to write them from."""
        return self.labels(teacher).exists() or self._has_weights(teacher)

    def _has_weights(self, run: Run) -> bool:
        epochs = self.config(run).train_cfg.max_epochs
        return finished_epochs(self.folder(run)) >= epochs

    def is_finished(self, run: Run) -> bool:
        """Return whether a run has a result.

        Raises:
            ValueError: The result was made with different settings, or on different lists.
        """
        result = self.result(run)
        if result is None:
            return False
        how_to_solve = (
            f'{self.records.how_to_delete(run.name)} and the work directory {self.folder(run)}, or '
            'choose another --out and --work-dir'
        )
        if result['digest'] != digest(self.config(run)):
            raise ValueError(
                f'{self.record(run)} has other settings than {run.config} under '
                f'{self.suite_path}: {how_to_solve}'
            )
        lists = self._lists(run)
        if lists is not None and lists != result['lists']:
            raise ValueError(
                f'{self.record(run)} was trained on other images than the lists of fold '
                f'{run.fold} contain now: restore the data, or {how_to_solve}'
            )
        return True

    def _lists(self, run: Run) -> dict[str, str] | None:
        """Return the digests of the lists of a run's fold, None without folds or lists."""
        if self.fold_lists is None or run.fold is None:
            return None
        return self.fold_lists.digests(run.fold)

    def train(self, run: Run) -> None:
        """Train and test a run, or resume it, and write its result; its needs come first."""
        cfg = self.config(run)
        settings, schedule = digest(cfg), schedule_of(cfg)  # before the runner changes the config
        if teacher := self._teacher(run):
            self._write_labels(teacher)
        self.labels(run).unlink(missing_ok=True)  # of an earlier training run of this teacher
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
            **({} if run.fold is None else {'fold': run.fold, 'lists': self._lists(run)}),
            'schedule': schedule,
            'steps': last_step(history),
            'metrics': metrics,
            'best': best_of(history, 'xray/mAP'),
            'taught_levels': None if levels is None else count_levels(levels),
            'seconds': round(time.time() - started, 1),
            'revision': revision(),
            'stack': stack(),
            'device': device_name(),
            # a processor without bfloat16 trains in float32
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

    def _first_stage(self, run: Run) -> Run | None:
        """Return the run whose weights a run starts from, None if there is none."""
        first = first_stage(self._read(run.config))
        return None if first is None else run._replace(config=self._relative(first), budget='short')

    def _teacher(self, run: Run) -> Run | None:
        """Return the run whose labels the dataset of a run reads, None if it reads none."""
        cfg = self._read(run.config)
        if cfg.train_dataloader.dataset.get('meta_labels') is None:
            return None
        return run._replace(config=cfg.teacher, budget='short')
