"""Targets of class-wise maps."""

import numpy as np
import pytest

from mmsxm.datasets.transforms import ClassHeatmap, draw_ellipses


def heatmap(boxes, labels, gt_label, stride=8, **keys):
    drawn = ClassHeatmap(num_classes=4, stride=stride)(
        {
            'img_shape': (64, 96, 3),
            'gt_bboxes': np.array(boxes, dtype=np.float32).reshape(-1, 4),
            'gt_bboxes_labels': np.array(labels, dtype=np.int64),
            'gt_label': gt_label,
            **keys,
        }
    )
    return drawn['gt_heatmap'].numpy()


@pytest.mark.parametrize(('stride', 'size'), [(8, (8, 12)), (4, (16, 24)), (2, (32, 48))])
def test_each_class_has_the_ellipses_of_its_boxes(stride, size):
    boxes = [[0, 0, 30, 20], [40, 10, 90, 60], [5, 30, 25, 60]]
    maps = heatmap(boxes, [0, 2, 0], [0, 2], stride)
    assert maps.shape == (4, *size)
    assert maps.dtype == np.float32
    assert np.array_equal(maps[0], draw_ellipses([boxes[0], boxes[2]], (64, 96), size))
    assert np.array_equal(maps[2], draw_ellipses([boxes[1]], (64, 96), size))
    assert not maps[[1, 3]].any()


def test_a_label_without_a_box_is_unknown():
    maps = heatmap([[0, 0, 30, 20]], [0], [0, 3])
    assert (maps[3] == -1).all()
    assert (maps[:3] >= 0).all()


def test_a_class_with_another_item_without_a_box_is_unknown():
    boxes = [[0, 0, 30, 20], [40, 10, 90, 60]]
    maps = heatmap(boxes, [0, 2], [0, 2], unboxed_labels=[2])
    assert maps[0].max() == 1
    assert (maps[2] == -1).all()
    assert not maps[[1, 3]].any()


def test_an_ignored_class_is_unknown_unless_a_box_shows_it():
    maps = heatmap([[0, 0, 30, 20]], [0], [], gt_score=np.array([-1, -1, 0, 0]))
    assert maps[0].max() == 1
    assert (maps[1] == -1).all()
    assert not maps[2:].any()


def test_a_bag_without_items_has_empty_maps():
    assert not heatmap([], [], []).any()


def test_a_stride_that_no_map_has_is_refused():
    with pytest.raises(ValueError, match='stride=3'):
        ClassHeatmap(num_classes=4, stride=3)
