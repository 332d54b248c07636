"""One rule for the sizes of items in MF-I and in the metrics, one pair of input sizes."""

import math

import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmsxm.conventions import (
    CROPPED,
    LEVELS,
    RESIZED,
    SIZES,
    level_names,
    size_of,
    smallest_box_share,
)
from mmsxm.datasets.transforms import intuitive_level
from mmsxm.evaluation import AttentionBySize, OperatingPoints
from mmsxm.imaging.preprocessing import Preprocessing

SIDE = 100  # pixels: a box of n pixels covers n / 100 percent
# the paper: under 2% is P3, 2% to 20% is P4, above 20% is P5
PIXELS = {199: 'small', 200: 'medium', 2000: 'medium', 2001: 'large'}


def box(pixels: float) -> np.ndarray:
    return np.array([[0, 0, SIDE, pixels / SIDE]], dtype=np.float32)


@pytest.mark.parametrize(('pixels', 'size'), PIXELS.items())
def test_the_bounds_count_as_medium(pixels: int, size: str) -> None:
    assert SIZES[size_of(pixels / SIDE**2)] == size


def test_each_level_has_a_name() -> None:
    names = [level_names(count) for count in range(9)]
    assert names[:4] == [(), ('P5',), ('P4', 'P5'), ('P3', 'P4', 'P5')]
    assert names[4:6] == [('P2', 'P3', 'P4', 'P5'), ('L1', 'L2', 'L3', 'L4', 'L5')]
    assert [len(set(each)) for each in names] == list(range(9))


def test_no_box_has_no_size() -> None:
    assert math.isnan(smallest_box_share(np.empty((0, 4)), (SIDE, SIDE)))
    assert size_of([math.nan, 0.5]).tolist() == [-1, 2]


def test_the_smallest_box_counts() -> None:
    boxes = np.concatenate((box(3000), box(400)))
    assert smallest_box_share(boxes, (SIDE, SIDE)) == pytest.approx(0.04)


@pytest.mark.parametrize(('pixels', 'size'), PIXELS.items())
def test_metrics_and_meta_labels_agree_at_the_bounds(pixels: int, size: str) -> None:
    level = LEVELS[intuitive_level(box(pixels), (SIDE, SIDE))]
    assert level == dict(zip(SIZES, LEVELS, strict=True))[size]

    sample = {
        'img_path': 'a.jpg',
        'img_shape': (SIDE, SIDE),
        'gt_bboxes': box(pixels),
        'attention_map': torch.ones(1, 1),
        'pred_score': torch.tensor([0.5]),
        'gt_score': torch.tensor([1.0]),
    }
    for metric, key in ((AttentionBySize(), 'pointing'), (OperatingPoints(), 'mAP')):
        metric.dataset_meta = {'classes': ('Gun',)}
        metric.process(None, [sample])
        metrics = metric.evaluate(1)
        assert [name for name in SIZES if metrics[f'xray/{key}/{name}'] is not None] == [size]


def test_configs_use_the_sizes_in_conventions() -> None:
    for name in ('sixray', 'opixray'):
        cfg = Config.fromfile(f'configs/_base_/datasets/{name}.py')
        assert Preprocessing.from_config(cfg).size == (RESIZED, RESIZED)
        crops = [step for step in cfg.test_pipeline if step.type == 'mmsxm.CenterCrop']
        assert [step.crop_size for step in crops] == [CROPPED]
