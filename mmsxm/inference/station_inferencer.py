"""Multi-label inference with attention maps, without PyTorch or OpenMMLab.

A screening station runs an exported network with ONNX Runtime or OpenVINO. Nothing imported here
needs torch, mmengine, mmcv or mmpretrain. :class:`~mmsxm.inference.inferencer.XrayInferencer` wraps
this class in the interface of mmpretrain.
"""

import glob
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Union

import cv2
import numpy as np

from mmsxm.imaging.images import ImageError, list_images, read_image
from mmsxm.imaging.pixel_mapping import UPPER_BITS, PixelMapping
from mmsxm.imaging.preprocessing import View, map_to_image
from mmsxm.inference.backends import ModelInfo, load_backend
from mmsxm.inference.verdict import Verdict, judge
from mmsxm.inference.verdict_picture import draw_verdict
from mmsxm.visualization.overlays import map_to_draw

if TYPE_CHECKING:
    from mmengine.config import Config

__all__ = [
    'ImageResult',
    'Input',
    'StationInferencer',
    'expand_inputs',
    'to_dict',
    'verdict_pictures',
    'write_picture',
]

Input = str | Path | np.ndarray
READERS = 2  # threads; decoding and resizing release the GIL


class _PreprocessedInput(NamedTuple):
    path: str | None
    image: np.ndarray
    view: View


class ImageResult(NamedTuple):
    """Verdict on one image, with its maps over the view.

    ``path`` is None for an array. ``attention_map`` (h, w) is None for a network without maps;
    ``class_maps`` (C, h, w) are None unless the network predicts one map per class.
    """

    path: str | None
    view: View
    attention_map: np.ndarray | None
    verdict: Verdict
    class_maps: np.ndarray | None = None


class StationInferencer:
    """Screen images without PyTorch: ``StationInferencer('demo.onnx')('bag.jpg')``.

    Args:
        model: A file from mmsxm export; or, if PyTorch is installed, a config, its path or the name
            of a model.
        checkpoint: The weights of a config, or a work directory to use its latest checkpoint.
        device: PyTorch device; by default a GPU if there is one.
        backend: ``'torch'``, ``'onnxruntime'`` or ``'openvino'``; by default the one for the file.
        threads: Number of CPU threads.
    """

    def __init__(
        self,
        model: Union[str, Path, 'Config'],
        checkpoint: str | Path | None = None,
        device: str | None = None,
        backend: str | None = None,
        threads: int | None = None,
    ) -> None:
        self.backend = load_backend(model, checkpoint, backend, device, threads)

    @property
    def info(self) -> ModelInfo:
        """Classes, thresholds and image preprocessing of the network."""
        return self.backend.info

    def __call__(
        self,
        inputs: Input | Sequence[Input],
        batch_size: int = 8,
        out_dir: str | Path | None = None,
    ) -> list[dict[str, Any]]:
        """Screen images.

        Args:
            inputs: A file, a folder, a glob, a BGR array ``(H, W, 3)`` uint8, or a list of them.
            batch_size: Images per batch.
            out_dir: Folder for pictures of the verdicts.

        Returns:
            One dict per image, see :func:`to_dict`.

        Raises:
            FileNotFoundError: A file does not exist, or a folder or glob contains no image.
            ImageError: A file cannot be read as an image.
            ValueError: An array is not a BGR image.
        """
        items = expand_inputs(inputs)
        results = [
            result for batch in self.batches(items, batch_size) for result in self.judge(batch)
        ]
        if out_dir is not None:
            for name, picture in verdict_pictures(items, results, self.info.preprocessing.mapping):
                write_picture(Path(out_dir), name, picture)
        return [to_dict(result) for result in results]

    def batches(
        self, items: Sequence[str | np.ndarray], batch_size: int = 8
    ) -> Iterator[list[_PreprocessedInput]]:
        """Yield preprocessed batches; threads read at most one batch ahead of the network."""
        preprocessed = self._preprocess_ahead(items, batch_size + READERS)
        while batch := list(islice(preprocessed, batch_size)):
            yield batch

    def _preprocess_ahead(
        self, items: Sequence[str | np.ndarray], most: int
    ) -> Iterator[_PreprocessedInput]:
        pending: deque[Future[_PreprocessedInput]] = deque()
        with ThreadPoolExecutor(READERS) as pool:
            for item in items:
                pending.append(pool.submit(self._preprocess, item))
                if len(pending) == most:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()

    def _preprocess(self, item: str | np.ndarray) -> _PreprocessedInput:
        if isinstance(item, str):
            return _PreprocessedInput(
                item, *self.info.preprocessing(_read(item, self.info.preprocessing.mapping))
            )
        return _PreprocessedInput(None, *self.info.preprocessing(_checked(item)))

    def judge(self, batch: Sequence[_PreprocessedInput]) -> list[ImageResult]:
        """Run the network on one batch of :meth:`batches`."""
        images = np.stack([item.image for item in batch])  # (N, h, w, 3)
        outputs = self.backend(images)
        results = []
        for i, (path, _, view) in enumerate(batch):
            prediction = outputs.image(i)
            verdict = judge(self.info, prediction, view)
            results.append(
                ImageResult(path, view, prediction.attention_maps, verdict, prediction.class_maps)
            )
        return results


