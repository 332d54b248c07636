from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mmsxm.simulation.bag import simulate_bag, visible_share
from mmsxm.simulation.clutter import CLUTTER
from mmsxm.simulation.scanner_profiles import SCANNERS
from mmsxm.simulation.shapes import Part, Patch, Pose, box, draw
from mmsxm.simulation.sites import CROWDING, SITES

SIZE = (96, 128)


@pytest.mark.parametrize('site', SITES)
@pytest.mark.parametrize('crowding', CROWDING)
def test_the_same_seed_and_index_give_the_same_bytes(crowding: str, site: str) -> None:
    first = simulate_bag(3, 7, SIZE, crowding, site=site)
    simulate_bag(3, 8, SIZE, crowding, site=site)
    again = simulate_bag(3, 7, SIZE, crowding, site=site)
    assert first.image.tobytes() == again.image.tobytes()
    assert (first.labels, first.visible) == (again.labels, again.visible)
    np.testing.assert_array_equal(first.boxes, again.boxes)


def test_seed_and_index_both_matter() -> None:
    images = {
        simulate_bag(seed, index, SIZE).image.tobytes() for seed in range(3) for index in range(3)
    }
    assert len(images) == 9


@pytest.mark.parametrize('crowding', CROWDING)
def test_bag_without_items_differs_only_at_their_positions(crowding: str) -> None:
    for index in range(6):
        full = simulate_bag(0, index, SIZE, crowding)
        empty = simulate_bag(0, index, SIZE, crowding, with_items=False)
        assert empty.labels == ()
        assert empty.boxes.shape == (0, 4)
        differs = (full.image != empty.image).any(-1)
        assert differs.any()
        for x0, y0, x1, y1 in full.boxes.astype(int):
            # Remove dust next to an item and the spread of the scanner's filters.
            differs[max(y0 - 4, 0) : y1 + 4, max(x0 - 4, 0) : x1 + 4] = False
        assert not differs.any()


@pytest.mark.parametrize('index', range(5))
def test_overlap_changes_neither_items_nor_clutter(index: int) -> None:
    aside, above = (
        simulate_bag(0, index, SIZE, replace(CROWDING['typical'], overlap=overlap))
        for overlap in (0, 1)
    )
    assert aside.labels == above.labels
    empty = simulate_bag(0, index, SIZE, with_items=False)
    untouched = np.ones(SIZE, bool)
    for x0, y0, x1, y1 in np.concatenate([aside.boxes, above.boxes]).astype(int):
        untouched[max(y0 - 4, 0) : y1 + 4, max(x0 - 4, 0) : x1 + 4] = False
    for bag in (aside, above):
        np.testing.assert_array_equal(bag.image[untouched], empty.image[untouched])


def test_clutter_is_independent_of_classes() -> None:
    # More clutter changes all its random draws, but no label.
    few, many = (
        replace(CROWDING['typical'], things=(0, 1)),
        replace(CROWDING['typical'], things=(40, 50)),
    )
    for index in range(8):
        assert simulate_bag(2, index, SIZE, few).labels == simulate_bag(2, index, SIZE, many).labels


@pytest.mark.parametrize('site', SITES)
@pytest.mark.parametrize('crowding', CROWDING)
def test_boxes_match_the_thickness_maps_and_lie_within_the_image(crowding: str, site: str) -> None:
    for index in range(15):
        bag = simulate_bag(1, index, SIZE, crowding, site=site)
        assert len(bag.labels) == len(bag.boxes) == len(bag.patches) == len(bag.visible) > 0
        for bounds, patch in zip(bag.boxes, bag.patches, strict=True):
            canvas = np.zeros(SIZE, np.float32)
            h, w = patch.thickness.shape
            canvas[patch.y : patch.y + h, patch.x : patch.x + w] = patch.thickness
            # Antialiasing leaves less than 0.1 mm next to an item.
            rows, columns = np.nonzero(canvas > min(0.01, canvas.max() / 10))
            assert bounds.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert bounds.min() >= 0
            assert bounds[2] <= SIZE[1]
            assert bounds[3] <= SIZE[0]


