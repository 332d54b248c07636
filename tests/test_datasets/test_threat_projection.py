"""Projection multiplies transmissions, and everything that is learnt follows the new item."""

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import Compose

from mmsxm.datasets.sample_rng import sample_rng
from mmsxm.datasets.threat_bank_file import Threat, ThreatBank
from mmsxm.datasets.transforms import (
    ClassHeatmap,
    ItemCrop,
    ThreatImageProjection,
    draw_ellipses,
    project,
)
from mmsxm.datasets.transforms.threat_projection import bag_mask, turn_patch, visible

CLASSES = ['Gun', 'Knife', 'Pliers']
BLUE = np.array([255, 0, 0], dtype=np.uint8)


def bag(white: int = 255) -> np.ndarray:
    """A bag of pale cloth with a pattern, and air around it."""
    image = np.full((120, 160, 3), white, dtype=np.uint8)
    pattern = np.random.default_rng(0).integers(120, 220, (80, 110, 3))
    image[20:100, 25:135] = pattern * (white / 255)
    return image


def rod(height: int = 10, width: int = 30) -> np.ndarray:
    """A patch: a rod with air around it."""
    patch = np.full((height, width, 3), 255, dtype=np.uint8)
    patch[3:-3, 3:-3] = [150, 90, 40]
    return patch


@pytest.fixture
def bank(tmp_path: Path) -> str:
    path = tmp_path / 'bank.npz'
    threats = [Threat(rod(), 0, 1.0, 'P1'), Threat(rod(16, 16), 2, 1.0, 'P2')]
    ThreatBank(threats, {'classes': CLASSES}).save(path)
    return str(path)


def sample(labels: list[int] | np.ndarray, *boxes: tuple[float, ...]) -> dict:
    gt_bboxes = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    return {'img': bag(), 'gt_label': labels, 'gt_bboxes': gt_bboxes, 'img_shape': (120, 160)}


# ---------------------------------------------------------------------------- the multiply


@pytest.mark.parametrize('white', [255, 228])
def test_transmissions_multiply(white: int) -> None:
    image, patch = bag(white), rod()
    once = project(image, patch, 40, 50)
    place = np.s_[50:60, 40:70]
    want = image[place] * (patch / 255)
    np.testing.assert_allclose(once[place], want, atol=0.51)  # half a grey level of rounding
    twice = project(once, patch, 40, 50)
    want = image[place] * (patch / 255) ** 2
    np.testing.assert_allclose(twice[place], want, atol=1.01)
    once[place] = image[place]
    np.testing.assert_array_equal(once, image)  # nothing else changed


def test_air_changes_nothing_and_an_item_is_never_brighter() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    air = np.full((50, 50, 3), 255, dtype=np.uint8)
    np.testing.assert_array_equal(project(image, air, 3, 4), image)
    patch = np.random.default_rng(1).integers(100, 256, (50, 50, 3), dtype=np.uint8)
    assert (project(image, patch, 3, 4) <= image).all()


def test_the_image_given_is_left_alone() -> None:
    image = bag()
    project(image, rod(), 40, 50)
    np.testing.assert_array_equal(image, bag())


def test_what_is_opaque_stays_opaque() -> None:
    image = bag()
    opaque = np.broadcast_to(BLUE, (10, 30, 3))
    over_cloth = project(image, opaque, 40, 50)
    np.testing.assert_array_equal(over_cloth[50:60, 40:70], opaque)
    under_rod = project(over_cloth, rod(), 40, 50)
    np.testing.assert_array_equal(under_rod[50:60, 40:70], opaque)
    # steel blue is a transmission
    steel = np.full((10, 30, 3), [200, 110, 0], dtype=np.uint8)
    want = image[50:60, 40:70] * (steel / 255)
    np.testing.assert_allclose(project(image, steel, 40, 50)[50:60, 40:70], want, atol=0.51)


@pytest.mark.parametrize(('left', 'top'), [(-1, 0), (0, -1), (131, 0), (0, 111)])
def test_a_patch_has_to_lie_in_the_image(left: int, top: int) -> None:
    with pytest.raises(ValueError, match='leaves the image of 120 x 160'):
        project(bag(), rod(), left, top)


# ---------------------------------------------------------------------------- patches and bags


