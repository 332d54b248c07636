import numpy as np
import pytest
import torch

from mmsxm.datasets.transforms import draw_ellipses
from mmsxm.evaluation import (
    AttentionBySize,
    AttentionLocalization,
    cells_in_boxes,
    cells_in_ellipses,
    ellipse_iou,
    energy_inside,
    pointing_hit,
    visible_boxes,
)
from mmsxm.evaluation import attention_localization as module

IMAGE_SIZE = (40, 80)
MAP_SIZE = (4, 8)  # one cell covers 10 x 10 pixels of the image


def map_with(*cells):
    result = np.zeros(MAP_SIZE, dtype=np.float32)
    for cell in cells:
        result[cell] = 1
    return result


def boxes(*values):
    return np.array(values, dtype=np.float32).reshape(-1, 4)


def test_a_cell_is_inside_if_its_center_is():
    # The centers are at 5, 15, 25, ...; the box contains those at x = 15, 25 and y = 5.
    inside = cells_in_boxes(MAP_SIZE, boxes([14, 0, 26, 14]), IMAGE_SIZE)
    assert np.argwhere(inside).tolist() == [[0, 1], [0, 2]]


def test_overlapping_boxes_count_once():
    inside = cells_in_boxes(MAP_SIZE, boxes([0, 0, 20, 10], [10, 0, 30, 10]), IMAGE_SIZE)
    assert inside.sum() == 3
    assert not cells_in_boxes(MAP_SIZE, boxes(), IMAGE_SIZE).any()


def test_boxes_may_extend_beyond_the_image():
    inside = cells_in_boxes(MAP_SIZE, boxes([-100, -100, 10, 100]), IMAGE_SIZE)
    assert np.argwhere(inside).tolist() == [[row, 0] for row in range(4)]


def test_only_boxes_that_overlap_the_image_are_visible():
    visible = boxes([-5, -5, 1, 1], [0, 0, 80, 40], [79, 39, 99, 99])
    cut_off = boxes([-9, 0, 0, 9], [80, 0, 90, 9], [0, 40, 9, 50], [5, 5, 5, 9])
    np.testing.assert_array_equal(visible_boxes(np.vstack((cut_off, visible)), IMAGE_SIZE), visible)


def test_pointing_is_the_share_of_maxima_in_a_box():
    box = boxes([10, 10, 30, 20])  # the cells (1, 1) and (1, 2)
    assert pointing_hit(map_with((1, 2)), box, IMAGE_SIZE) == 1
    assert pointing_hit(map_with((2, 1)), box, IMAGE_SIZE) == 0
    assert pointing_hit(map_with((1, 1), (3, 3), (0, 0), (2, 2)), box, IMAGE_SIZE) == 1 / 4


def test_a_flat_map_points_at_chance_level():
    box = boxes([10, 10, 30, 20])
    assert pointing_hit(np.full(MAP_SIZE, 0.93), box, IMAGE_SIZE) == 2 / 32


def sample(attention_map, gt_bboxes=None, img_shape=IMAGE_SIZE):
    result = {'attention_map': torch.as_tensor(attention_map), 'img_shape': img_shape}
    if gt_bboxes is not None:
        result['gt_bboxes'] = torch.as_tensor(gt_bboxes)
    return result


def evaluate(metric, batch):
    metric.process(None, batch)
    return metric.evaluate(len(batch))


def test_metric_matches_a_hand_computation():
    batch = [
        sample(map_with((1, 2)), boxes([10, 10, 30, 20])),  # a hit, box of 2 cells
        sample(map_with((0, 0)), boxes([40, 0, 80, 40])),  # a miss, box of 16 cells
        sample(map_with((0, 0), (0, 1)), boxes()),  # no box
        sample(map_with(), boxes([80, 0, 99, 20])),  # cut off by the crop
        sample(map_with((0, 0))),
    ]
    metrics = evaluate(AttentionLocalization(), batch)
    assert metrics == {
        'xray/pointing': 50,
        'xray/pointing_chance': pytest.approx(100 * (2 + 16) / 32 / 2),
        'xray/energy': 50,
        # one of the two cells of the first box; the second map is elsewhere
        'xray/ellipse_iou': pytest.approx(100 * (1 / 2 + 0) / 2),
        'xray/map_mean': pytest.approx(100 * (1 + 1 + 2 + 0 + 1) / 32 / 5),
    }
    assert all(type(value) is float for value in metrics.values())


