"""Rates of thresholds on images other than those they were chosen on."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_recall_curve

from mmsxm.evaluation import AlarmCurve, alarm_curve
from mmsxm.evaluation.bootstrap import percentile_interval
from mmsxm.evaluation.thresholds import (
    BestF1,
    Criterion,
    DetectionRate,
    FalsePositiveRate,
    cut_threshold,
    needed_for,
    wilson_interval,
)

CRITERIA = [DetectionRate(0.9), FalsePositiveRate(0.1), BestF1()]


def threshold(criterion: Criterion, curve: AlarmCurve) -> float:
    return float(cut_threshold(curve, np.array(criterion.cut(curve))))


def draw(rng: np.random.Generator, n: int, share: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Draw scores whose logits are normal, with the means of positives and negatives 2 apart."""
    targets = np.zeros(n, dtype=int)
    targets[: round(n * share)] = 1
    return 1 / (1 + np.exp(-rng.normal(2 * targets - 1))), targets


def test_a_threshold_lies_halfway_between_two_scores() -> None:
    curve = alarm_curve(np.array([0.8, 0.6, 0.6, 0.1]), np.array([1, 1, 0, 0]))
    found = cut_threshold(curve, np.arange(4))
    assert found == pytest.approx([0.9, 0.7, 0.35, 0.05])


@pytest.mark.parametrize(
    ('rate', 'positives', 'missed'),
    [(0.9, 10, 0), (0.9, 18, 0), (0.9, 19, 1), (0.95, 39, 1), (0.99, 100, 0), (0.5, 3, 1)],
)
def test_a_detection_rate_accounts_for_the_next_image(
    rate: float, positives: int, missed: int
) -> None:
    scores = np.linspace(0.9, 0.1, positives)
    curve = alarm_curve(scores, np.ones(positives))
    assert (scores < threshold(DetectionRate(rate), curve)).sum() == missed
    # the next image is equally likely to be in any of positives + 1 gaps; one more miss is too many
    assert (positives - missed) / (positives + 1) >= rate
    assert (positives - missed - 1) / (positives + 1) < rate


@pytest.mark.parametrize(
    ('rate', 'negatives', 'alarms'), [(0.1, 10, 0), (0.1, 18, 0), (0.1, 19, 1), (0.01, 199, 1)]
)
def test_a_false_positive_rate_accounts_for_the_next_image(
    rate: float, negatives: int, alarms: int
) -> None:
    scores = np.linspace(0.9, 0.1, negatives)
    curve = alarm_curve(scores, np.zeros(negatives))
    assert (scores >= threshold(FalsePositiveRate(rate), curve)).sum() == alarms
    assert (alarms + 1) / (negatives + 1) <= rate
    assert (alarms + 2) / (negatives + 1) > rate


def test_equal_scores_stay_together() -> None:
    scores = np.array([0.9] * 10 + [0.5] * 10)
    # two of twenty may be missed, but the ten with 0.5 are all alarms or none is
    curve = alarm_curve(scores, np.ones(20))
    assert threshold(DetectionRate(0.9), curve) == pytest.approx(0.25)
    # one of twenty may be a false alarm, so none of these ten may be
    curve = alarm_curve(scores, np.zeros(20))
    assert threshold(FalsePositiveRate(0.1), curve) == pytest.approx(0.95)


@pytest.mark.parametrize('decimals', [1, 9])
def test_the_best_f1_matches_scikit_learn(decimals: int) -> None:
    scores, targets = draw(np.random.default_rng(0), 300)
    scores = scores.round(decimals)
    chosen = threshold(BestF1(), alarm_curve(scores, targets))
    precision, recall, _ = precision_recall_curve(targets, scores)
    best = (2 * precision * recall / np.maximum(precision + recall, 1e-12)).max()
    assert f1_score(targets, scores >= chosen) == pytest.approx(best)


@pytest.mark.parametrize(
    ('rate', 'needed'), [(1 - 0.99, 100), (1 - 0.95, 20), (1 - 0.9, 10), (0.01, 100), (0.3, 4)]
)
def test_one_image_is_at_most_the_given_share_of_the_needed_images(
    rate: float, needed: int
) -> None:
    assert needed_for(rate) == needed


