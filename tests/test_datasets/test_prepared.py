import pytest
from mmcv.transforms import LoadImageFromFile, RandomFlip, Resize

from mmsxm.datasets.prepared import NOTE, Preparing, leave_out, note_of, read_note
from mmsxm.datasets.transforms import (
    CropBackground,
    IntuitiveMetaLevel,
    RandomCrop,
    ThreatImageProjection,
)

PLAIN, CUT = Preparing('sixray', 64), Preparing('opixray', 64, background=240, margin=8)
LOAD, LEVEL, FLIP = LoadImageFromFile(), IntuitiveMetaLevel(), RandomFlip(0.5)


def resize(size=64, interpolation='area'):
    return Resize(scale=(size, size), interpolation=interpolation, clip_object_border=False)


def test_a_note_is_read_as_written(tmp_path):
    assert read_note(tmp_path) is None
    (tmp_path / NOTE).write_bytes(note_of(CUT))
    assert read_note(tmp_path) == CUT


@pytest.mark.parametrize('text', ['', '[]', '{"format": 1}', '{"format": 2, "layout": "sixray"}'])
def test_another_note_is_refused(tmp_path, text):
    (tmp_path / NOTE).write_text(text)
    with pytest.raises(ValueError, match='Prepare the dataset again with mmsxm prepare'):
        read_note(tmp_path)


def test_what_is_done_is_left_out():
    assert leave_out([LOAD, LEVEL, resize(), FLIP], PLAIN, 'here') == [LOAD, LEVEL, FLIP]
    cut = [LOAD, CropBackground(), LEVEL, resize(), FLIP]
    assert leave_out(cut, CUT, 'here') == [LOAD, LEVEL, FLIP]
    assert leave_out([], CUT, 'here') == []  # a data set whose images nobody loads


@pytest.mark.parametrize(
    ('steps', 'preparing'),
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
def test_other_pipelines_are_refused(steps, preparing):
    with pytest.raises(ValueError, match=r'The images in here are prepared by .*Resize'):
        leave_out([LOAD, *steps, FLIP], preparing, 'here')


def test_a_scale_may_be_a_list():
    step = Resize([64, 64], interpolation='area', clip_object_border=False)
    assert leave_out([LOAD, step], PLAIN, 'here') == [LOAD]


def test_nothing_may_change_images_before_they_are_resized():
    with pytest.raises(ValueError, match=r'has RandomCrop.* before it resizes'):
        leave_out([LOAD, RandomCrop(32), resize()], PLAIN, 'here')


def test_items_are_not_projected_into_small_images():
    projection = ThreatImageProjection('bank.npz')
    with pytest.raises(ValueError, match='needs full-size images'):
        leave_out([LOAD, projection, resize()], PLAIN, 'here')
