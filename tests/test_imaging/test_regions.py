import numpy as np
import pytest

from mmsxm.imaging.regions import Region, find_class_regions, find_regions


def test_regions_are_components_above_half_of_the_maximum_strongest_first() -> None:
    attention_map = np.full((20, 30), 0.05, np.float32)
    attention_map[2:6, 3:8] = 0.6
    attention_map[10:15, 20:22] = 0.8
    attention_map[11, 21] = 0.9
    attention_map[17:19, 2:6] = 0.3  # below half of 0.9
    assert find_regions(attention_map) == [
        Region((20, 10, 22, 15), pytest.approx(0.9)),
        Region((3, 2, 8, 6), pytest.approx(0.6)),
    ]


def test_cells_that_touch_at_a_corner_are_one_part() -> None:
    attention_map = np.zeros((10, 10), np.float32)
    attention_map[2:4, 2:4] = attention_map[4:6, 4:6] = 0.7
    assert [region.bbox for region in find_regions(attention_map)] == [(2, 2, 6, 6)]


def test_a_box_does_not_take_the_height_of_another_part_within_it() -> None:
    attention_map = np.zeros((12, 12), np.float32)
    attention_map[0, :] = attention_map[:, 0] = 0.5  # an L shape, whose box is the whole map
    attention_map[6:9, 6:9] = 1.0
    assert [region.score for region in find_regions(attention_map)] == [1.0, 0.5]


@pytest.mark.parametrize('highest', [0.0, 0.09])
def test_a_faint_map_has_no_regions(highest: float) -> None:
    attention_map = np.zeros((8, 8), np.float32)
    attention_map[3:5, 3:5] = highest
    assert find_regions(attention_map) == []


def test_specks_are_skipped() -> None:
    attention_map = np.zeros((56, 56), np.float32)
    attention_map[3, 3] = 1.0  # 1 of 3136 cells
    attention_map[20:30, 20:30] = 0.8
    assert [region.bbox for region in find_regions(attention_map)] == [(20, 20, 30, 30)]


def test_each_class_has_regions_above_half_of_its_own_maximum() -> None:
    class_maps = np.zeros((3, 20, 30), np.float32)
    class_maps[0, 2:6, 3:8] = 0.3  # faint beside class 2, but the strongest of class 0
    class_maps[1, 2:6, 3:8] = 0.09  # below the floor
    class_maps[2, 10:15, 20:22] = 0.8
    class_maps[2, 2:6, 3:8] = 0.5  # two classes in one place
    assert find_class_regions(class_maps) == [
        Region((20, 10, 22, 15), pytest.approx(0.8), 2),
        Region((3, 2, 8, 6), pytest.approx(0.5), 2),
        Region((3, 2, 8, 6), pytest.approx(0.3), 0),
    ]
    assert find_class_regions(class_maps, floor=0.4, smallest=0.02) == [
        Region((3, 2, 8, 6), pytest.approx(0.5), 2)
    ]
