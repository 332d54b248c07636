"""Localization of each class, compared with naive loops and with cases by hand."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine.evaluator import Evaluator

from mmsxm.evaluation import (
    ClassLocalization,
    clip_to_view,
    interpolated_average_precision,
    match_regions,
    pairwise_iou,
    region_boxes,
)
from mmsxm.evaluation import class_localization as module
from mmsxm.evaluation.array_metric import in_columns, interleave
from mmsxm.registry import METRICS, TRANSFORMS

CLASSES = ('Gun', 'Knife', 'Wrench')
IMAGE_SIZE = (40, 80)
MAP_SIZE = (4, 8)  # one cell covers 10 x 10 pixels of the image
Cells = dict[tuple[int, int], float]


def boxes_of(*values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float32).reshape(-1, 4)


def sample(
    maps: dict[int, Cells],
    boxes: list[tuple[int, list[float]]],
    scores: tuple[float, ...] | None = (1.0, 1.0, 1.0),
    gt_score: list[int] | None = None,
) -> dict:
    """Return an image with maps given by their cells, and boxes with their classes."""
    class_maps = torch.zeros(len(CLASSES), *MAP_SIZE)
    for label, cells in maps.items():
        for cell, value in cells.items():
            class_maps[label][cell] = value
    labels = [label for label, _ in boxes]
    if gt_score is None:
        gt_score = [int(label in labels) for label in range(len(CLASSES))]
    result = {
        'img_path': 'bag.jpg',
        'img_shape': IMAGE_SIZE,
        'class_maps': class_maps,
        'gt_bboxes': boxes_of(*(box for _, box in boxes)),
        'gt_bboxes_labels': np.array(labels, dtype=np.int64),
        'gt_score': torch.tensor(gt_score),
    }
    if scores is not None:
        result['pred_score'] = torch.tensor(scores)
    return result


def metric(**kwargs: Any) -> ClassLocalization:
    result = ClassLocalization(**kwargs)
    result.dataset_meta = {'classes': CLASSES}
    return result


def evaluate(images: list[dict], **kwargs: Any) -> dict[str, float | None]:
    evaluated = metric(**kwargs)
    evaluated.process(None, images)
    return {
        key.removeprefix('xray/'): value for key, value in evaluated.evaluate(len(images)).items()
    }


# ---------------------------------------------------------------------------------- functions


def test_boxes_are_cut_at_the_edge_and_dropped_outside() -> None:
    boxes = boxes_of([-5, 30, 10, 50], [80, 0, 90, 10], [1, 2, 3, 4])
    np.testing.assert_array_equal(clip_to_view(boxes, IMAGE_SIZE), [[0, 30, 10, 40], [1, 2, 3, 4]])
    assert clip_to_view(boxes_of(), IMAGE_SIZE).shape == (0, 4)


def test_iou_counts_pixels() -> None:
    rng = np.random.default_rng(0)
    low = rng.integers(0, 10, size=(12, 2))
    boxes = np.hstack((low, low + rng.integers(1, 10, size=(12, 2))))
    masks = np.zeros((12, 20, 20), dtype=bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    expected = [[(a & b).sum() / (a | b).sum() for b in masks[5:]] for a in masks[:5]]
    np.testing.assert_allclose(pairwise_iou(boxes[:5], boxes[5:]), expected)
    assert pairwise_iou(boxes_of(), boxes).shape == (0, 12)


def test_regions_are_boxes_in_pixels() -> None:
    class_map = np.zeros(MAP_SIZE, dtype=np.float32)
    class_map[0, 0:2] = 0.02
    class_map[2:4, 5] = 0.03
    class_map[0, 7] = 0.014  # below half of the maximum
    boxes, peaks = region_boxes(class_map, IMAGE_SIZE)
    assert boxes.tolist() == [[50, 20, 60, 40], [0, 0, 20, 10]]
    assert peaks.tolist() == pytest.approx([0.03, 0.02])
    stretched, _ = region_boxes(class_map, (20, 160))
    assert stretched.tolist() == [[100, 10, 120, 20], [0, 0, 40, 5]]


def test_an_empty_map_has_no_regions() -> None:
    boxes, peaks = region_boxes(np.zeros(MAP_SIZE, dtype=np.float32), IMAGE_SIZE)
    assert boxes.shape == (0, 4)
    assert peaks.shape == (0,)


def test_each_box_is_detected_once() -> None:
    box = [0, 0, 10, 10]
    assert match_regions(boxes_of(box, box), boxes_of(box)).tolist() == [True, False]
    assert match_regions(boxes_of(box, box), boxes_of(box, box)).tolist() == [True, False]
    assert match_regions(boxes_of(box), boxes_of()).tolist() == [False]
    assert match_regions(boxes_of(), boxes_of(box)).tolist() == []


def test_a_region_claims_the_box_of_the_highest_iou_only() -> None:
    boxes = boxes_of([0, 0, 10, 10], [5, 0, 15, 10])
    regions = boxes_of([0, 0, 10, 10], [1, 0, 11, 10])  # IoU 9/11 and 6/14 for the second
    assert match_regions(regions, boxes).tolist() == [True, False]


def test_one_region_over_two_items_detects_one() -> None:
    boxes = boxes_of([0, 0, 10, 10], [10, 0, 20, 10])
    assert match_regions(boxes_of([0, 0, 20, 10]), boxes).tolist() == [True]
    assert match_regions(boxes_of([0, 0, 20, 10]), boxes, iou=0.6).tolist() == [False]


def test_average_precision_by_hand() -> None:
    # precision 1/1, 1/2, 2/3 at recall 1/4, 1/4, 2/4; interpolated: 1 and 2/3
    assert interpolated_average_precision([9, 8, 7], [1, 0, 1], 4) == pytest.approx((1 + 2 / 3) / 4)
    # precision rises from 1/2 to 2/3: both recalls are worth 2/3
    assert interpolated_average_precision([9, 8, 7], [0, 1, 1], 2) == pytest.approx(2 / 3)
    assert interpolated_average_precision([3, 2], [1, 1], 2) == 1
    assert interpolated_average_precision([], [], 3) == 0
    assert interpolated_average_precision([1], [0], 3) == 0
    assert math.isnan(interpolated_average_precision([1], [0], 0))


def naive_average_precision(scores: list[float], hits: list[bool], num_boxes: int) -> float:
    """Average over boxes the best precision of any threshold that detects as many."""
    total = 0.0
    for wanted in range(1, num_boxes + 1):
        best = 0.0
        for threshold in scores:
            above = [hit for score, hit in zip(scores, hits, strict=True) if score >= threshold]
            if sum(above) >= wanted:
                best = max(best, sum(above) / len(above))
        total += best / num_boxes
    return total


@pytest.mark.parametrize('seed', range(20))
@pytest.mark.parametrize('values', [4, 1000])  # with and without ties
def test_average_precision_tries_all_thresholds(seed: int, values: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(values, size=30) / values
    hits = rng.random(30) < 0.4
    num_boxes = int(hits.sum()) + 3
    expected = naive_average_precision(scores.tolist(), hits.tolist(), num_boxes)
    assert interpolated_average_precision(scores, hits, num_boxes) == pytest.approx(expected)
    order = rng.permutation(30)
    assert interpolated_average_precision(scores[order], hits[order], num_boxes) == (
        interpolated_average_precision(scores, hits, num_boxes)
    )


# ------------------------------------------------------------------------------------- metric

LEFT, RIGHT = [0.0, 0.0, 20.0, 20.0], [60.0, 20.0, 80.0, 40.0]
ON_LEFT = {(0, 0): 1.0, (0, 1): 1.0, (1, 0): 1.0, (1, 1): 1.0}
ON_RIGHT = {(2, 6): 1.0, (2, 7): 1.0, (3, 6): 1.0, (3, 7): 1.0}


def test_each_map_is_compared_with_the_boxes_of_its_class() -> None:
    boxes = [(0, LEFT), (1, RIGHT)]
    right = evaluate([sample({0: ON_LEFT, 1: ON_RIGHT}, boxes)])
    swapped = evaluate([sample({0: ON_RIGHT, 1: ON_LEFT}, boxes)])
    for name in ('class_pointing', 'class_energy', 'region_AP30'):
        mean = name.replace('_AP', '_mAP')
        for suffix in (f'{name}/Gun', f'{name}/Knife', mean):
            assert right[suffix] == 100
            assert swapped[suffix] == 0
        assert right[f'{name}/Wrench'] is None
    assert right['class_pointing_chance/Gun'] == 100 * 4 / 32


def test_scores_rank_images_and_maps_rank_regions() -> None:
    two = {**ON_LEFT, **dict.fromkeys(ON_RIGHT, 0.6)}
    images = [
        sample({0: two}, [(0, LEFT)], (0.9, 0, 0)),  # confidence 0.9, a hit, and 0.54, a miss
        sample({0: ON_RIGHT}, [(0, RIGHT)], (0.5, 0, 0)),  # 0.5, a hit
        sample({0: ON_LEFT}, [], (0.7, 0, 0)),  # 0.7, a miss: the image has no gun
    ]
    # in order: hit, miss, miss, hit of 2 boxes
    assert evaluate(images)['region_AP30/Gun'] == pytest.approx(100 * (1 + 2 / 4) / 2)
    for image in images:  # as in Stage I: 1 (hit), 1 (hit), 1 (miss), 0.6 (miss)
        del image['pred_score']
    assert evaluate(images)['region_AP30/Gun'] == pytest.approx(100 * 2 / 3)


def test_images_that_may_have_items_without_boxes_are_left_out() -> None:
    boxed = sample({0: ON_LEFT}, [(0, LEFT)], (0.5, 0, 0))
    for gt_score, expected in (([1, 0, 0], 100), ([-1, 0, 0], 100), ([0, 0, 0], 50)):
        other = sample({0: ON_LEFT}, [], (0.9, 0, 0), gt_score)
        found = evaluate([boxed, other])
        assert found['region_AP30/Gun'] == pytest.approx(expected)
        assert found['class_pointing/Gun'] == 100


def test_an_ignored_label_is_left_out_even_with_a_box() -> None:
    boxed = sample({0: ON_LEFT}, [(0, LEFT)], (0.5, 0, 0))
    # its region would be a miss of the highest confidence, and its box would never be found
    ignored = sample({0: ON_RIGHT}, [(0, LEFT)], (0.9, 0, 0), [-1, 0, 0])
    found = evaluate([boxed, ignored])
    assert found['region_AP30/Gun'] == 100
    assert found['class_pointing/Gun'] == 50  # where it is is known
    assert evaluate([ignored])['region_AP30/Gun'] is None


def test_a_box_of_a_class_with_label_0_does_not_count() -> None:
    boxed = sample({0: ON_LEFT}, [(0, LEFT)], (0.5, 0, 0))
    denied = sample({0: ON_LEFT}, [(0, LEFT)], (0.9, 0, 0), [0, 1, 0])
    found = evaluate([boxed, denied])
    assert found['region_AP30/Gun'] == 50  # the region in the other is a false positive
    assert all(value is None for value in evaluate([denied]).values())


def test_boxes_out_of_view_do_not_count() -> None:
    cut_off = sample({0: ON_LEFT}, [(0, [80, 0, 99, 20])], (0.9, 0, 0))
    assert all(value is None for value in evaluate([cut_off]).values())
    boxed = sample({0: ON_LEFT}, [(0, LEFT)], (0.5, 0, 0))
    found = evaluate([boxed, cut_off])
    assert found['class_pointing/Gun'] == 100
    assert found['region_AP30/Gun'] == 50  # there is no gun in view of the other
    # half of this box is out of view, and the region covers the visible half
    half = sample({0: ON_LEFT}, [(0, [-60, 0, 20, 20])])
    assert evaluate([half])['region_AP30/Gun'] == 100


def test_an_empty_map_scores_chance_and_detects_nothing() -> None:
    found = evaluate([sample({}, [(1, LEFT)])])
    assert found['class_pointing/Knife'] == found['class_pointing_chance/Knife'] == 12.5
    assert found['class_energy/Knife'] == 12.5
    assert found['region_AP30/Knife'] == 0


def test_the_iou_names_the_average_precision() -> None:
    wide = sample({0: {**ON_LEFT, (0, 2): 1.0, (1, 2): 1.0}}, [(0, LEFT)])  # IoU 2/3
    assert evaluate([wide], iou=0.6)['region_AP60/Gun'] == 100
    assert evaluate([wide], iou=0.7)['region_mAP70'] == 0


def test_the_strongest_regions_are_kept() -> None:
    two = {**ON_LEFT, **dict.fromkeys(ON_RIGHT, 0.6)}
    image = sample({0: two}, [(0, RIGHT)])
    assert evaluate([image], max_regions=2)['region_AP30/Gun'] == 50
    assert evaluate([image], max_regions=1)['region_AP30/Gun'] == 0


def test_images_without_boxes_are_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    messages: list[str] = []
    monkeypatch.setattr(module, 'print_log', lambda message, **_: messages.append(message))
    evaluated = metric()
    for _ in range(2):
        evaluated.process(None, [sample({0: ON_LEFT}, [])])
        assert set(evaluated.evaluate(1).values()) == {None}
    assert messages == [
        'There are no boxes of Gun, Knife, Wrench in view. Their localization is undefined and '
        'left out of the means.'
    ]


def random_images(count: int) -> list[dict]:
    """Return images with smooth maps and up to four boxes, some of them out of view."""
    rng = np.random.default_rng(5)
    images = []
    for _ in range(count):
        noise = torch.from_numpy(rng.random((1, len(CLASSES), 12, 16))).float()
        maps = torch.nn.functional.avg_pool2d(noise, 5, stride=1, padding=2)[0] ** 4
        low = rng.integers(-20, 80, size=(4, 2))
        labels = rng.integers(2, size=rng.integers(5))  # no wrench
        boxes = np.hstack((low, low + rng.integers(10, 50, size=(4, 2))))[: len(labels)]
        for box, label in zip(boxes, labels, strict=True):  # so that some are detected
            if rng.random() < 0.5:
                x1, y1, x2, y2 = np.clip((box + 2) // 5, 0, 16)
                maps[label, y1 : min(y2, 12), x1:x2] += 0.5 * rng.random()
        targets = np.isin(np.arange(len(CLASSES)), labels).astype(int)
        targets[rng.random(len(CLASSES)) < 0.15] = -1
        images.append(
            {
                'img_shape': (60, 80),
                'class_maps': maps,
                'pred_score': torch.from_numpy(rng.random(len(CLASSES))).float(),
                'gt_bboxes': boxes.astype(np.float32),
                'gt_bboxes_labels': labels,
                'gt_score': torch.from_numpy(targets),
            }
        )
    return images


def naive_regions(class_map: np.ndarray) -> list[tuple[float, set[tuple[int, int]]]]:
    """Return the peak and the bounding box, as its pixels (y, x), of each component."""
    height, width = class_map.shape
    above = {
        (y, x)
        for y in range(height)
        for x in range(width)
        if class_map[y, x] >= class_map.max() / 2
    }
    regions = []
    while above:
        component, queue = set(), [above.pop()]
        while queue:
            y, x = queue.pop()
            component.add((y, x))
            for near in [(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]:
                if near in above:
                    above.remove(near)
                    queue.append(near)
        ys, xs = zip(*component, strict=True)
        box = pixels(5 * min(xs), 5 * min(ys), 5 * max(xs) + 5, 5 * max(ys) + 5)
        regions.append((max(float(class_map[cell]) for cell in component), box))
    return regions


def pixels(x1: int, y1: int, x2: int, y2: int) -> set[tuple[int, int]]:
    """Return the pixels of a box that lie in the image of 60 x 80."""
    return {(y, x) for y in range(max(y1, 0), min(y2, 60)) for x in range(max(x1, 0), min(x2, 80))}


def naive_measures(images: list[dict], label: int) -> tuple[list[float], list[float], float]:
    """Return pointing and energy of each image with boxes of a class, and the AP."""
    pointing, energy, detections = [], [], []
    claimed: dict[int, list[int]] = {}
    boxes: dict[int, list[set[tuple[int, int]]]] = {}
    for number, image in enumerate(images):
        corners = image['gt_bboxes'].astype(int).tolist()
        labeled = zip(corners, image['gt_bboxes_labels'], strict=True)
        own = [pixels(*box) for box, box_label in labeled if box_label == label]
        boxes[number], claimed[number] = [box for box in own if box], []
        class_map = image['class_maps'][label].numpy()
        if boxes[number]:
            covered = set.union(*boxes[number])
            # the center of a cell of 5 x 5 pixels lies in its third pixel
            inside = np.array(
                [[(5 * y + 2, 5 * x + 2) in covered for x in range(16)] for y in range(12)]
            )
            best = max((value, cell) for cell, value in np.ndenumerate(class_map))[1]
            pointing.append(float(inside[best]))
            cells = np.ndenumerate(class_map.astype(np.float64))
            total = sum(value for cell, value in cells if inside[cell])
            energy.append(total / class_map.astype(np.float64).sum())
        target = image['gt_score'][label]
        if target == -1:
            boxes[number] = []
        elif own or target == 0:
            score = float(image['pred_score'][label])
            detections += [(score * peak, number, box) for peak, box in naive_regions(class_map)]
    hits = []
    detections.sort(key=lambda detection: -detection[0])
    for _, number, region in detections:  # all images at once, as the devkit of PASCAL VOC
        best_iou, best_box = 0.0, -1
        for i, box in enumerate(boxes[number]):
            if len(region & box) / len(region | box) > best_iou:
                best_iou, best_box = len(region & box) / len(region | box), i
        hits.append(best_iou >= 0.3 and best_box not in claimed[number])
        if hits[-1]:
            claimed[number].append(best_box)
    scores = [score for score, _, _ in detections]
    return pointing, energy, naive_average_precision(scores, hits, sum(map(len, boxes.values())))


def test_metric_equals_naive_loops() -> None:
    images = random_images(40)
    found = evaluate(images, max_regions=100)
    precisions = []
    for label, name in enumerate(CLASSES[:2]):
        pointing, energy, precision = naive_measures(images, label)
        assert 10 < len(pointing) < 40
        assert 0.02 < precision < 0.98
        precisions.append(precision)
        assert found[f'class_pointing/{name}'] == pytest.approx(100 * np.mean(pointing))
        assert found[f'class_energy/{name}'] == pytest.approx(100 * np.mean(energy))
        assert found[f'region_AP30/{name}'] == pytest.approx(100 * precision)
    assert found['region_mAP30'] == pytest.approx(100 * np.mean(precisions))
    assert found['region_AP30/Wrench'] is None


@pytest.mark.parametrize('ranks', [2, 3])
def test_ranks_agree_with_one_process(ranks: int) -> None:
    images = random_images(10)
    parts = []
    for rank in range(ranks):
        part = metric()
        for start in range(rank, len(images) + 2, ranks):  # with repeats at the end
            part.process(None, [images[start % len(images)]])
        parts.append(in_columns(part.results))
    found = metric().compute_metrics(interleave(parts, len(images)))
    assert found == evaluate(images)


def test_labels_may_come_as_indices() -> None:
    images = random_images(5)
    for image in images:
        image['gt_score'] = image['gt_score'].clamp(min=0)
    expected = evaluate(images)
    for image in images:
        image['gt_label'] = torch.nonzero(image.pop('gt_score')).flatten()
    assert evaluate(images) == expected


@pytest.mark.usefixtures('scope')
def test_pipelines_pack_what_the_metric_needs() -> None:
    pipeline = Compose(
        [
            TRANSFORMS.build(step)
            for step in (
                dict(type='LoadAnnotations', with_bbox=True, with_label=True),
                dict(type='Resize', scale=(80, 80), clip_object_border=False),
                dict(type='mmsxm.CenterCrop', crop_size=40),  # from 20 to 60 pixels
                dict(type='RandomFlip', prob=1.0, direction='horizontal'),
                dict(type='PackInputs', algorithm_keys=('gt_bboxes', 'gt_bboxes_labels')),
            )
        ]
    )
    packed = pipeline(
        {
            'img': np.zeros((160, 160, 3), dtype=np.uint8),
            'img_shape': (160, 160),
            'gt_label': [0, 1],
            'instances': [
                {'bbox': [0, 0, 30, 30], 'bbox_label': 1},  # cropped away
                {'bbox': [40, 40, 80, 80], 'bbox_label': 0},  # from 20 to 0 after the flip
            ],
        }
    )
    image = packed['data_samples']
    image.class_maps = torch.zeros(3, 4, 4)
    image.class_maps[0, 0:2, 2:4] = 0.5
    evaluator = Evaluator(METRICS.build(dict(type='mmsxm.ClassLocalization')))
    evaluator.dataset_meta = {'classes': CLASSES}
    evaluator.process([image])
    found = evaluator.evaluate(1)
    assert found['xray/class_energy/Gun'] == found['xray/region_mAP30'] == 100
    assert found['xray/region_AP30/Knife'] is None


@pytest.mark.parametrize(
    ('key', 'message'),
    [
        ('class_maps', "needs 'class_maps'"),
        ('gt_bboxes', r'needs gt_bboxes\. Load'),
        ('gt_bboxes_labels', r'needs gt_bboxes_labels\. Load .*with_label=True.*algorithm_keys'),
        ('gt_score', "needs 'gt_score' or 'gt_label'"),
    ],
)
def test_missing_keys_are_named(key: str, message: str) -> None:
    image = sample({}, [(0, LEFT)])
    del image[key]
    with pytest.raises(KeyError, match=message):
        metric().process(None, [image])


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'class_maps': torch.full((3, 4, 8), torch.nan)}, 'class maps of bag.jpg contain nan'),
        ({'pred_score': torch.full((3,), torch.nan)}, 'scores of bag.jpg contain nan'),
        ({'pred_score': torch.ones(2)}, '3 class maps, but 2 scores'),
        ({'gt_score': torch.ones(2)}, 'gt_score has 2 values'),
        ({'gt_bboxes_labels': np.array([0, 1])}, '1 gt_bboxes, but 2 gt_bboxes_labels'),
        ({'gt_bboxes_labels': np.array([3])}, r'gt_bboxes_labels of bag.jpg contains \[3\]'),
    ],
)
def test_invalid_values_are_named(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metric().process(None, [sample({}, [(0, LEFT)]) | changes])


def test_classes_must_match_the_dataset() -> None:
    evaluated = metric()
    evaluated.dataset_meta = {'classes': CLASSES[:2]}
    evaluated.process(None, [sample({}, [])])
    with pytest.raises(ValueError, match='3 class maps, but the dataset has 2 classes'):
        evaluated.evaluate(1)
    evaluated.dataset_meta = None
    evaluated.process(None, [sample({}, [])])
    with pytest.raises(KeyError, match='class names'):
        evaluated.evaluate(1)


@pytest.mark.parametrize('kwargs', [{'iou': 0}, {'iou': 30}, {'max_regions': 0}])
def test_invalid_settings_are_refused(kwargs: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(kwargs))):
        ClassLocalization(**kwargs)
