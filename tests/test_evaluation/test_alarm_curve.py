"""ROC and PR curves against scikit-learn, with ties and with sets of only one class."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import auc, precision_recall_curve, roc_auc_score, roc_curve

from mmsxm.evaluation import alarm_curve, any_item, reliability
from mmsxm.evaluation.alarm_curve import corners

# few distinct scores for many images, so there are ties everywhere
images = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.7, 1.0]), st.sampled_from([0, 1])),
    min_size=2,
    max_size=60,
).map(lambda pairs: (np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])))


@given(images)
def test_curves_match_scikit_learn(columns: tuple[np.ndarray, np.ndarray]) -> None:
    scores, targets = columns
    curve = alarm_curve(scores, targets)
    if 0 < targets.sum() < len(targets):
        false_positives, detections, thresholds = roc_curve(
            targets, scores, drop_intermediate=False
        )
        assert (
            curve.thresholds.tolist() == thresholds[1:].tolist()
        )  # without the first, which is infinity
        assert curve.detection_rate == pytest.approx(detections[1:])
        assert curve.false_positive_rate == pytest.approx(false_positives[1:])
    if targets.any():
        precision, recall, thresholds = precision_recall_curve(targets, scores)
        # theirs are in ascending order and end with a point without a threshold
        assert curve.thresholds.tolist() == thresholds[::-1].tolist()
        assert curve.precision == pytest.approx(precision[-2::-1])
        assert curve.detection_rate == pytest.approx(recall[-2::-1])


@given(images)
def test_corners_change_neither_curve(columns: tuple[np.ndarray, np.ndarray]) -> None:
    curve = alarm_curve(*columns)
    reduced = corners(curve)
    assert set(reduced.thresholds) <= set(curve.thresholds)
    assert len(reduced.thresholds) <= 2 * curve.positives + 1
    if curve.positives and curve.negatives:
        area = auc(np.append(0, reduced.false_positive_rate), np.append(0, reduced.detection_rate))
        assert area == pytest.approx(roc_auc_score(columns[1], columns[0]))
    steps = [np.sum(np.diff(c.detection_rate, prepend=0) * c.precision) for c in (reduced, curve)]
    assert steps[0] == pytest.approx(steps[1], nan_ok=True)


def test_images_with_equal_scores_are_all_alarms_or_none() -> None:
    curve = alarm_curve(np.array([0.5, 0.9, 0.5, 0.5]), np.array([1, 1, 0, -1]))
    assert curve.thresholds.tolist() == [0.9, 0.5]
    assert curve.hits.tolist() == [1, 2]
    assert curve.false_alarms.tolist() == [0, 1]
    assert (curve.positives, curve.negatives) == (2, 1)  # -1 is ignored


@pytest.mark.parametrize('target', [0, 1, -1])
def test_a_set_without_positives_or_negatives_has_half_a_curve(target: int) -> None:
    curve = alarm_curve(np.array([0.1, 0.9]), np.array([target, target]))
    assert (curve.positives, curve.negatives) == {0: (0, 2), 1: (2, 0), -1: (0, 0)}[target]
    assert np.isnan(curve.detection_rate).all() == (target != 1)
    assert np.isnan(curve.false_positive_rate).all() == (target != 0)
    assert len(curve.thresholds) == (0 if target == -1 else 2)


def test_a_score_of_nan_is_rejected() -> None:
    with pytest.raises(ValueError, match='1 of 2 scores are nan'):
        alarm_curve(np.array([0.1, np.nan]), np.array([0, 1]))


def test_a_bag_has_its_largest_score_and_is_ignored_if_its_label_is_unknown() -> None:
    scores = np.array([[0.1, 0.9], [0.2, 0.1], [0.3, 0.4], [0.6, 0.5]])
    targets = np.array([[1, 0], [0, 0], [0, -1], [1, -1]])
    bag_scores, bag_targets = any_item(scores, targets)
    assert bag_scores.tolist() == [0.9, 0.2, 0.4, 0.6]
    assert bag_targets.tolist() == [1, 0, -1, 1]


def test_reliability_matches_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(300)
    targets = (rng.random(300) < scores).astype(int)
    bins = reliability(scores, targets)
    shares, means = calibration_curve(targets, scores, n_bins=10)
    assert [score_bin.mean_score for score_bin in bins] == pytest.approx(means)
    assert [score_bin.positives / score_bin.images for score_bin in bins] == pytest.approx(shares)
    assert sum(score_bin.images for score_bin in bins) == 300


def test_a_score_of_one_is_in_the_last_bin_and_empty_bins_are_omitted() -> None:
    (only,) = reliability(np.array([1.0, 0.95, 0.2]), np.array([1, 0, -1]))
    assert only == (0.9, 0.975, 2, 1)
