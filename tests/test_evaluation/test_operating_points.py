"""False positives at fixed detection rates, and average precision by size and occlusion."""

import csv
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_curve

from mmsxm.evaluation import OperatingPoints, alarm_curve, operating_point, point_at
from mmsxm.evaluation.operating_points import group_average_precision
from mmsxm.visualization.operating_points import plot_operating_points

CLASSES = ('Gun', 'Knife')


def sample(scores: list[float], targets: list[int], **fields: Any) -> dict:
    return {
        'img_path': 'a.jpg',
        'img_shape': (100, 100),
        'pred_score': torch.tensor(scores),
        'gt_score': torch.tensor(targets, dtype=torch.float32),
        **fields,
    }


def evaluate(samples: list[dict], out: Path | None = None) -> dict[str, Any]:
    metric = OperatingPoints(out=str(out) if out else None)
    metric.dataset_meta = {'classes': CLASSES}
    metric.process(None, samples)
    return {
        key.removeprefix('xray/'): value for key, value in metric.evaluate(len(samples)).items()
    }


@pytest.mark.parametrize('rate', [0.9, 0.95, 0.99])
@pytest.mark.parametrize('decimals', [1, 2, 9])  # many, some and no ties
def test_the_point_is_the_first_on_scikit_learns_roc_curve(rate: float, decimals: int) -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random(500) < 0.2).astype(int)
    scores = rng.normal(0.4 + 0.2 * targets, 0.2).clip(0, 1).round(decimals)
    point = operating_point(alarm_curve(scores, targets), rate)
    false_positives, detections, thresholds = roc_curve(targets, scores, drop_intermediate=False)
    first = np.argmax(detections >= rate)
    assert point.threshold == thresholds[first]
    assert point.detection_rate == pytest.approx(detections[first])
    assert point.false_positive_rate == pytest.approx(false_positives[first])
    assert point.alarms == np.mean(scores >= point.threshold)


def test_a_rate_that_is_reached_exactly_counts_as_reached() -> None:
    # 0.07 * 100 is 7.000000000000001, which must not require eight
    scores = np.linspace(1, 0, 100)
    point = operating_point(alarm_curve(scores, np.ones(100)), 0.07)
    assert point.detection_rate == 0.07


def test_scores_equal_to_the_threshold_are_alarms() -> None:
    scores = np.array([0.9, 0.5, 0.4, 0.5, 0.1, 0.2, 0.8])
    targets = np.array([1, 1, 1, 0, 0, 0, -1])
    assert point_at(alarm_curve(scores, targets), 0.5) == (0.5, 2 / 3, 1 / 3, 3 / 6)
    assert point_at(alarm_curve(scores, targets), 0.95)[1:] == (0, 0, 0)
    alone = point_at(alarm_curve(scores[:3], targets[:3]), 0.5)
    assert alone.detection_rate == 2 / 3
    assert np.isnan(alone.false_positive_rate)


def test_points_are_reported_for_classes_and_for_the_bag() -> None:
    # ten guns score 1.0, 0.9 .. 0.1; two of ten harmless bags score 0.25
    guns = [sample([score, 0], [1, 0]) for score in np.linspace(1, 0.1, 10).tolist()]
    harmless = [sample([0.25 if i < 2 else 0.01, 0.5], [0, 0]) for i in range(10)]
    metrics = evaluate(guns + harmless)
    # 90% are detected from 0.2 on, together with those two
    assert metrics['FPR@90/Gun'] == pytest.approx(20)
    assert metrics['alarms_per_1000@90/Gun'] == pytest.approx(1000 * 11 / 20)
    # all ten from 0.1 on
    assert metrics['FPR@95/Gun'] == metrics['FPR@99/Gun'] == pytest.approx(20)
    # the score of a harmless bag is that of its most suspicious class, 0.5
    assert metrics['FPR@90/any_item'] == pytest.approx(100)
    assert metrics['alarms_per_1000@90/any_item'] == pytest.approx(1000 * 19 / 20)