@pytest.mark.parametrize('angle', [0.0, 90.0, 37.0])
@pytest.mark.parametrize('scale', [0.5, 1.0, 2.5])
def test_a_turned_patch_is_tight_and_keeps_its_size(angle: float, scale: float) -> None:
    patch = np.full((40, 80, 3), 255, dtype=np.uint8)
    patch[10:30, 10:70] = 60
    turned = turn_patch(patch, scale, angle, flip=True)
    seen = visible(turned)
    assert cv2.boundingRect(seen) == (0, 0, turned.shape[1], turned.shape[0])
    radians = np.deg2rad(angle)
    width, height = 60 * scale, 20 * scale
    want = (
        width * np.sin(radians) + height * np.cos(radians),
        width * np.cos(radians) + height * np.sin(radians),
    )
    assert turned.shape[:2] == pytest.approx(want, abs=2 + scale)  # soft edges
    dark = (1 - turned / 255).mean(axis=2).sum()
    assert dark == pytest.approx((1 - patch / 255).mean(axis=2).sum() * scale**2, rel=0.04)


def test_flipping_mirrors() -> None:
    patch = rod(20, 40)
    patch[3:8, 3:12] = 0
    np.testing.assert_array_equal(
        turn_patch(patch, 1, 0, flip=True), turn_patch(patch, 1, 0, flip=False)[:, ::-1]
    )


@pytest.mark.parametrize('white', [255, 228])
def test_the_bag_is_what_is_darker_than_air_and_what_that_encloses(white: int) -> None:
    image = bag(white)
    image[50:70, 60:90] = white  # a window of air within the bag
    image[2:4, 2:4] = 0  # a mark on the screen
    mask = bag_mask(image)
    truth = np.zeros((120, 160), dtype=bool)
    truth[20:100, 25:135] = True
    assert (mask != truth).mean() < 0.02  # it is found at a coarser scale


def test_air_alone_has_no_bag() -> None:
    assert not bag_mask(np.full((90, 120, 3), 228, dtype=np.uint8)).any()


# ---------------------------------------------------------------------------- the transform


@pytest.mark.parametrize('seed', range(12))
def test_the_box_is_that_of_what_changed(bank: str, seed: int) -> None:
    with sample_rng(seed, 0, 0):
        results = ThreatImageProjection(bank, prob=1)(sample([1], (30, 30, 50, 50)))
    changed = np.argwhere((results['img'] != bag()).any(axis=2))
    assert results['gt_bboxes'].dtype == np.float32
    assert results['gt_bboxes'][0].tolist() == [30, 30, 50, 50]
    (x1, y1, x2, y2) = results['gt_bboxes'][1].tolist()
    # 5% of a channel count as seen; a grey level or two of that may be lost to rounding
    np.testing.assert_allclose([y1, x1], changed.min(axis=0), atol=1)
    np.testing.assert_allclose([y2, x2], changed.max(axis=0) + 1, atol=1)
    inside = bag_mask(bag())[int(y1) : int(y2), int(x1) : int(x2)]
    assert inside.mean() > 0.8  # the item itself lies in the bag to 90%


def test_labels_are_joined(bank: str) -> None:
    project_pliers = ThreatImageProjection(bank, prob=1, class_weights=[0, 0, 1])
    with sample_rng(0, 0, 0):
        assert project_pliers(sample([1], (30, 30, 50, 50)))['gt_label'] == [1, 2]
        assert project_pliers(sample([2], (30, 30, 50, 50)))['gt_label'] == [2]
        assert project_pliers(sample([]))['gt_label'] == [2]
        array = project_pliers(sample(np.array([0], dtype=np.int64)))['gt_label']
        scored = project_pliers({**sample([0]), 'gt_score': np.array([1, 0, -1])})
    assert isinstance(array, np.ndarray)
    assert array.tolist() == [0, 2]
    assert scored['gt_score'].tolist() == [1, 0, 1]


