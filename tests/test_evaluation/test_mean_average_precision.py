import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn.metrics import average_precision_score

from mmsxm.evaluation import MeanAveragePrecision, average_precision
from mmsxm.evaluation import mean_average_precision as module

# Terms are summed in another order than in scikit-learn.
ROUNDING = 1e-12


def sklearn_average_precision(scores, targets):
    result = []
    for score, target in zip(scores.T, targets.T, strict=True):
        kept = target != -1
        if (target == 1).any():
            result.append(average_precision_score(target[kept] == 1, score[kept]))
        else:
            result.append(np.nan)
    return np.array(result)


@pytest.mark.parametrize('levels', [2, 5, 10**9], ids=['two scores', 'ties', 'no ties'])
@pytest.mark.parametrize('ignored', [False, True])
@pytest.mark.parametrize('dtype', [np.float16, np.float32, np.float64])
def test_average_precision_matches_scikit_learn(levels, ignored, dtype):
    rng = np.random.default_rng(levels)
    for _ in range(20):
        scores = (rng.integers(levels, size=(50, 4)) / levels).astype(dtype)
        targets = rng.choice([1, 0, -1] if ignored else [1, 0], size=(50, 4))
        targets[:, 3] = rng.choice([0, -1], size=50)
        result = average_precision(scores, targets)
        np.testing.assert_allclose(
            result, sklearn_average_precision(scores, targets), rtol=0, atol=ROUNDING
        )
        assert np.isnan(result[3])
        assert result.dtype == np.float64


def test_average_precision_matches_a_hand_computation():
    # Positives at ranks 1 and 3: (1 / 1 + 2 / 3) / 2.
    scores = np.array([[0.9], [0.8], [0.7], [0.1]])
    assert average_precision(scores, [[1], [0], [1], [0]]) == pytest.approx((1 + 2 / 3) / 2)
    # With equal scores, it is the share of positives, regardless of their position.
    assert average_precision(np.ones((4, 1)), [[1], [0], [0], [0]]) == 0.25
    assert average_precision(np.ones((4, 1)), [[0], [0], [0], [1]]) == 0.25
    # An ignored image counts neither as a hit nor as a false alarm.
    assert average_precision(scores, [[1], [-1], [1], [0]]) == 1


def test_empty_inputs_are_undefined():
    assert np.isnan(average_precision(np.zeros((0, 3)), np.zeros((0, 3)))).tolist() == [True] * 3
    assert average_precision(np.zeros((5, 0)), np.zeros((5, 0))).shape == (0,)
    assert np.isnan(average_precision(np.zeros((5, 1)), np.full((5, 1), -1)))


@given(st.data())
def test_the_order_of_rows_does_not_matter(data):
    shape = data.draw(array_shapes(min_dims=2, max_dims=2, max_side=12))
    scores = data.draw(arrays(np.float32, shape, elements=st.sampled_from([0, 0.25, 0.5, 1])))
    targets = data.draw(arrays(np.int64, shape, elements=st.sampled_from([-1, 0, 1])))
    order = data.draw(st.permutations(range(len(scores))))
    result = average_precision(scores, targets)
    np.testing.assert_array_equal(result, average_precision(scores[order], targets[order]))
    defined = result[~np.isnan(result)]
    assert ((defined > 0) & (defined <= 1)).all()


@pytest.mark.parametrize(
    ('scores', 'targets', 'message'),
    [
        ([[np.nan, 1.0], [np.nan, 1.0]], [[1, 0], [0, 1]], '2 in class 0'),
        ([[1.0, 2.0]], [[1, 2]], 'targets must be 1, 0 or -1'),
        ([[1.0, 2.0]], [[1, np.nan]], 'targets must be 1, 0 or -1'),
        ([[1.0, 2.0]], [[1]], 'shape'),
        ([1.0, 2.0], [1, 0], 'shape'),
    ],
)
def test_invalid_inputs_are_reported(scores, targets, message):
    with pytest.raises(ValueError, match=message):
        average_precision(scores, targets)


def samples(scores, targets, key='gt_score'):
    values = torch.as_tensor(targets, dtype=torch.float32)
    if key == 'gt_label':
        values = [row.nonzero().flatten() for row in values]
    return [
        {'pred_score': torch.as_tensor(score, dtype=torch.float32), key: value}
        for score, value in zip(scores, values, strict=True)
    ]


def evaluate(metric, batches, size, classes=('Gun', 'Multi-tool Knife')):
    metric.dataset_meta = {'classes': classes}
    for batch in batches:
        metric.process(None, batch)
    return metric.evaluate(size)


SCORES = [[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]]
TARGETS = [[1, 0], [0, 0], [1, 1]]