def test_items_shine_through_overlapping_objects() -> None:
    bag = simulate_bag(0, 0, SIZE)
    empty = simulate_bag(0, 0, SIZE, with_items=False)
    x0, y0, x1, y1 = bag.boxes[0].astype(int)
    assert bag.image[y0:y1, x0:x1].mean() < empty.image[y0:y1, x0:x1].mean()


@pytest.mark.parametrize('site', SITES)
def test_every_class_occurs_and_the_background_is_that_of_the_scanner(site: str) -> None:
    bags = [simulate_bag(0, index, SIZE, site=site) for index in range(40)]
    classes = SITES[site].classes
    assert {label for bag in bags for label in bag.labels} == set(range(len(classes)))
    assert {bag.classes for bag in bags} == {classes}
    # Most borders have empty pixels, whatever the image contains.
    at_border = [bag.image[:2].max((0, 1)) - _background(bag.scanner.background) for bag in bags]
    assert np.median(at_border, 0) == pytest.approx([0, 0, 0], abs=1)


def _background(color: str) -> np.ndarray:
    return np.array(list(bytes.fromhex(color)), int)


def test_sparse_items_are_large() -> None:
    shares = [
        (x1 - x0) * (y1 - y0) / (SIZE[0] * SIZE[1])
        for index in range(40)
        for x0, y0, x1, y1 in simulate_bag(0, index, SIZE, 'sparse').boxes
    ]
    assert 0.06 < np.median(shares) < 0.2


def test_things_and_overlap_control_clutter_and_visibility() -> None:
    def mean(**changes: Any) -> tuple[float, float]:
        bags = [
            simulate_bag(5, index, SIZE, replace(CROWDING['typical'], **changes), scanner='opixray')
            for index in range(40)
        ]
        visible = [share for bag in bags for share in bag.visible]
        return float(np.mean([bag.image.mean() for bag in bags])), float(np.mean(visible))

    few, many = (mean(things=things)[0] for things in ((0, 2), (40, 50)))
    assert many < few - 5
    # By default, items neither prefer nor avoid other objects.
    above, usual, aside = (
        mean(**changes)[1] for changes in ({'overlap': 1.0}, {}, {'overlap': 0.0})
    )
    assert above + 0.02 < usual < aside - 0.02


def test_scanners_are_chosen_by_weight() -> None:
    chosen = [simulate_bag(0, index, SIZE).scanner for index in range(60)]
    white, grey = SCANNERS['sixray']
    # half of 60, within three standard deviations of 60 tosses of a fair coin
    assert chosen.count(white) == pytest.approx(30, abs=12)
    assert chosen.count(white) + chosen.count(grey) == 60
    only = replace(white, weight=0.0), grey
    assert all(simulate_bag(0, i, SIZE, scanner=only).scanner == grey for i in range(10))


@pytest.mark.parametrize('name', [name for name in SCANNERS if name != 'sixray_white'])
def test_another_scanner_shows_the_same_bag(name: str) -> None:
    # With the same view and energies, only the look differs. The content is the same, even if all
    # images have the same size.
    white = SCANNERS['sixray_white'][0]
    others = [
        replace(machine, view_cm=white.view_cm, energies=white.energies)
        for machine in SCANNERS[name][-1:]
    ]
    bag, other = (simulate_bag(4, 2, SIZE, scanner=machines) for machines in ((white,), others))
    np.testing.assert_array_equal(bag.boxes, other.boxes)
    assert bag.visible == other.visible
    assert (bag.image != other.image).any()


def test_sites_favour_existing_kinds() -> None:
    for site in SITES.values():
        assert set(site.favours) <= set(CLUTTER)
        assert sum(site.item_counts) == pytest.approx(1)
        assert sum(site.groups) == pytest.approx(1)