def test_new_images_are_detected_at_the_guaranteed_rate() -> None:
    # With 37 of 40 positives, 37 / 41 = 90.2% of new ones are detected on average. 2,000 sets
    # determine that mean to 0.1% (one rate deviates by 4.6%), so 4 standard errors are 0.4%.
    # The share of the 40 themselves, 92.5%, is far off, as is the 87.8% that 36 would give.
    rng = np.random.default_rng(0)
    criterion = DetectionRate(0.9)
    detected = []
    for _ in range(2000):
        scores = rng.random(40)  # uniform, so a share of 1 - t lies above t
        cut = criterion.cut(alarm_curve(scores, np.ones(40)))
        lowest = np.sort(scores)[::-1][cut - 1]
        detected.append(1 - lowest)
    assert np.mean(detected) == pytest.approx(37 / 41, abs=0.004)


@pytest.mark.parametrize('criterion', CRITERIA, ids=str)
def test_bootstrap_interval_has_about_its_nominal_coverage(
    criterion: Criterion,
) -> None:
    # the truth is the threshold of a set so large that its error is far smaller than an interval
    rng = np.random.default_rng(0)
    truth = threshold(criterion, alarm_curve(*draw(rng, 400_000)))
    covered = 0
    for _ in range(400):
        curve = alarm_curve(*draw(rng, 400))
        low, high = percentile_interval(cut_threshold(curve, criterion.cuts(curve, 200, rng)))
        covered += low <= truth <= high
    # of 400 intervals of 95%, 380 cover it, with a standard deviation of 4.4; four of these are
    # 18, and a percentile interval of a quantile may be off by one of 120 ranks, about 1% more
    assert 358 <= covered <= 398


@pytest.mark.parametrize('criterion', CRITERIA, ids=str)
def test_the_bootstrap_does_not_need_to_draw_images(criterion: Criterion) -> None:
    # compare with the plain bootstrap, which resamples positives and negatives and chooses again
    rng = np.random.default_rng(0)
    scores, targets = draw(rng, 100)
    scores = scores.round(2)
    curve = alarm_curve(scores, targets)
    analytic = cut_threshold(curve, criterion.cuts(curve, 4000, rng))
    groups = [np.flatnonzero(targets == target) for target in (0, 1)]
    plain = []
    for _ in range(4000):
        rows = np.concatenate([rng.choice(group, len(group)) for group in groups])
        drawn = alarm_curve(scores[rows], targets[rows])
        cut = criterion.cut(drawn)
        # the same cut in the curve of all images, which has more scores
        if isinstance(criterion, FalsePositiveRate):
            first = drawn.false_alarms >= round(0.1 * (drawn.negatives + 1) - 0.5)
            first_without_alarm = drawn.thresholds[first][0]
            place = int(np.searchsorted(-curve.thresholds, -first_without_alarm))
        else:
            place = int(np.searchsorted(-curve.thresholds, -drawn.thresholds[cut - 1])) + 1
        plain.append(float(cut_threshold(curve, np.array(place))))
    # two samples of 4,000 from one distribution differ by more than 0.043 in 1 of 1,000 cases
    grid = np.unique(np.concatenate((analytic, plain)))
    shares = [
        np.searchsorted(np.sort(sample), grid, 'right') / 4000 for sample in (analytic, plain)
    ]
    assert np.abs(shares[0] - shares[1]).max() < 0.043


def test_rate_interval_has_about_its_nominal_coverage() -> None:
    # for a threshold chosen on the same 100 positives, whose true rate is known
    rng = np.random.default_rng(0)
    criterion = DetectionRate(0.9)
    covered = 0
    for _ in range(1000):
        scores = rng.random(100)
        curve = alarm_curve(scores, np.ones(100))
        cut = criterion.cut(curve)
        low, high = wilson_interval(int(curve.hits[cut - 1]), 100)
        covered += low <= 1 - threshold(criterion, curve) <= high
    # 950 with a standard deviation of 7; Wilson's coverage itself varies by 2% with the rate
    assert 910 <= covered <= 990


@pytest.mark.parametrize(
    ('count', 'total', 'expected'),
    # The formula is from Brown, Cai and DasGupta 2001. The values are computed by hand from
    # z = 1.96: (p + z2/2n -+ z sqrt(p (1 - p) / n + z2/4n2)) / (1 + z2/n), z2 = 3.8415
    [(0, 100, (0, 0.0370)), (100, 100, (0.9630, 1)), (5, 10, (0.2366, 0.7634))],
)
def test_wilson_interval_matches_a_hand_computation(
    count: int, total: int, expected: tuple[float, float]
) -> None:
    assert wilson_interval(count, total) == pytest.approx(expected, abs=1e-4)


def test_the_interval_of_no_images_is_undefined() -> None:
    assert np.isnan(wilson_interval(0, 0)).all()