def expand_inputs(inputs: Input | Sequence[Input]) -> list[str | np.ndarray]:
    """Expand files, folders, globs, arrays or lists of them to a list of files and arrays.

    Raises:
        FileNotFoundError: A folder or glob contains no image.
    """
    if isinstance(inputs, np.ndarray):
        return [inputs]
    if not isinstance(inputs, str | Path):
        return [item for entry in inputs for item in expand_inputs(entry)]
    path = str(inputs)
    if os.path.isdir(path):
        found = list_images(path)
    elif os.path.exists(path) or not glob.has_magic(path):
        return [path]  # if the file is missing, reading it raises the error
    else:
        found = sorted(glob.glob(path, recursive=True))
    if not found:
        raise FileNotFoundError(
            f'There is no image in {path}. Name an image, or a folder or glob with images.'
        )
    return list(found)


def to_dict(result: ImageResult) -> dict[str, Any]:
    """Return a result as a dict.

    The keys are:

    - ``img_path``: None for an array.
    - ``pred_labels``.
    - ``pred_scores`` and ``thresholds``: by class.
    - ``attention_map``: float32 in image size, None for networks without maps.
    - ``level_weights``: fine to coarse (P3, P4, P5 in our configs).
    - ``regions``: dicts of ``bbox``, xyxy in image pixels, and ``score``; if the network predicts
      one map per class, also ``label``, the name of the class.
    """
    path, view, attention_map, verdict, _ = result
    return {
        'img_path': path,
        'pred_labels': verdict.labels,
        'pred_scores': verdict.scores,
        'thresholds': verdict.thresholds,
        'attention_map': None if attention_map is None else map_to_image(attention_map, view),
        'level_weights': verdict.level_weights,
        'regions': verdict.regions,
    }


def verdict_pictures(
    items: Sequence[str | np.ndarray],
    results: Sequence[ImageResult],
    mapping: PixelMapping = UPPER_BITS,
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield a unique name and an RGB picture for each verdict."""
    for item, result, name in zip(items, results, _unique_names(results), strict=True):
        image = _read(item, mapping) if isinstance(item, str) else item
        yield (
            name,
            draw_verdict(
                image[..., ::-1],
                result.verdict._asdict(),
                map_to_draw(result.attention_map, result.class_maps),
                result.view.window,
            ),
        )


def write_picture(folder: Path, name: str, picture: np.ndarray) -> None:
    """Write an RGB picture to ``folder/name.png``.

    Raises:
        OSError: The file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f'{name}.png'
    if not cv2.imwrite(str(path), picture[..., ::-1]):
        raise OSError(f'Cannot write the picture {path}. Check the free space and permissions.')


def _unique_names(results: Sequence[ImageResult]) -> list[str]:
    """Name pictures after their files; use a number if there is no file or the name is taken."""
    names: dict[str, None] = {}
    for number, result in enumerate(results):
        stem = '' if result.path is None else Path(result.path).stem
        name = stem or f'{number:06d}'
        while name in names:
            name += f'_{number:06d}'
        names[name] = None
    return list(names)


def _read(path: str, mapping: PixelMapping) -> np.ndarray:
    try:
        return read_image(path, mapping=mapping)
    except ImageError as error:
        raise ImageError(f'{path}: {error}') from error


def _checked(image: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(
            f'The input array has shape {image.shape} and dtype {image.dtype}. An array must be a '
            'BGR image, (H, W, 3) uint8.'
        )
    return image
