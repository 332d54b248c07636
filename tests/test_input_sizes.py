"""The sizes that tools assume are those of the paper's configs."""

from mmengine.config import Config

from mmsxm.conventions import CROPPED, RESIZED
from mmsxm.imaging.preparation import Preparation


def test_configs_resize_and_crop_to_the_sizes_that_tools_assume() -> None:
    for name in ('sixray', 'opixray'):
        cfg = Config.fromfile(f'configs/_base_/datasets/{name}.py')
        assert Preparation.from_config(cfg).size == (RESIZED, RESIZED)
        crops = [step for step in cfg.test_pipeline if step.type == 'mmsxm.CenterCrop']
        assert [step.crop_size for step in crops] == [CROPPED]
