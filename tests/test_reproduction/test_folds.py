"""Cross-validation over folds of a data set, on a few simulated bags."""

import csv
import hashlib
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_training import TINY_SUITE

from mmsxm.datasets import SIXray
from mmsxm.evaluation import (
    Scores,
    average_precision,
    read_localization,
    read_scores,
    write_scores,
)
from mmsxm.reproduction.fold_table import write_fold_table
from mmsxm.reproduction.folds import FoldLists, Folds, assign_folds, number_of
from mmsxm.reproduction.record_store import RecordStore
from mmsxm.reproduction.reproduction import Reproduction, Run
from mmsxm.reproduction.rows import TABLES
from mmsxm.reproduction.run_record import SCORES, write_result
from mmsxm.reproduction.settings_digest import digest
from mmsxm.reproduction.suites import find_suite

FPN = 'baselines/resnet50_fpn_sixray.py'
SXMNET = 'sxmnet_sixray_stage2.py'

SCHEDULE = """
folds = dict(count=2, block=3)
batch_size = 8
num_workers = 0
val_interval = None
stage1 = dict(epochs=1, milestones=[1], lr_scale=4, max_norm=100)
stage2 = dict(epochs=1, milestones=[1], lr_scale=0.5)
"""


@pytest.fixture(scope='module')
def tiny(
    simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Reproduction]:
    """A suite of a few small bags in two folds."""
    root = tmp_path_factory.mktemp('folds')
    suite = root / 'tiny.py'
    suite.write_text(TINY_SUITE.format(root=str(simulate(16, 8, 4)), more=SCHEDULE))
    return lambda: Reproduction(suite, root / 'runs', root / 'records')


def _names(path: Path) -> list[str]:
    with open(path) as file:
        return [row['name'] for row in csv.DictReader(file)]


def train_in_order(reproduction: Reproduction, runs: list[Run]) -> None:
    for run in reproduction.missing(runs):
        reproduction.train(run)


