"""Temperature and Platt scaling."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss as expected_log_loss

from mmsxm.evaluation.score_scaling import fit_scaling, log_loss, to_logits, to_scores


def draw(n: int, slope: float, offset: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw logits, and targets that are 1 with probability sigmoid(slope * logit + offset)."""
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=2, size=n)
    return logits, (rng.random(n) < to_scores(slope * logits + offset)).astype(int)


def by_scikit_learn(
    logits: np.ndarray, targets: np.ndarray, with_offset: bool
) -> tuple[float, float]:
    """Fit a logistic regression without a penalty on Platt's targets."""
    # a target of 0.9 is a positive image of weight 0.9 and a negative one of weight 0.1
    positives, negatives = targets.sum(), (1 - targets).sum()
    smoothed = np.where(targets == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    model = LogisticRegression(C=np.inf, fit_intercept=with_offset, tol=1e-10, max_iter=1000)
    model.fit(
        np.concatenate((logits, logits))[:, np.newaxis],
        np.repeat([1, 0], len(logits)),
        sample_weight=np.concatenate((smoothed, 1 - smoothed)),
    )
    return model.coef_[0, 0], np.ravel(model.intercept_)[0]


@pytest.mark.parametrize('with_offset', [True, False], ids=['platt', 'temperature'])
def test_scaling_is_a_logistic_regression_on_platts_targets(with_offset: bool) -> None:
    logits, targets = draw(300, 0.5, -1)
    expected = by_scikit_learn(logits, targets, with_offset)
    assert fit_scaling(logits, targets, with_offset) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ('rows', 'slope', 'offset'),
    [
        # exact solution of the damped Newton iteration of version 0.1
        ((300, 0.5, -1.0), 0.514402916, -1.012752910),
        ((5000, 0.8, -3.0), 0.805806565, -2.963368293),
    ],
)
def test_results_match_recorded_values(
    rows: tuple[int, float, float], slope: float, offset: float
) -> None:
    assert fit_scaling(*draw(*rows), True) == pytest.approx((slope, offset), abs=1e-6)


@pytest.mark.parametrize(
    ('logits', 'first_positive'),
    [
        ([10, 16, 16, 16], 2),
        ([-16, -16, -16, -3], 1),
        ([-16, -16, -16, -11, -10, 3], 1),
        ([-16, -16, -16, -16, -13, -12, -12, -10, -5, 3], 1),
    ],
)
def test_few_images_with_extreme_scores_are_fitted(
    logits: list[float], first_positive: int
) -> None:
    """A Newton step from slope 1 ends where the sigmoid is flat, and cannot recover."""
    targets = (np.arange(len(logits)) >= first_positive).astype(int)
    scaled = np.array(logits, float)
    expected = by_scikit_learn(scaled, targets, True)
    assert fit_scaling(scaled, targets, True) == pytest.approx(expected, rel=1e-3)


def test_equal_scores_have_a_finite_solution() -> None:
    logits, targets = np.full(10, 3.0), np.array([1] * 9 + [0])
    slope, offset = fit_scaling(logits, targets, True)
    smoothed = (9 * 10 / 11 + 1 / 3) / 10  # the average of Platt's targets
    assert to_scores(slope * logits + offset) == pytest.approx(smoothed)


def test_a_known_distortion_is_recovered() -> None:
    logits, targets = draw(100_000, 0.5, -1)
    # the standard deviation of the slope is about 0.005 at this size
    assert fit_scaling(logits, targets, True) == pytest.approx((0.5, -1), abs=0.02)
    logits, targets = draw(100_000, 0.5, 0)
    assert fit_scaling(logits, targets, False) == pytest.approx((0.5, 0), abs=0.02)


def test_ignored_images_do_not_matter() -> None:
    logits, targets = draw(300, 0.5, -1)
    more = np.append(logits, [9, -9]), np.append(targets, [-1, -1])
    assert fit_scaling(*more, True) == fit_scaling(logits, targets, True)
    assert log_loss(to_scores(more[0]), more[1]) == log_loss(to_scores(logits), targets)


@pytest.mark.parametrize('with_offset', [True, False])
def test_separable_images_have_a_finite_solution(with_offset: bool) -> None:
    logits = np.array([-30.0, -4, -3, 3, 5, 80])
    slope, _ = fit_scaling(logits, (logits > 0).astype(int), with_offset)
    assert 0 < slope < 10


@pytest.mark.parametrize(
    ('targets', 'message'),
    [
        ([1, 1, 1], 'not 3 and 0'),
        ([0, 0, -1], 'not 0 and 2'),
        ([1, 0, 0], 'reverse the order'),
    ],
)
def test_scores_that_cannot_be_scaled_are_reported(targets: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_scaling(np.array([-1.0, 0, 1]), np.array(targets), True)


def test_log_loss_matches_scikit_learn() -> None:
    logits, targets = draw(300, 1, 0)
    scores = to_scores(logits)
    assert log_loss(scores, targets) == pytest.approx(expected_log_loss(targets, scores))


def test_logits_survive_a_round_trip_and_rounded_scores_stay_finite() -> None:
    logits = np.linspace(-15, 15, 31)
    assert to_logits(to_scores(logits)) == pytest.approx(logits)
    ends = to_logits(np.array([0, 1], dtype=np.float32))
    assert np.isfinite(ends).all()
    assert ends == pytest.approx([-16.1, 16.1], abs=0.1)
    assert to_scores(np.array([-800.0, 800])).tolist() == [0, 1]  # without overflow
