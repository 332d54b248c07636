"""Levels that the labels of a training set select."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mmsxm.datasets import SIXray
from mmsxm.datasets.meta_label_file import MetaLabels, source_of, write_meta_labels
from mmsxm.datasets.transforms import intuitive_level
from mmsxm.reproduction.taught_levels import count_levels, taught_levels

LOAD = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', with_bbox=True)]


@pytest.fixture
def make(simulate: Callable[..., Path], scope: None) -> Callable[..., SIXray]:
    def make(**settings: object) -> SIXray:
        return SIXray(data_root=str(simulate(16, 8)), image_set='10', split='train', **settings)

    return make


def test_levels_of_boxes_are_computed_on_the_whole_image(make: Callable[..., SIXray]) -> None:
    crop = dict(type='mmsxm.RandomCrop', crop_size=8)
    dataset = make(pipeline=[*LOAD, dict(type='mmsxm.IntuitiveMetaLevel'), crop])
    levels = taught_levels(dataset)
    images = list(make(pipeline=LOAD))
    assert levels == [intuitive_level(info['gt_bboxes'], info['img_shape'][:2]) for info in images]
    assert sum(count_levels(levels).values()) == len(images) == 16


@pytest.mark.parametrize(
    'random_step',
    [
        dict(type='mmsxm.ItemCrop', num_classes=5),
        dict(type='mmsxm.ThreatImageProjection', bank='', prob=0),
    ],
)
def test_levels_that_change_in_each_epoch_are_not_counted(
    make: Callable[..., SIXray], random_step: dict
) -> None:
    level = dict(type='mmsxm.IntuitiveMetaLevel')
    assert taught_levels(make(pipeline=[*LOAD, random_step, level])) is None


def test_neural_labels_are_counted_and_a_set_without_labels_has_no_levels(
    make: Callable[..., SIXray], tmp_path: Path
) -> None:
    plain = make(pipeline=LOAD)
    assert taught_levels(plain) is None
    names = sorted(plain.image_ids())
    path = tmp_path / 'labels.json'
    levels = {name: index % 2 for index, name in enumerate(names)}
    losses = {name: [1.0, 1.0, 1.0] for name in names}
    write_meta_labels(path, MetaLabels('chr.py', '0', source_of(plain), losses, levels))
    counts = count_levels(taught_levels(make(pipeline=LOAD, meta_labels=str(path))) or [])
    assert counts == {'P3': 8, 'P4': 8, 'P5': 0, 'none': 0}