def test_folds_are_dealt_out_in_blocks_of_neighbors() -> None:
    names = [f'P{number:05d}' for number in range(300)]
    rng = np.random.default_rng(0)
    hashes = [rng.bytes(32) for _ in names]
    fold_of = assign_folds(names, hashes, Folds(5, 25))
    assert fold_of == [number // 25 % 5 for number in range(300)]


def test_images_that_look_alike_go_to_the_fold_of_the_lowest_number() -> None:
    rng = np.random.default_rng(0)
    start = np.unpackbits(np.frombuffer(rng.bytes(32), np.uint8))

    def flipped(count: int) -> bytes:
        return np.packbits(np.r_[1 - start[:count], start[count:]]).tobytes()

    names = ['P00080', 'P00055', 'P00030', 'P00004']
    # 80 looks like 55, and 55 like 30, but 80 unlike 30: one group all the same
    hashes = [flipped(60), flipped(30), flipped(0), rng.bytes(32)]
    assert assign_folds(names, hashes, Folds(5, 25)) == [1, 1, 1, 0]


def test_a_name_without_a_number_is_refused() -> None:
    assert number_of('P00030') == 30
    with pytest.raises(ValueError, match='bag does not end in a number'):
        number_of('bag')


@pytest.mark.parametrize('folds', ['3', 'dict(count=5)', 'dict(count=1, block=2)'])
def test_invalid_folds_are_refused(tmp_path: Path, folds: str) -> None:
    suite = tmp_path / 'wrong.py'
    suite.write_text(f"family = 'sixray'\nfolds = {folds}\n")
    with pytest.raises(ValueError, match='invalid folds = '):
        Reproduction(suite, tmp_path, tmp_path)


def test_folds_partition_the_positives(tiny: Callable[[], Reproduction]) -> None:
    reproduction = tiny()
    reproduction.prepare_data()
    lists = reproduction.fold_lists
    assert lists is not None
    root = Path(reproduction.suite.data.sixray.data_root)
    positives = [
        name
        for split in ('train', 'test')
        for name in _names(root / f'ImageSet/10/{split}.csv')
        if name.startswith('P')
    ]
    tested = Counter(
        name for fold in reproduction.folds for name in _names(lists.path(fold, 'test'))
    )
    assert tested == Counter(positives)
    for fold in reproduction.folds:
        both = _names(lists.path(fold, 'train')) + _names(lists.path(fold, 'test'))
        assert sorted(both) == sorted(positives)
    before = {path: path.read_bytes() for path in lists.folder.iterdir()}
    tiny().prepare_data()
    assert {path: path.read_bytes() for path in lists.folder.iterdir()} == before


def test_too_large_blocks_leave_a_fold_empty(simulate: Callable[..., Path], tmp_path: Path) -> None:
    lists = FoldLists(tmp_path, Folds(2, 1000))
    with pytest.raises(ValueError, match='fold 1 has no image: the 24 positives'):
        lists.write(dict(data_root=str(simulate(16, 8, 4)), image_set='10'))


def test_the_first_fold_of_all_rows_comes_first(tiny: Callable[[], Reproduction]) -> None:
    reproduction = tiny()
    runs = reproduction.plan(TABLES['boxes'], [0])
    per_fold = len(runs) // 2
    assert [run.fold for run in runs] == [0] * per_fold + [1] * per_fold
    assert reproduction.plan(TABLES['boxes'], [0], [1]) == runs[per_fold:]
    for run in runs:
        assert all(needed.fold == run.fold for needed in reproduction.needs(run))
    assert Run(SXMNET, 0, fold=1).name == 'sxmnet_sixray_stage2/seed0-fold1'
    assert Run(SXMNET, 0).name == 'sxmnet_sixray_stage2/seed0'
    with_budget = [run for run in runs if run.config == FPN]
    assert [run.name for run in with_budget] == [
        'resnet50_fpn_sixray_full/seed0-fold0',
        'resnet50_fpn_sixray_full/seed0-fold1',
    ]


def test_all_rows_of_boxes_have_the_same_steps_and_images() -> None:
    reproduction = Reproduction(find_suite('sixray-mini-folds'), 'nowhere', 'nowhere')
    for row in TABLES['boxes']:
        (run,) = reproduction.runs_of(row, 0, 3).values()
        epochs = [reproduction.config(run).train_cfg.max_epochs]
        epochs += [
            reproduction.config(need).train_cfg.max_epochs for need in reproduction.needs(run)
        ]
        assert sum(epochs) == 18
        cfg = reproduction.config(run)
        assert cfg.train_dataloader.num_workers == 0
        assert not cfg.train_dataloader.persistent_workers
        assert cfg.train_cfg.val_begin > cfg.train_cfg.max_epochs
        assert cfg.optim_wrapper.get('type') is None  # float32
        assert not reproduction.is_finished(run)


def test_the_digest_has_the_fold_and_no_path(
    tiny: Callable[[], Reproduction], tmp_path: Path
) -> None:
    reproduction = tiny()
    elsewhere = Reproduction(reproduction.suite_path, tmp_path, tmp_path)
    first, second = Run(FPN, 0, 'full', 0), Run(FPN, 0, 'full', 1)
    assert digest(reproduction.config(first)) == digest(elsewhere.config(first))
    assert digest(reproduction.config(first)) != digest(reproduction.config(second))
    assert reproduction.fold_lists is not None
    reproduction.fold_lists.folds = Folds(2, 4)
    assert digest(reproduction.config(first)) != digest(elsewhere.config(first))


def test_a_fold_is_trained_and_tested_on_its_lists(tiny: Callable[[], Reproduction]) -> None:
    reproduction = tiny()
    reproduction.prepare_data()
    lists = reproduction.fold_lists
    assert lists is not None
    run = Run(SXMNET, 0, fold=1)
    row = [row for row in TABLES['boxes'] if row.key == 'sxmnet']
    train_in_order(reproduction, reproduction.plan(row, [0], [1]))
    result = reproduction.result(run)
    assert result is not None
    assert result['fold'] == 1
    assert result['lists'] == {
        split: hashlib.sha256(lists.path(1, split).read_bytes()).hexdigest()
        for split in ('train', 'test')
    }
    assert result['best'] is None  # only the trained network is tested
    shares = read_localization(reproduction.record(run) / 'localization.csv')
    assert sorted(shares) == sorted(_names(lists.path(1, 'test')))
    pointing = 100 * np.mean([share['pointing'] for share in shares.values()])
    assert pointing == pytest.approx(result['metrics']['xray/pointing'])
    assert list(read_scores(reproduction.scores(run)).names) == sorted(
        _names(lists.path(1, 'test'))
    )
    assert [row['epoch'] for row in reproduction.epochs(run)] == [1]
    runs = reproduction.plan(row, [0])
    assert reproduction.missing(runs) == runs[:2]  # of fold 0
    assert reproduction.missing(runs[2:]) == []

    kept = lists.path(1, 'train').read_bytes()
    lists.path(1, 'train').write_bytes(kept.rpartition(b'P')[0])
    with pytest.raises(ValueError, match='trained on other images than the lists of fold 1'):
        reproduction.is_finished(run)
    lists.path(1, 'train').write_bytes(kept)
    assert reproduction.is_finished(run)

    scores = (reproduction.record(run) / SCORES).read_bytes()
    shutil.rmtree(reproduction.new_record(run))  # as if it had been interrupted before its test
    assert reproduction.missing(runs[2:]) == [run]
    reproduction.train(run)
    assert (reproduction.record(run) / SCORES).read_bytes() == scores


def test_maps_of_folds_are_measured_by_size() -> None:
    """Also those of networks without an attention head, but in no suite with a fixed split."""
    for suite, fold, expected in (('sixray-mini-folds', 0, True), ('sixray-mini', None, False)):
        reproduction = Reproduction(find_suite(suite), 'nowhere', 'nowhere')
        evidence, fpn, sxmnet = (
            [metric['type'] for metric in reproduction.config(run).test_evaluator]
            for run in (
                Run('evidence_sixray.py', 0, fold=fold),
                Run(FPN, 0, 'full', fold),
                Run(SXMNET, 0, fold=fold),
            )
        )
        assert ('mmsxm.AttentionBySize' in evidence) == expected
        assert 'mmsxm.AttentionBySize' not in fpn
        assert sxmnet.count('mmsxm.AttentionBySize') == 1


def test_records_of_other_settings_or_lists_stay_out_of_the_table(
    tiny: Callable[[], Reproduction], tmp_path: Path
) -> None:
    reproduction = tiny()
    reproduction.prepare_data()
    reproduction.records = RecordStore(tmp_path / 'records')
    run = Run(FPN, 0, 'full', 0)
    lists = reproduction.fold_lists.digests(0)
    settings = digest(reproduction.config(run))
    for changes, message in (
        ({'digest': 'other'}, 'has other settings than'),
        ({'lists': dict(lists, train='other')}, 'trained on other images than the lists of fold 0'),
    ):
        write_result(reproduction.new_record(run), {'digest': settings, 'lists': lists, **changes})
        with pytest.raises(ValueError, match=message):
            write_fold_table(reproduction, 'boxes', [0], tmp_path)


def test_the_table_of_folds(tiny: Callable[[], Reproduction], tmp_path: Path) -> None:
    reproduction = tiny()
    rows = [row for row in TABLES['boxes'] if row.key in ('fpn', 'sxmnet')]
    reproduction.prepare_data()
    assert write_fold_table(reproduction, 'boxes', [1], tmp_path) == []  # no run is finished
    train_in_order(reproduction, reproduction.plan(rows, [0], [1]))
    train_in_order(reproduction, reproduction.plan(rows[:1], [0], [0]))
    paths = write_fold_table(reproduction, 'boxes', [0], tmp_path / 'a', resamples=50)
    assert [path.name for path in paths] == [
        'boxes.csv',
        'boxes_details.csv',
        'boxes_differences.csv',
        'boxes.md',
    ]
    with open(paths[0]) as file:
        fpn, sxmnet = csv.DictReader(file)
    assert (fpn['row'], fpn['folds'], fpn['seeds']) == ('fpn', '2', '1')
    assert (sxmnet['row'], sxmnet['folds'], sxmnet['pointing'] != '') == ('sxmnet', '1', True)
    maps = [
        reproduction.result(Run(FPN, 0, 'full', fold))['metrics']['xray/mAP'] for fold in (0, 1)
    ]
    with open(paths[1]) as file:
        details = next(csv.DictReader(file))
    assert details['epochs'] == '2'
    assert [details['mAP/fold0'], details['mAP/fold1']] == [f'{value:.2f}' for value in maps]
    with open(paths[2]) as file:
        found = {(row['row'], row['to'], row['measure']): row for row in csv.DictReader(file)}
    assert set(found) == {('fpn', 'sxmnet', 'mAP'), ('sxmnet', 'fpn', 'mAP')}
    result = reproduction.result(Run(SXMNET, 0, fold=1))
    gain = result['metrics']['xray/mAP'] - maps[1]  # of the fold that both have
    assert found['sxmnet', 'fpn', 'mAP']['difference'] == f'{gain:.2f}'
    text = paths[3].read_text()
    assert '| SXMNet | ' in text
    assert '| 1 of 2 | 1 |' in text
    assert '## Difference to "FPN"' in text
    reproduction.records.pack()
    again = write_fold_table(tiny(), 'boxes', [0], tmp_path / 'b', resamples=50)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in paths]


