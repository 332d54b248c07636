"""Averages over folds, and differences between networks, against a naive computation."""

import numpy as np
import pytest

from mmsxm.evaluation import Scores, average_precision
from mmsxm.reproduction.fold_scores import (
    Cell,
    Values,
    difference,
    mean_over_folds,
    precision,
    shares,
)

CLASSES = ('a', 'b', 'c')
IMAGES = 40


def _scores(fold: int, seed: int, skill: float) -> Scores:
    targets = (np.random.default_rng(fold).random((IMAGES, 3)) < 0.3).astype(np.int64)
    noise = np.random.default_rng([fold, seed]).random((IMAGES, 3))
    names = tuple(f'P{fold * IMAGES + number:05d}' for number in range(IMAGES))
    return Scores(names, CLASSES, skill * targets + noise, targets)


def _runs(cells: list[Cell], skill: float) -> dict[Cell, Scores]:
    return {(fold, seed): _scores(fold, seed, skill) for fold, seed in cells}


def _values(runs: dict[Cell, Scores], resamples: int = 200) -> dict[Cell, Values]:
    rows = np.arange(IMAGES)
    return {cell: precision(run, cell[0], rows, resamples) for cell, run in runs.items()}


def test_ap_is_averaged_over_folds_and_then_over_classes() -> None:
    runs = _runs([(0, 0), (0, 1), (1, 0)], 0.5)
    ap = {cell: 100 * average_precision(run.scores, run.targets) for cell, run in runs.items()}
    by_class = ((ap[0, 0] + ap[0, 1]) / 2 + ap[1, 0]) / 2
    assert mean_over_folds(_values(runs)) == pytest.approx(by_class.mean())
    assert mean_over_folds(_values(runs), [0, 2]) == pytest.approx(by_class[[0, 2]].mean())
    assert np.isnan(mean_over_folds({}))


def test_a_class_without_positives_in_a_fold_is_left_out_of_that_fold() -> None:
    runs = _runs([(0, 0), (1, 0)], 0.5)
    runs[1, 0].targets[:, 2] = 0
    ap = {cell: 100 * average_precision(run.scores, run.targets) for cell, run in runs.items()}
    assert mean_over_folds(_values(runs), [2]) == pytest.approx(ap[0, 0][2])


def test_the_interval_is_that_of_a_naive_bootstrap() -> None:
    cells = [(fold, seed) for fold in (0, 1) for seed in (0, 1)]
    ours, others = _runs(cells, 0.8), _runs(cells, 0.3)
    found = difference(_values(ours, 4000), _values(others, 4000))
    assert found is not None
    assert (found.folds, found.runs) == (2, 4)
    rng = np.random.default_rng(5)
    draws = []
    for _ in range(2000):
        folds = []
        for fold in (0, 1):
            images, seeds = rng.integers(IMAGES, size=IMAGES), rng.integers(2, size=2)
            folds.append(
                np.mean(
                    [
                        average_precision(a.scores[images], a.targets[images])
                        - average_precision(b.scores[images], b.targets[images])
                        for a, b in ((ours[fold, s], others[fold, s]) for s in seeds)
                    ],
                    axis=0,
                )
            )
        draws.append(100 * np.nanmean(np.nanmean(folds, axis=0)))
    low, high = np.quantile(draws, (0.025, 0.975))
    assert found.low == pytest.approx(low, abs=1)
    assert found.high == pytest.approx(high, abs=1)
    assert found.low < found.value < found.high


def test_only_folds_and_seeds_of_both_are_compared() -> None:
    ours, others = _values(_runs([(0, 0), (1, 0)], 0.8)), _values(_runs([(1, 0), (1, 1)], 0.3))
    found = difference(ours, others)
    assert found is not None
    assert (found.folds, found.runs) == (1, 1)
    assert found.value == pytest.approx((ours[1, 0].point - others[1, 0].point).mean())
    assert difference(_values(_runs([(0, 0)], 0.8)), others) is None


def test_a_network_does_not_differ_from_itself() -> None:
    ours = _values(_runs([(0, 0), (1, 0)], 0.8))
    found = difference(ours, ours)
    assert found is not None
    assert found[:3] == (0, 0, 0)


def test_shares_are_those_of_the_images_that_have_one() -> None:
    names = [f'P{number}' for number in range(10)]
    share_of = {name: float(number % 2) for number, name in enumerate(names) if number < 4}
    found = shares(share_of, names, 0, 500)
    assert found.point == [50]
    assert found.draws.shape == (500, 1)
    assert 35 < np.nanmean(found.draws) < 65
