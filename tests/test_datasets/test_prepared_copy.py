import pytest
from mmcv.transforms import LoadImageFromFile, RandomFlip, Resize

from mmsxm.datasets.prepared_copy import (
    NOTE,
    CopySettings,
    note_content,
    read_copy_note,
    remaining_transforms,
)
from mmsxm.datasets.transforms import (
    CropBackground,
    IntuitiveMetaLevel,
    RandomCrop,
    ThreatImageProjection,
)

PLAIN, CUT = CopySettings('sixray', 64), CopySettings('opixray', 64, background=240, margin=8)
LOAD, LEVEL, FLIP = LoadImageFromFile(), IntuitiveMetaLevel(), RandomFlip(0.5)


def resize(size=64, interpolation='area'):
    return Resize(scale=(size, size), interpolation=interpolation, clip_object_border=False)


def test_a_note_survives_a_round_trip(tmp_path):
    assert read_copy_note(tmp_path) is None
    (tmp_path / NOTE).write_bytes(note_content(CUT))
    assert read_copy_note(tmp_path) == CUT


@pytest.mark.parametrize('text', ['', '[]', '{"format": 1}', '{"format": 2, "layout": "sixray"}'])
def test_an_invalid_note_is_rejected(tmp_path, text):
    (tmp_path / NOTE).write_text(text)
    with pytest.raises(ValueError, match='Prepare the dataset again with mmsxm prepare'):
        read_copy_note(tmp_path)


def test_steps_of_the_copy_are_removed_from_the_pipeline():
    assert remaining_transforms([LOAD, LEVEL, resize(), FLIP], PLAIN, 'here') == [LOAD, LEVEL, FLIP]
    cut = [LOAD, CropBackground(), LEVEL, resize(), FLIP]
    assert remaining_transforms(cut, CUT, 'here') == [LOAD, LEVEL, FLIP]
    assert remaining_transforms([], CUT, 'here') == []  # a dataset whose images are not loaded


@pytest.mark.parametrize(
    ('steps', 'settings'),
    [
        ([resize(128)], PLAIN),
        ([resize(64, 'bilinear')], PLAIN),
        ([], PLAIN),
        ([CropBackground(), resize()], PLAIN),
        ([resize()], CUT),
        ([resize(), CropBackground()], CUT),
        ([CropBackground(margin=4), resize()], CUT),
    ],
)
def test_other_pipelines_are_rejected(steps, settings):
    with pytest.raises(ValueError, match=r'The images in here are prepared by .*Resize'):
        remaining_transforms([LOAD, *steps, FLIP], settings, 'here')


def test_a_scale_may_be_a_list():
    step = Resize([64, 64], interpolation='area', clip_object_border=False)
    assert remaining_transforms([LOAD, step], PLAIN, 'here') == [LOAD]


def test_a_transform_before_the_resize_must_not_change_the_image():
    with pytest.raises(ValueError, match=r'has RandomCrop.* before it resizes'):
        remaining_transforms([LOAD, RandomCrop(32), resize()], PLAIN, 'here')


def test_threat_projection_is_rejected_in_a_copy():
    projection = ThreatImageProjection('bank.npz')
    with pytest.raises(ValueError, match='needs full-size images'):
        remaining_transforms([LOAD, projection, resize()], PLAIN, 'here')