def test_values_of_some_classes_and_images_stand_in_columns_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = tmp_path / 'manifest.csv'
    suite = tmp_path / 'suite.py'
    suite.write_text(
        TINY_SUITE.format(root='nowhere', more=SCHEDULE)
        + f"groups = dict(csv={str(groups)!r}, column='pixels')\n"
        + "focus = dict(name='GK', classes=['Gun', 'Knife'], group='original')\n"
    )
    reproduction = Reproduction(suite, tmp_path / 'runs', tmp_path / 'records')
    rng = np.random.default_rng(0)
    lines = ['name,pixels']
    ap = np.zeros((2, 2))
    for fold in (0, 1):
        names = tuple(f'P{fold * 20 + number:05d}' for number in range(20))
        targets = (rng.random((20, 5)) < 0.5).astype(np.int64)
        scores = Scores(names, tuple(SIXray.METAINFO['classes']), rng.random((20, 5)), targets)
        lines += [f'{name},{"original" if i < 12 else "other"}' for i, name in enumerate(names)]
        ap[fold] = average_precision(scores.scores[:12, :2], targets[:12, :2])
        run = Run(FPN, 0, 'full', fold)
        write_scores(reproduction.new_record(run) / SCORES, scores)
        schedule = dict(epochs=2)
        made = dict(metrics={}, schedule=schedule, seconds=1, revision='1', stack={})
        write_result(
            reproduction.new_record(run), {**made, 'digest': digest(reproduction.config(run))}
        )
    groups.write_text('\n'.join(lines) + '\n')
    path, *_ = write_fold_table(reproduction, 'boxes', [0], tmp_path, resamples=20)
    with open(path) as file:
        (row,) = csv.DictReader(file)
    assert list(row) == [
        'row',
        'label',
        'mAP',
        'GK',
        'GK original',
        'folds',
        'seeds',
        'runs',
    ]
    assert float(row['GK original']) == pytest.approx(100 * ap.mean(), abs=0.01)
