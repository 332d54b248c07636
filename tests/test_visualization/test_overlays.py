"""Overlays, captions and pictures of samples."""

import numpy as np
from mmpretrain.structures import DataSample
from torch import tensor

from mmsxm.visualization.overlays import (
    BOX_COLOR,
    caption,
    draw_boxes,
    overlay_map,
    relative_map,
    sheet,
)
from mmsxm.visualization.pictures import picture, to_rgb

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


def test_boxes_are_drawn_on_a_copy() -> None:
    drawn = draw_boxes(GRAY, np.array([[10, 5, 50, 30]]))
    assert (GRAY == 128).all()
    np.testing.assert_allclose(drawn[5, 30], BOX_COLOR, atol=16)  # the line is smoothed
    assert drawn[15, 30].tolist() == [128, 128, 128]


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
