"""Multi-label inferencer with the interface of mmpretrain.

The inferencer of mmpretrain returns one label even for a multi-label network (mmpretrain issue
1911) and crops the image as in the test; this one returns all labels and uses the whole image. It
wraps :class:`~mmsxm.inference.station_inferencer.StationInferencer`, which needs no PyTorch.
"""

from mmsxm import registry  # noqa: F401  applies the fixes that importing mmpretrain may need

# isort: split

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from mmengine.visualization import Visualizer
from mmpretrain.apis.base import BaseInferencer
from mmpretrain.structures import DataSample

from mmsxm.imaging.preprocessing import map_to_image
from mmsxm.inference.backends import ModelInfo
from mmsxm.inference.station_inferencer import (
    ImageResult,
    Input,
    StationInferencer,
    expand_inputs,
    to_dict,
    verdict_pictures,
    write_picture,
)
from mmsxm.visualization.pictures import open_window

__all__ = ['XrayInferencer']


class XrayInferencer(BaseInferencer):
    """Screen images: ``XrayInferencer(config, checkpoint)('bag.jpg')``.

    Args:
        model: A config, its path or the name of a model; or a file from mmsxm export.
        pretrained: The checkpoint, or a work directory to use its latest one.
        device: PyTorch device; by default a GPU if there is one.
        backend: ``'torch'``, ``'onnxruntime'`` or ``'openvino'``; by default the one for the file.
        threads: Number of CPU threads.
    """

    visualize_kwargs = {'window', 'wait_time', 'out_dir'}

    def __init__(
        self,
        model: str | Path | Config,
        pretrained: str | Path | None = None,
        device: str | None = None,
        backend: str | None = None,
        threads: int | None = None,
    ) -> None:
        self.station = StationInferencer(model, pretrained, device, backend, threads)

    @property
    def info(self) -> ModelInfo:
        """Classes, thresholds and image preprocessing of the network."""
        return self.station.info

    def __call__(
        self,
        inputs: Input | Sequence[Input],
        return_datasamples: bool = False,
        batch_size: int = 8,
        show: bool = False,
        **kwargs: Any,
    ) -> list[dict[str, Any]] | list[DataSample]:
        """Screen images.

        Args:
            inputs: A file, a folder, a glob, a BGR array ``(H, W, 3)`` uint8, or a list of them.
            return_datasamples: Return DataSamples instead of dicts.
            batch_size: Images per batch.
            show: Show each verdict in a window.
            wait_time: Seconds per window; 0 waits for the space bar.
            out_dir: Folder for pictures of the verdicts.

        Returns:
            One dict per image, see :func:`~mmsxm.inference.station_inferencer.to_dict`; or one
            DataSample with ``pred_score``, ``pred_label`` and ``level_weights``. If the network
            predicts maps, it also has ``attention_map`` (H, W) and, for one map per class,
            ``class_maps`` (C, H, W), both in image size. Its ``pred_instances`` are the candidate
            regions: ``bboxes`` (n, 4), xyxy in image pixels, ``scores`` (n,) and, for one map per
            class, ``labels`` (n,), with or without an alarm.

        Raises:
            FileNotFoundError: A file does not exist, or a folder or glob contains no image.
            ImageError: A file cannot be read as an image.
            ValueError: An array is not a BGR image, or there is no display for ``show``.
        """
        window = open_window() if show else None  # without a display, fail before the work
        return super().__call__(inputs, return_datasamples, batch_size, window=window, **kwargs)

    def _inputs_to_list(self, inputs: Input | Sequence[Input]) -> list[str | np.ndarray]:
        return expand_inputs(inputs)

    def preprocess(
        self, inputs: Sequence[str | np.ndarray], batch_size: int = 8
    ) -> Iterator[list[Any]]:
        """Yield preprocessed batches."""
        return self.station.batches(inputs, batch_size)

    def forward(self, inputs: list[Any]) -> list[ImageResult]:
        """Run the network on one batch."""
        return self.station.judge(inputs)

    def visualize(
        self,
        ori_inputs: Sequence[str | np.ndarray],
        preds: Sequence[ImageResult],
        window: Visualizer | None = None,
        wait_time: float = 0,
        out_dir: str | Path | None = None,
    ) -> None:
        """Draw the verdicts if ``window`` or ``out_dir`` is set."""
        if window is None and out_dir is None:
            return
        for name, picture in verdict_pictures(ori_inputs, preds, self.info.preprocessing.mapping):
            if out_dir is not None:
                write_picture(Path(out_dir), name, picture)
            if window is not None:
                window.show(picture, name, wait_time)

    def postprocess(
        self,
        preds: Sequence[ImageResult],
        visualization: None,
        return_datasamples: bool = False,
    ) -> list[dict[str, Any]] | list[DataSample]:
        """Convert results to dicts or to the DataSamples of mmpretrain."""
        convert = self._datasample if return_datasamples else to_dict
        return [convert(result) for result in preds]

    def _datasample(self, result: ImageResult) -> DataSample:
        verdict = result.verdict
        labels = [self.info.classes.index(name) for name in verdict.labels]
        sample = DataSample(metainfo={'img_path': result.path, 'ori_shape': result.view.image_size})
        sample.set_pred_score(torch.tensor(list(verdict.scores.values())))
        sample.set_pred_label(torch.tensor(labels, dtype=torch.int64))
        sample.set_field(torch.tensor(verdict.level_weights), 'level_weights')
        if result.attention_map is not None:
            attention_map = map_to_image(result.attention_map, result.view)  # (H, W)
            sample.set_field(torch.from_numpy(attention_map), 'attention_map')
            sample.set_field(self._instances(result), 'pred_instances')
        if result.class_maps is not None:
            maps = [map_to_image(class_map, result.view) for class_map in result.class_maps]
            sample.set_field(torch.from_numpy(np.stack(maps)), 'class_maps')  # (C, H, W)
        return sample

    def _instances(self, result: ImageResult) -> InstanceData:
        regions = result.verdict.regions
        boxes = torch.tensor([region['bbox'] for region in regions])
        instances = InstanceData(
            bboxes=boxes.reshape(-1, 4),  # (n, 4)
            scores=torch.tensor([region['score'] for region in regions]),  # (n,)
        )
        if result.class_maps is not None:
            labels = [self.info.classes.index(region['label']) for region in regions]
            instances.labels = torch.tensor(labels, dtype=torch.int64)  # (n,)
        return instances
