"""Temperature and Platt scaling."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss as expected_log_loss

from mmsxm.evaluation.score_scaling import fit_scaling, log_loss, to_logits, to_scores


def draw(n: int, slope: float, offset: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and targets of which sigmoid(slope * logit + offset) tells the share."""
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=2, size=n)
    return logits, (rng.random(n) < to_scores(slope * logits + offset)).astype(int)


@pytest.mark.parametrize('with_offset', [True, False], ids=['platt', 'temperature'])
def test_it_is_a_logistic_regression_on_platts_targets(with_offset: bool) -> None:
    logits, targets = draw(300, 0.5, -1)
    # a target of 0.9 is nine tenths of a positive image and one of a negative
    positives, negatives = targets.sum(), (1 - targets).sum()
    wanted = np.where(targets == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    model = LogisticRegression(C=np.inf, fit_intercept=with_offset, tol=1e-10, max_iter=1000)
    model.fit(
        np.concatenate((logits, logits))[:, np.newaxis],
        np.repeat([1, 0], 300),
        sample_weight=np.concatenate((wanted, 1 - wanted)),
    )
    slope, offset = fit_scaling(logits, targets, with_offset)
    assert slope == pytest.approx(model.coef_[0, 0], abs=1e-5)
    assert offset == pytest.approx(np.ravel(model.intercept_)[0], abs=1e-5)


def test_what_was_distorted_is_found() -> None:
    logits, targets = draw(100_000, 0.5, -1)
    # the slope's deviation is about 0.005 at this size
    assert fit_scaling(logits, targets, True) == pytest.approx((0.5, -1), abs=0.02)
    logits, targets = draw(100_000, 0.5, 0)
    assert fit_scaling(logits, targets, False) == pytest.approx((0.5, 0), abs=0.02)


def test_images_left_out_have_no_part() -> None:
    logits, targets = draw(300, 0.5, -1)
    more = np.append(logits, [9, -9]), np.append(targets, [-1, -1])
    assert fit_scaling(*more, True) == fit_scaling(logits, targets, True)
    assert log_loss(to_scores(more[0]), more[1]) == log_loss(to_scores(logits), targets)


@pytest.mark.parametrize('with_offset', [True, False])
def test_images_that_do_not_overlap_have_a_finite_solution(with_offset: bool) -> None:
    logits = np.array([-30.0, -4, -3, 3, 5, 80])
    slope, _ = fit_scaling(logits, (logits > 0).astype(int), with_offset)
    assert 0 < slope < 10


@pytest.mark.parametrize(
    ('targets', 'message'),
    [
        ([1, 1, 1], 'not 3 and 0'),
        ([0, 0, -1], 'not 0 and 2'),
        ([1, 0, 0], 'turned round'),
    ],
)
def test_what_cannot_be_scaled(targets: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_scaling(np.array([-1.0, 0, 1]), np.array(targets), True)


def test_log_loss_is_that_of_scikit_learn() -> None:
    logits, targets = draw(300, 1, 0)
    scores = to_scores(logits)
    assert log_loss(scores, targets) == pytest.approx(expected_log_loss(targets, scores))


def test_logits_come_back_and_rounded_scores_stay_finite() -> None:
    logits = np.linspace(-15, 15, 31)
    assert to_logits(to_scores(logits)) == pytest.approx(logits)
    ends = to_logits(np.array([0, 1], dtype=np.float32))
    assert np.isfinite(ends).all()
    assert ends == pytest.approx([-16.1, 16.1], abs=0.1)
    assert to_scores(np.array([-800.0, 800])).tolist() == [0, 1]  # without overflow
