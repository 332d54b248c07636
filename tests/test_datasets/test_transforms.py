import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmsxm.datasets.sample_rng import sample_rng
from mmsxm.datasets.transforms import (
    CenterCrop,
    CropBackground,
    EllipseHeatmap,
    IntuitiveMetaLevel,
    RandomCrop,
    draw_ellipses,
    intuitive_level,
)
from mmsxm.registry import MODELS, TRANSFORMS

SIZE = (48, 64)
# quarters of a pixel are exact in float32, so that shifting and mirroring loses nothing
coordinates = st.integers(-200, 400).map(lambda quarter: quarter / 4)
box_lists = st.lists(st.tuples(*[coordinates] * 4), max_size=3).map(
    lambda boxes: np.array(
        [[min(a, c), min(b, d), max(a, c), max(b, d)] for a, b, c, d in boxes], dtype=np.float32
    ).reshape(-1, 4)
)


def draw(*boxes: tuple[float, float, float, float]) -> np.ndarray:
    return draw_ellipses(np.array(boxes, dtype=np.float32).reshape(-1, 4), SIZE, SIZE)


# ---------------------------------------------------------------------------- ellipses


@pytest.mark.parametrize('box', [(10, 8, 50, 38), (3.25, 4.5, 60.75, 44)])
def test_the_ellipse_is_inscribed(box: tuple[float, float, float, float]) -> None:
    x1, y1, x2, y2 = box
    drawn = draw(box)
    # 2%: some of the pixels along the edge, of which there are about 100 in 1,000
    assert drawn.sum() == pytest.approx(np.pi / 4 * (x2 - x1) * (y2 - y1), rel=0.02)
    rows, columns = np.nonzero(drawn)
    # it touches all four sides: the outermost centers lie within a pixel of them
    assert x1 <= columns.min() + 0.5 <= x1 + 1
    assert x2 - 1 <= columns.max() + 0.5 <= x2
    assert y1 <= rows.min() + 0.5 <= y1 + 1
    assert y2 - 1 <= rows.max() + 0.5 <= y2
    assert set(np.unique(drawn)) == {0, 1}


@given(box_lists, st.integers(0, 24), st.integers(0, 40))
def test_drawing_commutes_with_cropping(boxes: np.ndarray, top: int, left: int) -> None:
    window = np.s_[top : top + 24, left : left + 24]
    drawn_first = draw_ellipses(boxes, SIZE, SIZE)[window]
    results = {'img': np.zeros((*SIZE, 3)), 'gt_bboxes': boxes}
    moved = crop_at(results, top, left, 24)['gt_bboxes']
    np.testing.assert_array_equal(drawn_first, draw_ellipses(moved, (24, 24), (24, 24)))


def crop_at(results: dict, top: int, left: int, size: int) -> dict:
    crop = RandomCrop(size)
    crop._draw = lambda room_y, room_x: (top, left)
    return crop(results)


