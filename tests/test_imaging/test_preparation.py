"""What a station does to images, read from a config."""

import pytest
from mmengine.config import Config

from mmsxm.imaging.preparation import Preparation


@pytest.mark.parametrize(('scale', 'size'), [((80, 60), (60, 80)), (64, (64, 64))])
def test_a_config_gives_its_scale_as_width_and_height_or_as_one_side(
    scale: tuple[int, int] | int, size: tuple[int, int]
) -> None:
    pipeline = [dict(type='LoadImageFromFile'), dict(type='Resize', scale=scale)]
    cfg = Config(dict(test_dataloader=dict(dataset=dict(pipeline=pipeline))))
    assert Preparation.from_config(cfg).size == size


def test_a_config_without_a_fixed_size_is_refused() -> None:
    pipeline = [dict(type='Resize', scale=(80, 60), keep_ratio=True)]
    cfg = Config(dict(test_dataloader=dict(dataset=dict(pipeline=pipeline))))
    with pytest.raises(ValueError, match='input size is unknown'):
        Preparation.from_config(cfg)
