import numpy as np
import pytest

from mmsxm.simulation.bag import CROWDING, simulate_bag
from mmsxm.simulation.items import CLASSES

SIZE = (96, 128)


@pytest.mark.parametrize('crowding', CROWDING)
def test_same_number_same_bytes(crowding: str) -> None:
    first = simulate_bag(3, 7, SIZE, crowding)
    simulate_bag(3, 8, SIZE, crowding)
    again = simulate_bag(3, 7, SIZE, crowding)
    assert first.image.tobytes() == again.image.tobytes()
    assert first.labels == again.labels
    np.testing.assert_array_equal(first.boxes, again.boxes)


def test_seed_and_index_both_count() -> None:
    images = {
        simulate_bag(seed, index, SIZE).image.tobytes() for seed in range(3) for index in range(3)
    }
    assert len(images) == 9


@pytest.mark.parametrize('crowding', CROWDING)
def test_bag_without_items_differs_only_under_them(crowding: str) -> None:
    for index in range(6):
        full = simulate_bag(0, index, SIZE, crowding)
        empty = simulate_bag(0, index, SIZE, crowding, with_items=False)
        assert empty.labels == ()
        assert empty.boxes.shape == (0, 4)
        differs = (full.image != empty.image).any(-1)
        assert differs.any()
        for x0, y0, x1, y1 in full.boxes.astype(int):
            differs[y0:y1, x0:x1] = False
        assert not differs.any()


@pytest.mark.parametrize('crowding', CROWDING)
def test_boxes_are_those_of_the_thickness_maps_and_within_the_image(crowding: str) -> None:
    for index in range(20):
        bag = simulate_bag(1, index, SIZE, crowding)
        assert len(bag.labels) == len(bag.boxes) == len(bag.patches) > 0
        for box, patch in zip(bag.boxes, bag.patches, strict=True):
            canvas = np.zeros(SIZE, bool)
            rows, columns = np.nonzero(patch.thickness)
            canvas[rows + patch.y, columns + patch.x] = True
            rows, columns = np.nonzero(canvas)
            assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert box.min() >= 0
            assert box[2] <= SIZE[1]
            assert box[3] <= SIZE[0]


def test_items_shine_through_what_lies_over_them() -> None:
    bag = simulate_bag(0, 0, SIZE)
    empty = simulate_bag(0, 0, SIZE, with_items=False)
    x0, y0, x1, y1 = bag.boxes[0].astype(int)
    assert bag.image[y0:y1, x0:x1].mean() < empty.image[y0:y1, x0:x1].mean()


def test_every_class_occurs_and_the_background_is_white() -> None:
    bags = [simulate_bag(0, index, SIZE) for index in range(40)]
    assert {label for bag in bags for label in bag.labels} == set(range(len(CLASSES)))
    # The outermost pixel row lies beyond every bag, but for a handle.
    assert np.median([np.median(bag.image[0]) for bag in bags]) > 240


def test_sparse_items_are_large() -> None:
    shares = [
        (x1 - x0) * (y1 - y0) / (SIZE[0] * SIZE[1])
        for index in range(40)
        for x0, y0, x1, y1 in simulate_bag(0, index, SIZE, 'sparse').boxes
    ]
    assert 0.06 < np.median(shares) < 0.2


def test_own_sizes_differ() -> None:
    assert len({simulate_bag(0, index).image.shape for index in range(3)}) == 3


def test_mistakes_are_named() -> None:
    with pytest.raises(
        ValueError, match="crowding 'full' is unknown: choose one of typical, sparse"
    ):
        simulate_bag(0, 0, SIZE, 'full')
    with pytest.raises(ValueError, match='16 x 128 is too small'):
        simulate_bag(0, 0, (16, 128))