def test_ellipses_are_the_targets_of_stage_one():
    rng = np.random.default_rng(0)
    corners = rng.uniform(-10, 90, (6, 2, 2)).astype(np.float32)
    boxes_beyond_border = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    size = (80, 80)
    drawn = draw_ellipses(boxes_beyond_border, size, size) == 1
    assert np.array_equal(cells_in_ellipses(size, boxes_beyond_border, size), drawn)


def test_energy_is_the_share_of_the_map_inside_boxes():
    box = boxes([10, 10, 30, 20])  # the cells (1, 1) and (1, 2)
    weak = map_with((1, 2), (0, 0)) + 3 * map_with((1, 1))
    assert energy_inside(weak, box, IMAGE_SIZE) == 4 / 5
    assert energy_inside(np.full(MAP_SIZE, 0.2), box, IMAGE_SIZE) == pytest.approx(2 / 32)
    assert energy_inside(map_with(), box, IMAGE_SIZE) == 2 / 32


def test_overlap_with_ellipses_does_not_depend_on_scale():
    box = boxes([0, 0, 80, 40])
    ellipse = cells_in_ellipses(MAP_SIZE, box, IMAGE_SIZE).astype(np.float32)
    assert 0 < ellipse.mean() < 1
    for scale in (1, 1e-3):
        assert ellipse_iou(scale * ellipse, box, IMAGE_SIZE) == 1
    assert ellipse_iou(np.ones(MAP_SIZE), box, IMAGE_SIZE) == ellipse.mean()
    assert ellipse_iou(map_with(), box, IMAGE_SIZE) == 0


def test_measures_are_averaged_by_size():
    batch = [
        sample(map_with((0, 0)), boxes([0, 0, 10, 5], [40, 0, 80, 40])),  # 1.6%: small
        sample(map_with((1, 1)), boxes([10, 10, 30, 20])),  # 6%: medium; a hit
        sample(map_with((0, 0)), boxes([10, 10, 30, 20])),  # a miss
        sample(map_with((0, 0))),
    ]
    metrics = evaluate(AttentionBySize(), batch)
    assert metrics['xray/images/small'] == 1
    assert metrics['xray/images/medium'] == 2
    assert metrics['xray/images/large'] == 0
    assert metrics['xray/pointing/medium'] == 50
    assert metrics['xray/pointing/large'] is None
    # the first box ends at the center of the first cell, so it contains no center
    assert metrics['xray/pointing/small'] == 0


def test_img_shape_may_include_channels():
    batch = [sample(map_with((1, 2)), boxes([10, 10, 30, 20]), (*IMAGE_SIZE, 3))]
    assert evaluate(AttentionLocalization(), batch)['xray/pointing'] == 100


def test_without_boxes_pointing_is_undefined(monkeypatch):
    messages = []
    monkeypatch.setattr(module, 'print_log', lambda text, *_, **__: messages.append(text))
    metric = AttentionLocalization()
    for _ in range(2):
        metrics = evaluate(metric, [sample(map_with((0, 0)))])
        assert metrics['xray/pointing'] is metrics['xray/pointing_chance'] is None
        assert metrics['xray/map_mean'] == pytest.approx(100 / 32)
    assert len(messages) == 1


def test_missing_and_nan_maps_are_reported():
    metric = AttentionLocalization()
    with pytest.raises(KeyError, match='attention_map'):
        metric.process(None, [{'pred_score': torch.ones(2)}])
    with pytest.raises(ValueError, match='contains nan'):
        metric.process(None, [sample(np.full(MAP_SIZE, np.nan), boxes())])