def test_a_class_may_be_called_any_item(tmp_path: Path) -> None:
    metric = OperatingPoints(out=str(tmp_path))
    metric.dataset_meta = {'classes': ('any_item', 'Knife')}
    # the class is separable, but the bag is not, because a harmless one scores 0.8
    samples = [sample([0.9, 0], [1, 0]), sample([0, 0.5], [0, 1]), sample([0, 0.8], [0, 0])]
    metric.process(None, samples)
    metrics = metric.evaluate(3)
    assert metrics['xray/FPR@90/any_item'] == 0
    assert metrics['xray/FPR@90/any_item_'] == 100
    with open(tmp_path / 'operating_points.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['class'] for row in rows[::3]] == ['any_item', 'Knife', 'any_item_']
    plot_operating_points(tmp_path)
    for name in ('curves', 'operating_points'):
        assert 'any_item_' in (tmp_path / f'{name}.csv').read_text()


def test_undefined_metrics_are_none_and_the_log_explains_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    messages: list[str] = []

    def keep(message: str, logger: str, level: int) -> None:
        assert level == logging.WARNING
        messages.append(message)

    monkeypatch.setattr('mmsxm.evaluation.operating_points.print_log', keep)
    metrics = evaluate([sample([0.9, 0.1], [1, 0]), sample([0.4, 0.1], [1, 0])])
    assert metrics['FPR@90/Knife'] is None
    assert metrics['alarms_per_1000@90/Knife'] is None
    assert metrics['FPR@90/Gun'] is None
    assert metrics['alarms_per_1000@90/Gun'] == 1000
    assert metrics['mAP/small'] is None
    (message,) = messages
    assert 'Knife: no image is a positive' in message
    assert 'Gun, any_item: no image is a negative' in message
    assert 'positives_only=False' in message
    assert 'small: no image of this group has Gun, Knife' in message


def box(share: float) -> np.ndarray:
    """Return a box that covers a share of an image of 100 x 100."""
    return np.array([[0, 0, 100, 100 * share]], dtype=np.float32)


def test_images_are_grouped_by_the_share_that_their_item_covers() -> None:
    metrics = evaluate(
        [
            sample([0.9, 0], [1, 0], gt_bboxes=box(0.01)),
            sample([0.5, 0], [1, 0], gt_bboxes=np.concatenate((box(0.5), box(0.1)))),
            sample([0.3, 0], [1, 0], gt_bboxes=box(0.5)),
            sample([0.6, 0], [0, 0], gt_bboxes=np.zeros((0, 4), dtype=np.float32)),
            sample([0.4, 0], [0, 0]),
        ]
    )
    # each group is compared with both negatives, without the positives of other sizes
    assert metrics['AP/small/Gun'] == 100
    assert metrics['AP/medium/Gun'] == 50
    assert metrics['AP/large/Gun'] == pytest.approx(100 / 3)
    assert metrics['mAP/large'] == pytest.approx(100 / 3)  # there is no Knife
    assert 'mAP/OL1' not in metrics  # no image has an occlusion level


def test_images_are_grouped_by_occlusion_level() -> None:
    metrics = evaluate(
        [
            sample([0.9, 0], [1, 0], occlusion_level=1),
            sample([0.5, 0], [1, 0], occlusion_level=3),
            sample([0.6, 0], [0, 1], occlusion_level=3),
        ]
    )
    assert metrics['AP/OL1/Gun'] == 100
    assert metrics['AP/OL2/Gun'] is None
    assert metrics['AP/OL3/Gun'] == 50


def test_a_group_is_compared_with_all_negatives() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random((200, 1)) < 0.3).astype(int)
    scores = rng.random((200, 1))
    chosen = rng.random(200) < 0.5
    kept = chosen | (targets[:, 0] == 0)
    expected = average_precision_score(targets[kept, 0], scores[kept, 0])
    assert group_average_precision(scores, targets, chosen) == pytest.approx([expected])


def read(path: Path) -> list[dict[str, str]]:
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


def test_tables_are_written(tmp_path: Path) -> None:
    third = float(np.float32(1 / 3))
    evaluate(
        [sample([third, 0], [1, 0], gt_bboxes=box(0.01)), sample([0.1, 0.2], [0, 0])],
        out=tmp_path / 'new' / 'points',
    )
    points = read(tmp_path / 'new' / 'points' / 'operating_points.csv')
    assert [row['class'] for row in points] == [
        name for name in (*CLASSES, 'any_item') for _ in range(3)
    ]
    assert np.float32(points[0]['threshold']) == np.float32(1 / 3)  # exact in float32
    assert points[0]['false_positive_rate'] == '0'
    assert points[3]['threshold'] == ''  # no Knife
    curves = read(tmp_path / 'new' / 'points' / 'curves.csv')
    assert [row['class'] for row in curves].count('Gun') == 2
    reliability = read(tmp_path / 'new' / 'points' / 'reliability.csv')
    assert {row['class'] for row in reliability} == set(CLASSES)
    precision = read(tmp_path / 'new' / 'points' / 'average_precision.csv')
    assert precision[0] == {
        'group': 'small',
        'class': 'Gun',
        'positives': '1',
        'average_precision': '1',
    }
