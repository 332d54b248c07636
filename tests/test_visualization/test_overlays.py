"""Overlays, captions and pictures of samples."""

import numpy as np
import pytest
from mmpretrain.structures import DataSample
from torch import tensor

from mmsxm.visualization.overlays import (
    BOX_COLOR,
    caption,
    draw_boxes,
    map_to_draw,
    overlay_map,
    place_names,
    relative_map,
    sheet,
)
from mmsxm.visualization.pictures import MARK, picture, to_rgb

GRAY = np.full((40, 60, 3), 128, dtype=np.uint8)


def test_a_map_is_red_where_it_is_high_and_invisible_where_it_is_0() -> None:
    attention_map = np.zeros((4, 6), dtype=np.float32)
    attention_map[:, 4:] = 1
    drawn = overlay_map(GRAY, attention_map, opacity=0.5)
    assert (drawn[:, :30] == 128).all()
    assert drawn[0, -1].tolist() == [192, 64, 64]  # half gray, half red


def test_a_faint_map_is_divided_by_its_maximum() -> None:
    faint = np.array([[0.0, 1e-3]])
    assert relative_map(faint).tolist() == [[0, 1]]
    assert not relative_map(np.zeros((2, 2))).any()


def test_class_maps_are_drawn_as_probabilities_and_other_maps_relative_to_their_maximum() -> None:
    faint = np.array([[0.0, 0.1]])
    assert map_to_draw(faint, np.stack([faint, faint / 2])) is faint
    assert map_to_draw(faint).tolist() == [[0, 1]]
    assert map_to_draw(None) is None


def test_boxes_are_drawn_on_a_copy() -> None:
    drawn = draw_boxes(GRAY, np.array([[10, 5, 50, 30]]))
    assert (GRAY == 128).all()
    np.testing.assert_allclose(drawn[5, 30], BOX_COLOR, atol=16)  # the line is smoothed
    assert drawn[15, 30].tolist() == [128, 128, 128]


def test_names_are_placed_on_their_boxes_and_apart_from_each_other() -> None:
    boxes = np.array(
        [[100, 200, 180, 240], [102, 203, 180, 240], [100, 300, 140, 340], [990, -9, 1200, 50]]
    )
    places = place_names(boxes, [50, 50, 50, 50], 10, (400, 1000))
    assert places[0] == (100, 200)
    assert places[1][0] == 102
    assert 210 <= places[1][1] <= 230
    assert places[2:] == [(100, 300), (950, 10)]  # moved into the image
    assert place_names(boxes[[0, 0]], [0, 50], 10, (400, 1000)) == [(100, 200)] * 2
    crowded = place_names(boxes[[0] * 999], [50] * 999, 10, (400, 1000))
    assert all(y <= 400 for _, y in crowded)


def test_a_named_box_has_its_name_and_an_empty_name_draws_nothing() -> None:
    image = np.full((60, 120, 3), 128, np.uint8)
    box = np.array([[10, 30, 110, 50]])
    plain, named = draw_boxes(image, box), draw_boxes(image, box, ['Gun'])
    assert (named[15:29] != plain[15:29]).any()
    np.testing.assert_array_equal(draw_boxes(image, box, ['']), plain)


def test_a_sheet_contains_all_pictures() -> None:
    pictures = [np.full((10 + i, 20, 3), i, dtype=np.uint8) for i in range(5)]
    drawn_sheet = sheet(pictures, columns=2, gap=1)
    assert drawn_sheet.shape == (3 * 15, 2 * 21, 3)
    assert (drawn_sheet[15:27, :20] == 2).all()
    assert (drawn_sheet[-1] == 255).all()


def test_a_caption_is_added_below() -> None:
    captioned = caption(GRAY, 'label: Gun', 'pred: Knife')
    assert (captioned[:40] == GRAY).all()
    assert (captioned[40:] < 128).any()


def test_packed_images_are_bgr() -> None:
    packed = np.zeros((3, 2, 2), dtype=np.uint8)
    packed[0] = 255
    assert to_rgb(packed)[0, 0].tolist() == [0, 0, 255]


def test_a_prediction_is_drawn_with_its_map_and_a_target_with_its_ellipses() -> None:
    white = np.full((56, 56, 3), 255, dtype=np.uint8)
    target = DataSample().set_gt_label([0])
    target.set_field(np.array([[0.0, 0.0, 28.0, 28.0]]), 'gt_bboxes')
    drawn = picture(white, target, ('Gun', 'Knife'))
    scale = 336 // 56
    assert drawn[14 * scale, 14 * scale].tolist() == [255, 102, 102]  # 0.6 of red on white
    assert drawn[42 * scale, 42 * scale].tolist() == [255, 255, 255]

    prediction = target.clone().set_pred_score([0.9, 0.2])
    prediction.set_field(tensor([[0.0, 0.0], [0.0, 0.01]]), 'attention_map')
    prediction.set_field(tensor([0.2, 0.3, 0.5]), 'level_weights')
    drawn = picture(white, prediction, ('Gun', 'Knife'))
    assert drawn[14 * scale, 14 * scale].tolist() == [255, 255, 255]
    assert drawn[54 * scale, 54 * scale].tolist() == [255, 102, 102]


def test_the_peak_of_each_predicted_class_is_marked() -> None:
    sample = DataSample().set_gt_label([0]).set_pred_score([0.9, 0.2]).set_pred_label([0])
    maps = np.zeros((2, 7, 7), np.float32)
    maps[0, 4, 1] = maps[1, 1, 5] = 0.5
    sample.set_field(tensor(maps), 'class_maps')
    drawn = picture(np.full((336, 336, 3), 255, np.uint8), sample, ('Gun', 'Knife'))[:336]
    rows, columns = (drawn != 255).any(axis=2).nonzero()
    y, x = 4.5 * 48, 1.5 * 48
    assert rows.max() == pytest.approx(y + MARK, abs=2)
    assert columns.min() == pytest.approx(x - MARK, abs=2)
    assert columns.max() < 3 * 48  # the name of Gun is there, and nothing at Knife
    assert (drawn[int(y) - 20 : int(y) - 5] != 255).any()


def test_a_picture_without_predicted_classes_has_no_marks() -> None:
    sample = DataSample().set_gt_label([0]).set_pred_score([0.4, 0.2]).set_pred_label([])
    sample.set_field(tensor(np.zeros((2, 7, 7), np.float32)), 'class_maps')
    drawn = picture(np.full((336, 336, 3), 255, np.uint8), sample, ('Gun', 'Knife'))
    assert (drawn[:336] == 255).all()
