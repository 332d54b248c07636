"""Draw predictions while testing."""

from collections.abc import Sequence
from pathlib import Path

import cv2
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.structures import DataSample

from mmsxm.evaluation.array_metric import image_name
from mmsxm.registry import HOOKS
from mmsxm.visualization.pictures import open_window, picture, to_rgb


@HOOKS.register_module()
class PredictionPictureHook(Hook):
    """Draw attention, boxes, scores and level weights of test images.

    mmpretrain's hook draws the scores alone, and takes the blue of metal for red.

    Args:
        out_dir: Where ``<image name>.png`` goes, None for nowhere.
        show: Whether to open a window for each.
        wait_time: Seconds that a window stays, 0 until a key is pressed.
        interval: Of so many images, one is drawn.
    """

    def __init__(
        self,
        out_dir: str | None = None,
        show: bool = False,
        wait_time: float = 2,
        interval: int = 1,
    ) -> None:
        self.out_dir = out_dir and Path(out_dir)
        self.window = open_window() if show else None
        self.wait_time = wait_time
        self.interval = interval
        self.seen = 0

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict,
        outputs: Sequence[DataSample],
    ) -> None:
        """Draw what is due of one batch."""
        classes = runner.test_dataloader.dataset.metainfo['classes']
        for image, sample in zip(data_batch['inputs'], outputs, strict=True):
            self.seen += 1
            if (self.seen - 1) % self.interval:
                continue
            drawn = picture(to_rgb(image.numpy()), sample.cpu(), classes)
            name = image_name(sample)
            if self.out_dir:
                out = self.out_dir / f'{name}.png'
                out.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(out), drawn[..., ::-1])
            if self.window is not None:
                self.window.show(drawn, name, self.wait_time)