def test_classes_of_boxes_follow_into_crops_and_class_maps(bank: str) -> None:
    keys = {
        'gt_bboxes_labels': np.array([1], dtype=np.int64),
        'gt_ignore_flags': np.array([True]),
    }
    project_pliers = ThreatImageProjection(bank, prob=1, class_weights=[0, 0, 1])
    with sample_rng(0, 0, 0):
        results = project_pliers({**sample([1], (30, 30, 50, 50)), **keys})
        assert results['gt_bboxes_labels'].tolist() == [1, 2]
        assert results['gt_bboxes_labels'].dtype == np.int64
        assert results['gt_ignore_flags'].tolist() == [True, False]
        assert results['gt_ignore_flags'].dtype == bool
        maps = ClassHeatmap(num_classes=3, stride=2)(dict(results))['gt_heatmap']
        assert maps.amax(dim=(1, 2)).tolist() == [0, 1, 1]
        cropped = ItemCrop(num_classes=3, prob=1)(results)
    assert cropped['gt_score'][0] == 0
    assert len(cropped['gt_bboxes']) == len(cropped['gt_bboxes_labels'])
    assert keys['gt_bboxes_labels'].tolist() == [1]


def test_it_is_refused_after_class_maps(bank: str) -> None:
    transform = ThreatImageProjection(bank, prob=1)
    with pytest.raises(ValueError, match='after EllipseHeatmap or ClassHeatmap'):
        transform({**sample([]), 'gt_heatmap': torch.zeros(3, 8, 8)})


def test_given_lists_are_left_alone(bank: str) -> None:
    labels = [1]
    with sample_rng(0, 0, 0):
        ThreatImageProjection(bank, prob=1)(sample(labels, (30, 30, 50, 50)))
    assert labels == [1]


def test_unknown_places_stay_unknown(bank: str, scope: None) -> None:
    pipeline = Compose([ThreatImageProjection(bank, prob=1), *targets()])
    with sample_rng(0, 0, 0):
        results = pipeline(sample([1]))
    assert (results['img'] != bag()).any()
    assert set(results['gt_label']) > {1}
    assert results['gt_bboxes'].shape == (0, 4)
    assert (results['gt_heatmap'] == -1).all()
    assert results['gt_meta_level'] == -1


def targets() -> list[dict]:
    return [dict(type='mmsxm.IntuitiveMetaLevel'), dict(type='mmsxm.EllipseHeatmap', stride=4)]


def test_a_negative_becomes_a_positive_with_a_known_place(bank: str, scope: None) -> None:
    pipeline = Compose([ThreatImageProjection(bank, prob=1), *targets()])
    with sample_rng(0, 0, 0):
        results = pipeline(sample([]))
    assert len(results['gt_label']) == len(results['gt_bboxes']) == 1
    assert results['gt_heatmap'].max() > 0.5
    # a rod of 30 x 10 turned in 160 x 120 covers at most 800 of 19,200 pixels
    assert results['gt_meta_level'] in (0, 1)


def test_heatmap_and_level_follow_through_the_whole_pipeline(
    bank: str, scope: None, tmp_path: Path
) -> None:
    path = str(tmp_path / 'bag.png')
    cv2.imwrite(path, bag())
    # an item of more than 20% of the image, and a new one of less than 2%
    info = {
        'img_path': path,
        'gt_label': [1],
        'instances': [{'bbox': [10.0, 10.0, 110.0, 90.0], 'bbox_label': 1}],
        'sample_idx': 7,
    }
    load = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations', with_bbox=True, with_label=False),
    ]
    tip = dict(type='mmsxm.ThreatImageProjection', bank=bank, prob=1, class_weights=[0, 0, 1])
    level, heatmap = targets()
    rest = [
        level,
        dict(type='Resize', scale=(256, 256), clip_object_border=False),
        dict(type='mmsxm.RandomCrop', crop_size=224),
        dict(type='RandomFlip', prob=1.0, direction='horizontal'),
        heatmap,
        dict(type='PackInputs', algorithm_keys=('gt_bboxes', 'gt_heatmap', 'gt_meta_level')),
    ]
    with sample_rng(0, 0, 0):
        with_item = Compose([*load, tip, *rest])(dict(info))['data_samples']
    with sample_rng(0, 0, 0):
        without = Compose([*load, *rest])(dict(info))['data_samples']
    assert without.gt_label.tolist() == [1]
    assert with_item.gt_label.tolist() == [1, 2]
    assert int(without.gt_meta_level) == 2
    assert int(with_item.gt_meta_level) == 0
    assert with_item.gt_bboxes.shape == (2, 4)
    drawn = draw_ellipses(with_item.gt_bboxes, (224, 224), (56, 56))
    np.testing.assert_allclose(with_item.gt_heatmap[0], drawn, atol=1e-6)


