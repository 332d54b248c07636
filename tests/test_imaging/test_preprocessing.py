"""Image preprocessing for screening, read from a config."""

from typing import Any

import pytest
from mmcv.transforms import LoadImageFromFile
from mmengine.config import Config

from mmsxm.imaging.preprocessing import Preprocessing

LOAD = dict(type='LoadImageFromFile')
RESIZE = dict(type='Resize', scale=(80, 60), interpolation='area')


def preprocessing_of(*pipeline: dict) -> Preprocessing:
    return Preprocessing.from_config(
        Config(dict(test_dataloader=dict(dataset=dict(pipeline=list(pipeline)))))
    )


@pytest.mark.parametrize(('scale', 'size'), [((80, 60), (60, 80)), (64, (64, 64))])
def test_a_scale_is_width_and_height_or_one_side(
    scale: tuple[int, int] | int, size: tuple[int, int]
) -> None:
    assert preprocessing_of(LOAD, dict(type='Resize', scale=scale)).size == size


def test_a_config_without_a_fixed_size_is_rejected() -> None:
    with pytest.raises(ValueError, match='input size is unknown'):
        preprocessing_of(LOAD)


@pytest.mark.parametrize(
    ('transform', 'message'),
    [
        (dict(type='LoadImageFromFile', color_type='grayscale'), "color_type='grayscale'"),
        (dict(type='LoadImageFromFile', to_float32=True), 'to_float32=True'),
        (dict(type='mmcv.Pad', size=(96, 96)), 'contains Pad'),
        (dict(type='Resize', scale=(40, 40)), 'contains Resize twice'),
        (dict(type='mmsxm.CropBackground'), 'contains CropBackground after Resize'),
        (dict(type='mmpretrain.ColorTransform', magnitude=0.5), 'contains ColorTransform'),
    ],
)
def test_transforms_that_screening_would_skip_are_rejected(
    transform: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        preprocessing_of(LOAD, RESIZE, transform)


@pytest.mark.parametrize('setting', [dict(keep_ratio=True), dict(backend='pillow')])
def test_a_resize_that_screening_would_do_differently_is_rejected(setting: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match='contains Resize with'):
        preprocessing_of(LOAD, RESIZE | setting)


def test_harmless_transforms_are_accepted_in_any_scope() -> None:
    preprocessing = preprocessing_of(
        dict(type=LoadImageFromFile, color_type='color'),
        dict(type='mmcv.LoadAnnotations', with_bbox=True),
        dict(type='mmsxm.CropBackground', margin=4),
        RESIZE | dict(type='mmcv.Resize', clip_object_border=False),
        dict(type='mmsxm.CenterCrop', crop_size=56),
        dict(type='mmsxm.IntuitiveMetaLevel'),
        dict(type='PackInputs', algorithm_keys=('img_id',)),
    )
    assert preprocessing == Preprocessing((60, 80), 'area', background=240, margin=4)


@pytest.mark.parametrize('scale', [256.0, (256,), None])
def test_a_scale_that_is_not_a_size_is_rejected(scale: Any) -> None:
    with pytest.raises(ValueError, match='Resize with scale='):
        preprocessing_of(LOAD, dict(type='Resize', scale=scale))


@pytest.mark.parametrize(
    'config', [{}, dict(test_dataloader=dict(dataset=dict(type='ConcatDataset', datasets=[])))]
)
def test_a_config_without_a_single_test_pipeline_is_rejected(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match='has no test_dataloader with a pipeline'):
        Preprocessing.from_config(Config(config))