@given(box_lists)
def test_drawing_commutes_with_flipping(boxes: np.ndarray) -> None:
    height, width = SIZE
    drawn = draw_ellipses(boxes, SIZE, SIZE)
    mirrored = boxes[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [width, 0, width, 0]
    np.testing.assert_array_equal(draw_ellipses(mirrored, SIZE, SIZE), drawn[:, ::-1])
    upside_down = boxes[:, [0, 3, 2, 1]] * [1, -1, 1, -1] + [0, height, 0, height]
    np.testing.assert_array_equal(draw_ellipses(upside_down, SIZE, SIZE), drawn[::-1])


def test_a_box_that_leaves_the_image_is_not_clipped() -> None:
    half_outside = draw((-20, 10, 20, 40))
    clipped = draw((0, 10, 20, 40))
    # of the whole ellipse the right half is seen, widest at the border
    assert half_outside[:, 0].sum() == 30
    assert clipped[:, 0].sum() < 15


@pytest.mark.parametrize(
    'box', [(-30, 5, -5, 20), (90, 5, 99, 20), (5, -40, 20, -5), (5, 60, 20, 90), (9, 9, 9, 20)]
)
def test_a_box_outside_or_without_area_draws_nothing(box: tuple) -> None:
    assert not draw(box).any()


def test_ellipses_are_joined() -> None:
    one, other = (5, 5, 30, 30), (20, 10, 60, 40)
    np.testing.assert_array_equal(draw(one, other), np.maximum(draw(one), draw(other)))


def test_no_boxes_draw_nothing() -> None:
    drawn = draw_ellipses(np.zeros((0, 4)), SIZE, (12, 16))
    assert drawn.shape == (12, 16)
    assert drawn.dtype == np.float32
    assert not drawn.any()


def test_a_smaller_map_has_soft_edges() -> None:
    boxes = np.array([[10, 8, 50, 38]])
    full, small = draw_ellipses(boxes, SIZE, SIZE), draw_ellipses(boxes, SIZE, (12, 16))
    np.testing.assert_allclose(small, full.reshape(12, 4, 16, 4).mean(axis=(1, 3)), atol=1e-6)
    assert ((small > 0) & (small < 1)).any()
    assert small.min() >= 0
    assert small.max() <= 1


# ---------------------------------------------------------------------------- heat map


def heatmap(size: tuple[int, int], stride: int = 4, **info: object) -> dict:
    results = {'img_shape': size, 'gt_bboxes': np.zeros((0, 4)), 'gt_label': []}
    return EllipseHeatmap(stride)(results | info)


@pytest.mark.parametrize('size', [(64, 64), (72, 104), (61, 99)])
@pytest.mark.parametrize('stride', [8, 4, 2])
def test_the_heatmap_has_the_size_of_the_map(size: tuple[int, int], stride: int) -> None:
    model = MODELS.build(
        dict(
            type='mmsxm.SXMNet',
            backbone=dict(type='ResNet', depth=18, base_channels=8, out_indices=(1, 2, 3)),
            neck=dict(type='mmsxm.FPN', in_channels=[16, 32, 64], out_channels=8),
            attention_head=dict(type='mmsxm.BottomUpAttentionHead', in_channels=8, stride=stride),
            _scope_='mmpretrain',
        )
    )
    with torch.no_grad():
        attention_map = model.eval()(torch.zeros(1, 3, *size))
    assert heatmap(size, stride)['gt_heatmap'].shape == attention_map[0].shape


def test_the_heatmap_holds_the_ellipses() -> None:
    boxes = np.array([[8, 8, 40, 32]], dtype=np.float32)
    target = heatmap(SIZE, gt_bboxes=boxes, gt_label=[1])['gt_heatmap']
    assert target.dtype == torch.float32
    np.testing.assert_array_equal(target[0].numpy(), draw_ellipses(boxes, SIZE, (12, 16)))


def test_the_map_of_an_image_with_an_item_without_a_box_is_ignored() -> None:
    boxed = {'gt_bboxes': np.array([[8, 8, 40, 32]], dtype=np.float32), 'gt_label': [0, 1]}
    assert (heatmap(SIZE, **boxed)['gt_heatmap'] >= 0).all()
    assert (heatmap(SIZE, **boxed, unboxed_labels=[1])['gt_heatmap'] == -1).all()


def test_items_without_boxes_have_an_ignored_map_and_an_empty_bag_an_empty_one() -> None:
    assert (heatmap(SIZE, gt_label=[2])['gt_heatmap'] == -1).all()
    assert not heatmap(SIZE)['gt_heatmap'].any()


# ---------------------------------------------------------------------------- level


@pytest.mark.parametrize(
    ('box', 'level'),
    [
        ((0, 0, 10, 19), 0),  # of 100 x 100: 1.9%
        ((0, 0, 10, 20), 1),  # 2%
        ((0, 0, 40, 50), 1),  # 20%
        ((0, 0, 40, 51), 2),
    ],
)
def test_level_bounds(box: tuple, level: int) -> None:
    assert intuitive_level(np.array([box], dtype=np.float32), (100, 100)) == level


def test_the_smallest_box_decides() -> None:
    boxes = np.array([[0, 0, 90, 90], [50, 50, 60, 60], [0, 0, 40, 40]], dtype=np.float32)
    assert intuitive_level(boxes, (100, 100)) == 0


def test_the_level_without_boxes() -> None:
    results = {'img_shape': (9, 9), 'gt_bboxes': np.zeros((0, 4))}
    level = IntuitiveMetaLevel()(results)['gt_meta_level']
    assert level.dtype == torch.int64
    assert level == -1


def test_two_kinds_of_level_are_an_error() -> None:
    results = {'img_shape': (9, 9), 'gt_bboxes': np.zeros((0, 4)), 'gt_meta_level': 2}
    with pytest.raises(ValueError, match=r'MF-I.*meta_labels \(MF-N\)'):
        IntuitiveMetaLevel()(results)


# ---------------------------------------------------------------------------- crops


def bag(height: int = 40, width: int = 60) -> dict:
    """An image whose pixels hold their own place, and a box that is twice as large."""
    y, x = np.mgrid[:height, :width].astype(np.uint8)
    return {
        'img': np.dstack([y, x, x]),
        'img_shape': (height, width),
        'gt_bboxes': np.array([[-10, 5, 2 * width, 30]], dtype=np.float32),
    }


def check_crop(results: dict, top: int, left: int, size: tuple[int, int]) -> None:
    assert results['img'].shape[:2] == results['img_shape'] == size
    assert results['img'][0, 0, :2].tolist() == [top, left]
    expected = bag()['gt_bboxes'] - [left, top, left, top]
    np.testing.assert_array_equal(results['gt_bboxes'], expected)
    assert results['gt_bboxes'].dtype == np.float32


def test_the_center_crop() -> None:
    check_crop(CenterCrop((20, 30))(bag()), 10, 15, (20, 30))
    check_crop(CenterCrop(40)(bag()), 0, 10, (40, 40))


def test_random_crops_reach_every_place() -> None:
    places = set()
    with sample_rng(0, 0, 0):
        for _ in range(100):
            results = RandomCrop((38, 59))(bag())
            top, left = results['img'][0, 0, :2].tolist()
            check_crop(results, top, left, (38, 59))
            places.add((top, left))
    # of six; that one is missing in 100 draws has a chance of 1e-7
    assert places == {(top, left) for top in range(3) for left in range(2)}


def test_random_crops_follow_numpys_generator() -> None:
    def places(epoch: int) -> list[list[int]]:
        with sample_rng(0, epoch, 0):
            return [RandomCrop(20)(bag())['img'][0, 0, :2].tolist() for _ in range(5)]

    assert places(1) == places(1)
    assert places(1) != places(2)


@pytest.mark.parametrize('transform', [CenterCrop, RandomCrop])
def test_an_image_smaller_than_the_crop_is_an_error(transform: type) -> None:
    with pytest.raises(ValueError, match=r'50 x 50 .* image of 40 x 60 \(some\.jpg\)'):
        transform(50)(bag() | {'img_path': 'some.jpg'})


def test_crops_need_no_boxes() -> None:
    results = bag()
    del results['gt_bboxes']
    assert 'gt_bboxes' not in CenterCrop(20)(results)


def white(height: int = 40, width: int = 60) -> dict:
    return bag() | {'img': np.full((height, width, 3), 255, dtype=np.uint8)}


def test_white_margins_are_cut() -> None:
    results = white()
    results['img'][10:20, 30:50] = 250  # light, but not dark enough
    results['img'][12:18, 32:40, 1] = 100  # one channel is enough
    cut = CropBackground(background=240, margin=3)(results)
    assert cut['img'].shape == (6 + 2 * 3, 8 + 2 * 3, 3)
    np.testing.assert_array_equal(cut['gt_bboxes'], bag()['gt_bboxes'] - [29, 9, 29, 9])


def test_the_margin_ends_at_the_border() -> None:
    results = white()
    results['img'][0:5, 55:60] = 0
    cut = CropBackground(margin=8)(results)
    assert cut['img'].shape == (13, 13, 3)
    np.testing.assert_array_equal(cut['gt_bboxes'], bag()['gt_bboxes'] - [47, 0, 47, 0])


def test_an_all_white_image_is_kept() -> None:
    cut = CropBackground()(white())
    assert cut['img'].shape == (40, 60, 3)
    np.testing.assert_array_equal(cut['gt_bboxes'], bag()['gt_bboxes'])


@pytest.mark.usefixtures('scope')
@pytest.mark.parametrize(
    'cfg',
    [
        dict(type='mmsxm.RandomCrop', crop_size=(20, 30)),
        dict(type='mmsxm.CenterCrop', crop_size=20),
        dict(type='mmsxm.CropBackground', margin=3),
        dict(type='mmsxm.EllipseHeatmap', stride=2),
        dict(type='mmsxm.IntuitiveMetaLevel'),
    ],
)
def test_transforms_are_registered_and_show_their_settings(cfg: dict) -> None:
    shown = repr(TRANSFORMS.build(dict(cfg)))
    assert shown.startswith(cfg['type'].removeprefix('mmsxm.'))
    for key in cfg.keys() - {'type'}:
        assert f'{key}=' in shown