def test_a_sample_draws_the_same_item_again(bank: str) -> None:
    transform = ThreatImageProjection(bank, prob=0.5, max_items=3)

    def run(index: int) -> dict:
        with sample_rng(3, 1, index):
            return transform(sample([1], (30, 30, 50, 50)))

    first, again = [run(i) for i in range(20)], [run(i) for i in reversed(range(20))][::-1]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one['img'], other['img'])
        np.testing.assert_array_equal(one['gt_bboxes'], other['gt_bboxes'])
    counts = {len(one['gt_bboxes']) for one in first}
    assert counts == {1, 2, 3, 4}
    assert len({one['img'].tobytes() for one in first if len(one['gt_bboxes']) > 1}) > 3


def test_classes_are_drawn_by_weight(bank: str) -> None:
    def classes(weights: list[float] | None) -> set[int]:
        transform = ThreatImageProjection(bank, prob=1, class_weights=weights)
        found: set[int] = set()
        for index in range(20):
            with sample_rng(0, 0, index):
                found.update(transform(sample([]))['gt_label'])
        return found

    assert classes(None) == {0, 2}  # there is no knife
    assert classes([1, 5, 0]) == {0}


@pytest.mark.parametrize('weights', [[1, 1], [0, 1, 0], [-1, 1, 1]])
def test_weights_that_do_not_fit_are_refused(bank: str, weights: list[float]) -> None:
    with pytest.raises(
        ValueError, match=r'has 1, 0, \d+ items of Gun, Knife, Pliers\. Give a number'
    ):
        ThreatImageProjection(bank, prob=1, class_weights=weights)(sample([]))


def test_where_nothing_fits_the_image_stays_as_it_is(bank: str, tmp_path: Path) -> None:
    huge = tmp_path / 'huge.npz'
    ThreatBank([Threat(rod(), 0, 100.0, 'P1')], {'classes': CLASSES}).save(huge)
    empty = np.full((90, 120, 3), 255, dtype=np.uint8)
    for path, image in ((str(huge), bag()), (bank, empty)):
        with sample_rng(0, 0, 0):
            results = ThreatImageProjection(path, prob=1)({**sample([1]), 'img': image.copy()})
        np.testing.assert_array_equal(results['img'], image)
        assert results['gt_label'] == [1]


def test_the_bank_is_read_when_it_is_needed(bank: str) -> None:
    missing = ThreatImageProjection('nowhere.npz', prob=0)
    missing(sample([1]))
    with pytest.raises(FileNotFoundError, match='nowhere'):
        ThreatImageProjection('nowhere.npz', prob=1)(sample([1]))
    with pytest.raises(ValueError, match='but the dataset has Gun, Knife'):
        ThreatImageProjection(bank).check_classes(['Gun', 'Knife'])


def test_workers_are_sent_no_bank(bank: str) -> None:
    transform = ThreatImageProjection(bank, prob=1)
    assert len(transform.bank) == 2
    sent = pickle.dumps(transform)
    assert len(sent) < 1000
    outcome = []
    for one in (transform, pickle.loads(sent)):
        with sample_rng(0, 0, 0):
            outcome.append(one(sample([]))['img'])
    np.testing.assert_array_equal(*outcome)


@pytest.mark.parametrize(
    'setting', [{'prob': 1.5}, {'max_items': 0}, {'scale': (0, 1)}, {'scale': (2, 1)}]
)
def test_settings_out_of_range_are_refused(setting: dict) -> None:
    with pytest.raises(ValueError, match='needs prob in'):
        ThreatImageProjection('bank.npz', **setting)


def test_a_level_of_the_image_without_the_item_is_dropped(bank: str) -> None:
    transform = ThreatImageProjection(bank, prob=1.0)
    results = sample([1], (30, 30, 60, 60)) | {'gt_meta_level': torch.tensor(2)}
    with sample_rng(0, 0, 0):
        results = transform(results)
    assert len(results['gt_bboxes']) == 2
    assert results['gt_meta_level'].item() == -1


def test_a_heatmap_that_is_drawn_already_is_an_error(bank: str) -> None:
    results = sample([1], (30, 30, 60, 60)) | {'gt_heatmap': torch.zeros(1, 8, 8)}
    with pytest.raises(ValueError, match='Put it right after loading'):
        ThreatImageProjection(bank, prob=1.0)(results)
