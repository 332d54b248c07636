"""Average precision of bootstrap resamples."""

import numpy as np

from mmsxm.evaluation import average_precision
from mmsxm.evaluation.resampled_precision import draw_counts, resampled_precision


def test_it_is_the_average_precision_of_the_resampled_rows() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(6, size=(30, 3)) / 5  # many are equal
    targets = rng.choice([1, 0, -1], p=[0.2, 0.6, 0.2], size=(30, 3))
    targets[:, 2] = 0
    targets[4, 2] = 1  # often not drawn
    counts = draw_counts(30, 50, seed=1)
    found = resampled_precision(scores, targets, counts)
    rows = [np.repeat(np.arange(30), count) for count in counts]
    naive = np.array([average_precision(scores[row], targets[row]) for row in rows])
    np.testing.assert_allclose(found, naive, rtol=1e-12)
    assert np.isnan(found[:, 2]).any()


def test_each_resample_has_as_many_images_as_the_set() -> None:
    counts = draw_counts(30, 50, seed=1)
    assert (counts.sum(axis=1) == 30).all()
    assert (counts == draw_counts(30, 50, seed=1)).all()
    assert (counts != draw_counts(30, 50, seed=2)).any()
    np.testing.assert_allclose(draw_counts(10, 5000, seed=0).mean(axis=0), 1, atol=0.1)


def test_no_row_leaves_the_precision_undefined() -> None:
    empty = np.empty((0, 2))
    found = resampled_precision(empty, empty.astype(np.int64), np.empty((4, 0), np.int32))
    assert np.isnan(found).all()
    assert found.shape == (4, 2)