@pytest.mark.parametrize('key', ['gt_score', 'gt_label'])
def test_the_metric_is_in_percent(key):
    batch = samples(SCORES, TARGETS, key)
    metrics = evaluate(MeanAveragePrecision(), [batch[:2], batch[2:]], size=3)
    assert metrics == {
        'xray/mAP': pytest.approx(100 * (5 / 6 + 1) / 2),
        'xray/AP/Gun': pytest.approx(100 * 5 / 6),
        'xray/AP/Multi-tool Knife': 100,
    }
    assert all(type(value) is float for value in metrics.values())


def test_gt_score_can_mark_ignored_labels():
    batch = samples(SCORES, [[1, 0], [-1, 0], [1, 1]])
    for sample in batch:
        sample['gt_label'] = torch.tensor([1])
    assert evaluate(MeanAveragePrecision(), [batch], size=3)['xray/AP/Gun'] == 100


def test_a_batch_may_mix_gt_label_and_gt_score():
    batch = [*samples(SCORES[:2], TARGETS[:2]), *samples(SCORES[2:], TARGETS[2:], 'gt_label')]
    expected = evaluate(MeanAveragePrecision(), [samples(SCORES, TARGETS)], size=3)
    assert evaluate(MeanAveragePrecision(), [batch], size=3) == expected


def test_images_without_labels_are_negatives():
    batch = samples([*SCORES, [0.95, 0.5]], [*TARGETS, [0, 0]], 'gt_label')
    metrics = evaluate(MeanAveragePrecision(), [batch[3:], batch[:3]], size=4)
    assert metrics['xray/AP/Gun'] == pytest.approx(100 * (1 / 2 + 2 / 4) / 2)


@pytest.mark.parametrize('batch_size', [64, 1000])
def test_the_metric_matches_scikit_learn(batch_size):
    rng = np.random.default_rng(0)
    scores = rng.integers(100, size=(1000, 2)).astype(np.float32) / 100
    targets = rng.choice([1, 0, -1], size=(1000, 2), p=[0.1, 0.8, 0.1])
    batch = samples(scores, targets)
    batches = [batch[i : i + batch_size] for i in range(0, 1000, batch_size)]
    metrics = evaluate(MeanAveragePrecision(), batches, size=1000)
    np.testing.assert_allclose(
        [metrics['xray/AP/Gun'], metrics['xray/AP/Multi-tool Knife']],
        100 * sklearn_average_precision(scores, targets),
        rtol=0,
        atol=100 * ROUNDING,
    )


def test_rows_that_pad_the_last_batch_are_dropped():
    batch = samples([*SCORES, [0.95, 0.5]], [*TARGETS, [0, 0]])
    assert evaluate(MeanAveragePrecision(), [batch], size=3)['xray/AP/Gun'] == pytest.approx(
        500 / 6
    )


def test_a_class_without_positives_is_undefined(monkeypatch):
    messages = []
    monkeypatch.setattr(module, 'print_log', lambda text, *_, **__: messages.append(text))
    metric = MeanAveragePrecision()
    batch = samples(SCORES, [[1, 0], [0, 0], [1, 0]])
    for _ in range(2):
        metrics = evaluate(metric, [batch], size=3)
        assert metrics['xray/AP/Multi-tool Knife'] is None
        assert metrics['xray/mAP'] == metrics['xray/AP/Gun'] == pytest.approx(500 / 6)
    assert len(messages) == 1
    assert 'Multi-tool Knife' in messages[0]

    metrics = evaluate(metric, [samples(SCORES, np.zeros((3, 2)))], size=3)
    assert set(metrics.values()) == {None}
    assert len(messages) == 2
    assert 'Gun' in messages[1]


def test_half_precision_scores_are_accepted():
    batch = samples(SCORES, TARGETS)
    for sample in batch:
        sample['pred_score'] = sample['pred_score'].bfloat16()
    assert evaluate(MeanAveragePrecision(), [batch], size=3)['xray/AP/Multi-tool Knife'] == 100


def test_missing_and_mismatched_fields_are_reported():
    metric = MeanAveragePrecision()
    with pytest.raises(KeyError, match='Stage I'):
        metric.process(None, [{'gt_score': torch.ones(2)}])
    with pytest.raises(KeyError, match='gt_label'):
        metric.process(None, [{'pred_score': torch.ones(2)}])
    with pytest.raises(ValueError, match='scores 2 classes, but gt_score has 3'):
        metric.process(None, [{'pred_score': torch.ones(2), 'gt_score': torch.ones(3)}])
    with pytest.raises(ValueError, match='scores 2 classes, but gt_label contains 2'):
        metric.process(None, [{'pred_score': torch.ones(2), 'gt_label': torch.tensor([2])}])
    with pytest.raises(ValueError, match='scores 2 classes, but the dataset has 1'):
        evaluate(MeanAveragePrecision(), [samples(SCORES, TARGETS)], size=3, classes=('Gun',))
    metric.dataset_meta = None
    metric.process(None, samples(SCORES, TARGETS))
    with pytest.raises(KeyError, match='names'):
        metric.evaluate(3)
