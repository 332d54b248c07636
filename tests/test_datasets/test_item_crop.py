"""Item crops: the window, and which labels remain true for a part of an image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsxm.datasets.sample_rng import sample_rng
from mmsxm.datasets.transforms import ClassHeatmap, ItemCrop
from mmsxm.datasets.transforms.item_crop import (
    covered_shares,
    square_around,
    visible_shares,
    visible_targets,
)

IMAGE_SIZE = (60, 100)


def results(boxes, labels, gt_label=None, **keys):
    image = np.arange(60 * 100 * 3, dtype=np.uint32).reshape(60, 100, 3).astype(np.uint8)
    return {
        'img': image,
        'img_shape': IMAGE_SIZE,
        'gt_bboxes': np.array(boxes, dtype=np.float32).reshape(-1, 4),
        'gt_bboxes_labels': np.array(labels, dtype=np.int64),
        'gt_label': sorted(set(labels)) if gt_label is None else gt_label,
        **keys,
    }


@settings(max_examples=200)
@given(
    x=st.floats(0, 90), y=st.floats(0, 50), width=st.floats(1, 60), height=st.floats(1, 60),
    scale=st.floats(1, 4), shift=st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)),
)  # fmt: skip
def test_the_window_lies_in_the_image(x, y, width, height, scale, shift):
    box = np.array([x, y, min(x + width, 100), min(y + height, 60)])
    left, top, right, bottom = square_around(box, scale, shift, IMAGE_SIZE)
    assert 0 <= left < right <= 100
    assert 0 <= top < bottom <= 60
    side = round(scale * max(box[2] - box[0], box[3] - box[1]))
    assert (right - left, bottom - top) == (min(max(side, 1), 100), min(max(side, 1), 60))


def test_the_window_is_centered_on_the_box_and_shifted_in_sides():
    box = np.array([40, 20, 50, 30])
    assert square_around(box, 2, (0, 0), IMAGE_SIZE) == (35, 15, 55, 35)
    assert square_around(box, 2, (0.1, -0.1), IMAGE_SIZE) == (37, 13, 57, 33)


def test_the_visible_share_is_the_share_of_pixels():
    rng = np.random.default_rng(0)
    for _ in range(50):
        low, high = np.sort(rng.integers(0, 40, (2, 2)), axis=0)
        (x1, y1), (x2, y2) = low, high + 1
        window = (10, 5, 30, 25)
        drawn = np.zeros((50, 50), dtype=bool)
        drawn[y1:y2, x1:x2] = True
        expected = drawn[5:25, 10:30].sum() / drawn.sum()
        box = np.array([[x1, y1, x2, y2]], dtype=np.float32)
        assert visible_shares(box, window)[0] == pytest.approx(expected)


def test_a_class_is_judged_by_its_most_visible_box():
    target = np.array([1, 1, 1, 1, 0, -1])
    shares, labels = np.array([0.05, 0.7, 0.3, 0.05]), np.array([0, 0, 1, 2])
    # class 3 has a label but no box, class 4 is absent, class 5 was unclear before
    assert visible_targets(target, shares, labels).tolist() == [1, -1, 0, -1, 0, -1]


@pytest.mark.parametrize('seed', range(20))
def test_boxes_and_targets_follow_the_crop(seed):
    before = results([[10, 10, 30, 30], [60, 30, 70, 50]], [0, 2])
    image = before['img']
    with sample_rng(seed, 0, 0):
        after = ItemCrop(num_classes=4, prob=1)(before)
    height, width = after['img_shape']
    assert after['img'].shape[:2] == (height, width)
    assert max(height, width) < 100
    for box, label in zip(after['gt_bboxes'], after['gt_bboxes_labels'], strict=True):
        assert (box[2:] - box[:2]).tolist() == {0: [20, 20], 2: [10, 20]}[label]
        x1, y1 = np.maximum(box[:2], 0).astype(int)
        source = {0: (10, 10), 2: (60, 30)}[label] + np.array([x1, y1]) - box[:2].astype(int)
        assert (after['img'][y1, x1] == image[source[1], source[0]]).all()
    assert after['gt_score'].dtype == np.float32
    assert (after['gt_score'][[1, 3]] == 0).all()
    assert after['gt_label'] == np.flatnonzero(after['gt_score'] == 1).tolist()
    assert 1 in after['gt_score']


def test_a_class_that_may_be_shown_is_never_absent():
    target, labels = np.array([1, 1, 1, 0]), np.array([0, 1, 2])
    shares = np.array([0.05, 0.7, 0.05])
    shown = visible_targets(target, shares, labels, never_absent=[0, 1])
    assert shown.tolist() == [-1, 1, 0, 0]


def test_boxes_cannot_override_the_label():
    target, labels = np.array([0, -1, 1]), np.array([0, 1])
    shown = visible_targets(target, np.ones(2), labels, never_absent=[0])
    assert shown.tolist() == [0, -1, -1]


@pytest.mark.parametrize('prob', [0, 1])
def test_crops_and_whole_images_have_the_same_labels(prob):
    before = results([[10, 10, 30, 30], [60, 30, 70, 50]], [0, 1], gt_label=[1])
    scores = set()
    for seed in range(10):
        with sample_rng(seed, 0, 0):
            after = ItemCrop(num_classes=3, prob=prob)(dict(before))
        scores.add(after['gt_score'][0])
        assert not ClassHeatmap(num_classes=3)(after)['gt_heatmap'][0].any()
    assert scores == {0}


@pytest.mark.parametrize('seed', range(10))
def test_a_class_with_an_item_without_a_box_is_ignored_unless_a_box_shows_it(seed):
    # the boxes are so far apart that a crop shows only one
    boxes, labels = [[0, 0, 10, 10], [85, 45, 95, 55]], [0, 2]
    with sample_rng(seed, 0, 0):
        crop = ItemCrop(num_classes=4, prob=1)
        after = crop(results(boxes, labels, unboxed_labels=[0, 2]))
    (shown,) = after['gt_bboxes_labels']
    expected = {0: [1, 0, -1, 0], 2: [-1, 0, 1, 0]}
    assert after['gt_score'].tolist() == expected[int(shown)]
    maps = ClassHeatmap(num_classes=4)(after)['gt_heatmap']
    assert (maps[[0, 2]] == -1).all()
    assert not maps[[1, 3]].any()


def test_a_crop_inside_a_large_box_is_not_a_crop_without_its_item():
    boxes, labels = [[45, 25, 49, 29], [0, 0, 100, 60]], [0, 1]
    crop = ItemCrop(num_classes=3, prob=1, scale=(1.5, 1.5))
    shown = set()
    for seed in range(10):
        with sample_rng(seed, 0, 0):
            after = crop(results(boxes, labels))
        if max(after['img_shape']) < 10:  # around the small box
            shown.add(tuple(after['gt_score'].tolist()))
            assert after['gt_bboxes_labels'].tolist() == labels
    assert shown == {(1, -1, 0)}


def test_a_box_that_a_crop_grazes_is_absent():
    boxes = np.array([[0, 0, 100, 60]], dtype=np.float32)
    assert covered_shares(boxes, (95, 0, 105, 10)) == pytest.approx(0.5)
    after = [[20, 20, 30, 30], [33, 0, 100, 60]]  # 6% of a crop of 16 x 16 at most
    crop = ItemCrop(num_classes=2, prob=1, scale=(1.6, 1.6), max_shift=0)
    for seed in range(10):
        with sample_rng(seed, 0, 0):
            cropped = crop(results(after, [0, 1]))
        if cropped['img_shape'] == (16, 16):
            assert cropped['gt_score'].tolist() == [1, 0]
            break
    else:
        pytest.fail('no crop of the small box')


def test_an_image_without_boxes_stays_whole():
    after = ItemCrop(num_classes=4, prob=1)(results([], [], gt_label=[1]))
    assert after['img'].shape == (60, 100, 3)
    assert after['gt_score'].tolist() == [0, 1, 0, 0]


def test_the_share_of_crops_is_the_probability():
    crop = ItemCrop(num_classes=4, prob=0.3)
    with sample_rng(0, 0, 0):
        whole = sum(
            crop(results([[10, 10, 20, 20]], [0]))['img_shape'] == IMAGE_SIZE for _ in range(1000)
        )
    assert whole == pytest.approx(700, abs=45)


def test_known_targets_are_kept_in_whole_images():
    target = np.array([1, -1, 0, 0], dtype=np.float32)
    after = ItemCrop(num_classes=4, prob=0)(results([[1, 1, 9, 9]], [0], gt_score=target))
    assert after['gt_score'].tolist() == [1, -1, 0, 0]


@pytest.mark.parametrize('transform', [ItemCrop(num_classes=4), ClassHeatmap(num_classes=4)])
def test_another_number_of_classes_is_refused(transform):
    transform.check_classes(['a', 'b', 'c', 'd'])
    with pytest.raises(ValueError, match='Set num_classes=2'):
        transform.check_classes(['a', 'b'])


@pytest.mark.parametrize(
    ('keys', 'message'),
    [
        ({'scale': (3, 1.5)}, 'increasing order'),
        ({'scale': (0.9, 1.5)}, 'at least 1'),
        ({'absent_below': 0.7}, 'shares of a box'),
    ],
)
def test_impossible_settings_are_refused(keys, message):
    with pytest.raises(ValueError, match=message):
        ItemCrop(num_classes=4, **keys)
