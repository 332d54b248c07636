"""Comparison of two ways of training."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from mmsxm.evaluation import Scores
from mmsxm.reproduction.run_comparison import compare_runs, read_runs

CLASSES = ('Gun', 'Knife')


def make_runs(strength: float, seeds: int, images: int = 300, start: int = 0) -> list[Scores]:
    """Return runs whose scores correlate with the labels; the more, the higher ``strength``."""
    targets = (np.random.default_rng(7).random((images, 2)) < (0.3, 0.2)).astype(np.int64)
    names = tuple(f'{i:03d}' for i in range(images))
    return [
        Scores(
            names,
            CLASSES,
            strength * targets + np.random.default_rng(start + i).standard_normal(targets.shape),
            targets,
        )
        for i in range(seeds)
    ]


def test_values_equal_those_of_scikit_learn() -> None:
    runs, others = make_runs(2.0, 2), make_runs(1.0, 2, start=10)
    table = compare_runs(runs, others, resamples=5)
    assert [row['class'] for row in table] == ['Gun', 'Knife', 'mean']
    mine = [100 * average_precision_score(run.targets[:, 0] == 1, run.scores[:, 0]) for run in runs]
    assert table[0]['AP'] == pytest.approx(np.mean(mine))
    assert table[0]['std'] == pytest.approx(np.std(mine, ddof=1))
    assert table[2]['AP'] == pytest.approx((table[0]['AP'] + table[1]['AP']) / 2)
    assert table[0]['difference'] == pytest.approx(table[0]['AP'] - table[0]['other AP'])
    assert table[0]['positives'] == runs[0].targets[:, 0].sum()


def test_the_interval_excludes_zero_only_for_a_clear_gain() -> None:
    runs = make_runs(2.0, 2)
    gain = compare_runs(runs, make_runs(0.5, 2, start=10), resamples=100)[-1]
    assert gain['low'] > 0
    none = compare_runs(runs, runs, resamples=100)[-1]
    assert none['difference'] == none['low'] == none['high'] == 0
    noise = compare_runs(make_runs(1.0, 3), make_runs(1.0, 3, start=10), resamples=200)[-1]
    assert noise['low'] < 0 < noise['high']


def test_a_subset_of_the_images_can_be_compared() -> None:
    runs, others = make_runs(2.0, 1), make_runs(1.0, 1, start=10)
    rows = np.arange(0, 300, 2)
    part = compare_runs(runs, others, rows, resamples=5)
    kept = [
        [Scores(run.names[::2], run.classes, run.scores[::2], run.targets[::2]) for run in way]
        for way in (runs, others)
    ]
    assert part == compare_runs(kept[0], kept[1], resamples=5)


def test_a_class_without_positives_is_undefined() -> None:
    runs = [run._replace(targets=run.targets * (1, 0)) for run in make_runs(1.0, 1)]
    gun, knife, mean = compare_runs(runs, runs, resamples=5)
    assert np.isnan([knife['AP'], knife['low']]).all()
    assert mean['AP'] == gun['AP']


def test_runs_that_cannot_be_paired_are_rejected() -> None:
    runs = make_runs(1.0, 2)
    with pytest.raises(ValueError, match='2 runs with 1'):
        compare_runs(runs, runs[:1])
    with pytest.raises(ValueError, match='different images'):
        compare_runs(runs, make_runs(1.0, 2, images=20))
    with pytest.raises(ValueError, match='different labels'):
        compare_runs(runs, [run._replace(targets=1 - run.targets) for run in runs])


def test_the_error_for_another_test_set_names_both_tables(tmp_path: Path) -> None:
    for name, image in (('a', 'x'), ('b', 'y')):
        text = f'name,score/Gun,label/Gun\n{image},0.5,1\n'
        (tmp_path / f'{name}.csv').write_text(text)
    with pytest.raises(ValueError, match=r'a\.csv and .*b\.csv have different images'):
        read_runs([tmp_path / 'a.csv', tmp_path / 'b.csv'])
