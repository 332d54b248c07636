"""All labels of X-ray images, and where the network looked, in the manner of mmpretrain.

mmpretrain's own inferencer gives one label, the highest, also of a network that knows several
(mmpretrain issue 1911), and sees the test's centre crop; this one sees the whole image.
"""

import glob
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmpretrain.apis.base import BaseInferencer
from mmpretrain.structures import DataSample

from mmsxm.imaging.images import ImageError, list_images, read_image
from mmsxm.imaging.preparation import View, map_to_image
from mmsxm.visualization.verdicts import draw_verdict
from mmsxm.visualization.windows import open_window

from .backends import ModelInfo, load_backend
from .verdict import Verdict, judge

__all__ = ['XrayInferencer']

Input = str | Path | np.ndarray
READERS = 2  # threads; decoding and resizing run outside of Python's lock


class _Prepared(NamedTuple):
    path: str | None
    image: np.ndarray
    view: View


class _Judged(NamedTuple):
    path: str | None
    view: View
    attention_map: np.ndarray | None
    verdict: Verdict


class XrayInferencer(BaseInferencer):
    """Screen images: ``XrayInferencer(config, checkpoint)('bag.jpg')``.

    Args:
        model: A config, its path or a model's name; or a file of tools/export.py.
        pretrained: The checkpoint, or a work directory for its latest one.
        device: For PyTorch; without it a GPU where there is one.
        backend: ``'torch'``, ``'onnxruntime'`` or ``'openvino'``; the file says which without it.
        threads: Of the CPU.
    """

    visualize_kwargs = {'show', 'wait_time', 'out_dir'}

    def __init__(
        self,
        model: str | Path | Config,
        pretrained: str | Path | None = None,
        device: str | None = None,
        backend: str | None = None,
        threads: int | None = None,
    ) -> None:
        self.backend = load_backend(model, pretrained, backend, device, threads)

    @property
    def info(self) -> ModelInfo:
        """Classes, thresholds, and how images are prepared."""
        return self.backend.info

    def __call__(
        self,
        inputs: Input | Sequence[Input],
        return_datasamples: bool = False,
        batch_size: int = 8,
        **kwargs: Any,
    ) -> list[dict[str, Any]] | list[DataSample]:
        """Screen images.

        Args:
            inputs: A file, a folder, a glob, a BGR array ``(H, W, 3)`` uint8, or a list of them.
            return_datasamples: Return DataSamples instead of dicts.
            batch_size: Images that the network sees at once.
            show: Show each verdict in a window.
            wait_time: Seconds for each; 0 waits for the space bar.
            out_dir: A folder for pictures of the verdicts.

        Returns:
            For each image a dict of ``img_path`` (None for an array), ``pred_labels``,
            ``pred_scores`` and ``thresholds`` by class, ``attention_map`` (float32, of the image's
            size, None without attention), ``level_weights`` (order P3, P4, P5) and ``regions``
            (``bbox`` in pixels of the image, xyxy, and ``score``); or a DataSample of
            ``pred_score``, ``pred_label``, ``attention_map`` and ``level_weights``.

        Raises:
            FileNotFoundError: A file is not there, or a folder or glob holds no image.
            ImageError: A file can't be read as an image; names it.
            ValueError: An array is no such image, or there is no display to show pictures on.
        """
        if kwargs.get('show'):
            open_window()  # whether there is a display is known before the work
        return super().__call__(inputs, return_datasamples, batch_size, **kwargs)

    def _inputs_to_list(self, inputs: Input | Sequence[Input]) -> list[str | np.ndarray]:
        if isinstance(inputs, np.ndarray):
            return [inputs]
        if not isinstance(inputs, str | Path):
            return [one for each in inputs for one in self._inputs_to_list(each)]
        path = str(inputs)
        if os.path.isdir(path):
            found = list_images(path)
        elif os.path.exists(path) or not glob.has_magic(path):
            return [path]  # reading says what is wrong with it
        else:
            found = sorted(glob.glob(path, recursive=True))
        if not found:
            raise FileNotFoundError(f'There is no image in {path}.')
        return list(found)

    def preprocess(
        self, inputs: Sequence[str | np.ndarray], batch_size: int = 8
    ) -> Iterator[list[_Prepared]]:
        """Read ahead of the network, a batch of images at most, and give batches."""
        ahead: deque[Future[_Prepared]] = deque()
        with ThreadPoolExecutor(READERS) as pool:
            batch = []
            rest = iter(inputs)
            for item in rest:
                ahead.append(pool.submit(self._prepare, item))
                if len(ahead) < batch_size + READERS:
                    continue
                batch.append(ahead.popleft().result())
                if len(batch) == batch_size:
                    yield batch
                    batch = []
            for future in ahead:
                batch.append(future.result())
                if len(batch) == batch_size:
                    yield batch
                    batch = []
            if batch:
                yield batch

    def _prepare(self, item: str | np.ndarray) -> _Prepared:
        if isinstance(item, str):
            return _Prepared(item, *self.info.preparation(_read(item)))
        return _Prepared(None, *self.info.preparation(_checked(item)))

    def forward(self, inputs: list[_Prepared]) -> list[_Judged]:
        """Ask the network about a batch."""
        scores, maps, level_weights = self.backend(np.stack([each.image for each in inputs]))
        judged = []
        for i, (path, _, view) in enumerate(inputs):
            attention_map = None if maps is None else maps[i]
            verdict = judge(self.info, scores[i], attention_map, level_weights[i], view)
            judged.append(_Judged(path, view, attention_map, verdict))
        return judged

    def visualize(
        self,
        ori_inputs: Sequence[str | np.ndarray],
        preds: Sequence[_Judged],
        show: bool = False,
        wait_time: float = 0,
        out_dir: str | Path | None = None,
    ) -> None:
        """Draw verdicts, where somebody wants to see them."""
        if not show and out_dir is None:
            return
        window = open_window() if show else None
        names = _unique_names(preds)
        for item, judged, name in zip(ori_inputs, preds, names, strict=True):
            image = _read(item) if isinstance(item, str) else item
            picture = draw_verdict(
                image[..., ::-1],
                judged.verdict._asdict(),
                judged.attention_map,
                judged.view.window,
            )
            if out_dir is not None:
                Path(out_dir).mkdir(parents=True, exist_ok=True)
                path = Path(out_dir) / f'{name}.png'
                if not cv2.imwrite(str(path), picture[..., ::-1]):
                    raise OSError(f'The picture {path} could not be written.')
            if window is not None:
                window.show(picture, name, wait_time)

    def postprocess(
        self,
        preds: Sequence[_Judged],
        visualization: None,
        return_datasamples: bool = False,
    ) -> list[dict[str, Any]] | list[DataSample]:
        """Give the results as users of mmpretrain know them."""
        make = self._datasample if return_datasamples else _as_dict
        return [make(judged) for judged in preds]

    def _datasample(self, judged: _Judged) -> DataSample:
        verdict = judged.verdict
        labels = [self.info.classes.index(name) for name in verdict.labels]
        sample = DataSample(metainfo={'img_path': judged.path, 'ori_shape': judged.view.image_size})
        sample.set_pred_score(torch.tensor(list(verdict.scores.values())))
        sample.set_pred_label(torch.tensor(labels, dtype=torch.int64))
        sample.set_field(torch.tensor(verdict.level_weights), 'level_weights')
        if judged.attention_map is not None:
            whole = map_to_image(judged.attention_map, judged.view)
            sample.set_field(torch.from_numpy(whole), 'attention_map')
        return sample


def _unique_names(preds: Sequence[_Judged]) -> list[str]:
    """Name pictures as the files, with their number where that is none or taken."""
    names: dict[str, None] = {}
    for number, judged in enumerate(preds):
        stem = '' if judged.path is None else Path(judged.path).stem
        name = stem or f'{number:06d}'
        while name in names:
            name += f'_{number:06d}'
        names[name] = None
    return list(names)


def _as_dict(judged: _Judged) -> dict[str, Any]:
    path, view, attention_map, verdict = judged
    return {
        'img_path': path,
        'pred_labels': verdict.labels,
        'pred_scores': verdict.scores,
        'thresholds': verdict.thresholds,
        'attention_map': None if attention_map is None else map_to_image(attention_map, view),
        'level_weights': verdict.level_weights,
        'regions': verdict.regions,
    }


def _read(path: str) -> np.ndarray:
    try:
        return read_image(path)
    except ImageError as error:
        raise ImageError(f'{path}: {error}') from error


def _checked(image: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(
            f'An array must be a BGR image, (H, W, 3) uint8, not {image.shape} {image.dtype}.'
        )
    return image