def test_default_sizes_are_those_of_the_scanner() -> None:
    shapes = {simulate_bag(0, index).image.shape for index in range(3)}
    assert len(shapes) == 3
    assert simulate_bag(0, 0, site='opixray').image.shape == (954, 1225, 3)
    small = replace(SCANNERS['opixray'][0], heights=(40, 41), widths=(50, 50))
    shapes = {simulate_bag(0, index, scanner=(small,)).image.shape for index in range(12)}
    assert shapes == {(40, 50, 3), (41, 50, 3)}


def _scene(*patches: Patch) -> np.ndarray:
    attenuation = np.zeros((2, 60, 60), np.float32)
    for patch in patches:
        patch.add_to(attenuation)
    return attenuation


def _plate(material: str, thickness: float, *corners: float) -> Patch:
    return draw([Part(material, thickness, [box(*corners)])], Pose(), 10)


def test_visible_share_of_plates() -> None:
    item = _plate('steel', 0.2, 1, 1, 5, 5)
    assert visible_share(item, _scene(item)) == 1
    # Cloth and a thinner plate do not hide the item, because it attenuates more.
    over = _plate('cloth', 5, 0, 0, 6, 6), _plate('steel', 0.1, 1, 1, 3, 5)
    assert visible_share(item, _scene(item, over[0])) == pytest.approx(1, abs=1e-3)
    # Even with the cloth, a plate of half the thickness attenuates less than the item.
    assert visible_share(item, _scene(item, *over)) == pytest.approx(1, abs=0.02)
    # A thicker plate hides the quarter that it covers, regardless of the order.
    quarter = _plate('steel', 0.3, 0, 0, 2, 6)
    assert visible_share(item, _scene(item, quarter)) == pytest.approx(0.75, abs=0.01)
    assert visible_share(item, _scene(quarter, item)) == pytest.approx(0.75, abs=0.01)
    assert visible_share(item, _scene(item, _plate('steel', 1, 0, 0, 6, 6))) == 0
    # Two thin plates together hide an area that neither hides alone.
    half = _plate('steel', 0.12, 0, 0, 6, 3)
    assert visible_share(item, _scene(item, half)) == 1
    assert visible_share(item, _scene(item, half, half)) == pytest.approx(0.5, abs=0.01)


def test_visible_share_is_weighted_by_attenuation() -> None:
    # The hidden plastic handle is half of the item's area, but hardly any of its attenuation.
    parts = [Part('steel', 0.2, [box(1, 1, 3, 5)]), Part('plastic', 0.3, [box(3, 1, 5, 5)])]
    item = draw(parts, Pose(), 10)
    cover = _plate('glass', 1, 3, 0, 6, 6)
    assert 0.93 < visible_share(item, _scene(item, cover)) < 1


def test_invalid_arguments_are_reported() -> None:
    with pytest.raises(ValueError, match=r"Crowding 'full' is unknown\. Choose one of typical"):
        simulate_bag(0, 0, SIZE, 'full')
    with pytest.raises(ValueError, match=r"Site 'harbour' is unknown\. Choose one of sixray"):
        simulate_bag(0, 0, SIZE, site='harbour')
    with pytest.raises(ValueError, match=r"scanner 'ct' is unknown\. Choose one of sixray"):
        simulate_bag(0, 0, SIZE, scanner='ct')
    with pytest.raises(ValueError, match='16 x 128 is too small'):
        simulate_bag(0, 0, (16, 128))
    with pytest.raises(ValueError, match='seed=-3 and index=0 must both be 0 or more'):
        simulate_bag(-3, 0, SIZE)
    idle = replace(SCANNERS['opixray'][0], weight=0.0)
    with pytest.raises(ValueError, match='none of 2 scanners has a weight above 0'):
        simulate_bag(0, 0, SIZE, scanner=(idle, idle))
    with pytest.raises(ValueError, match=r'overlap is 1\.5'):
        replace(CROWDING['typical'], overlap=1.5)
    with pytest.raises(ValueError, match='things are 5 to 2'):
        replace(CROWDING['typical'], things=(5, 2))
