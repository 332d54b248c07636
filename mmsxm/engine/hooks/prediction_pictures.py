"""Draw predictions during a test."""

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
    """Hook that draws attention, boxes, scores and level weights of test images.

    The hook of mmpretrain draws only scores, and swaps red and blue, the color of metal.

    Args:
        out_dir: Folder for ``<image name>.png``; None writes no files.
        show: Whether to show each picture in a window.
        wait_time: Seconds per window; 0 waits for a key.
        interval: Draw every ``interval``-th image.
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
        """Draw the selected images of a batch."""
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
