"""The input size of a network, one setting for all pipelines of a config."""

from collections.abc import Iterable, Sequence
from typing import Any

from mmengine.config import Config

__all__ = ['DATALOADERS', 'crop_sizes', 'pipelines', 'resize_pipeline', 'set_input_size']

CROPS = ('mmsxm.RandomCrop', 'mmsxm.CenterCrop')
DATALOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def resize_pipeline(pipeline: Iterable[Any], resized: int, cropped: int) -> None:
    """Set the size that images are resized to and the size of the crops, in place."""
    for transform in pipeline:
        if transform.type == 'Resize':
            transform.scale = (resized, resized)
        elif transform.type in CROPS:
            transform.crop_size = cropped


def pipelines(cfg: Config) -> dict[str, Any]:
    """Return the pipelines of a config by their places; None where a dataset has none."""
    found = {name: cfg[name].dataset.get('pipeline') for name in DATALOADERS if cfg.get(name)}
    if cfg.get('tta_pipeline'):
        found['tta_pipeline'] = cfg.tta_pipeline
    return found


def crop_sizes(cfg: Config) -> set[int]:
    """Return the sides that the pipelines of a config crop images to."""
    transforms = (t for pipeline in pipelines(cfg).values() for t in pipeline or ())
    return {_side(t.crop_size) for t in transforms if t.type in CROPS}


def set_input_size(cfg: Config) -> None:
    """Give all pipelines of a config its ``input_size``, if it has one, in place.

    ``input_size`` is the side of the network's square input in pixels. Images are resized to a
    larger size first, in the ratio that each pipeline has (256 to 224 in our configs).

    Raises:
        ValueError: ``input_size`` is not a positive integer, or a pipeline does not have one Resize
            and one crop.
    """
    size = cfg.get('input_size')
    if size is None:
        return
    if type(size) is not int or size < 1:
        raise ValueError(f'input_size={size!r} must be a positive number of pixels.')
    for place, pipeline in pipelines(cfg).items():
        crops = [_side(t.crop_size) for t in pipeline or () if t.type in CROPS]
        resizes = [_side(t.scale) for t in pipeline or () if t.type == 'Resize']
        if len(crops) != 1 or len(resizes) != 1:
            raise ValueError(
                f'input_size sets the one Resize and the one crop of each pipeline, but {place} '
                f'has {len(resizes)} and {len(crops)}. Set the sizes in the pipelines (a wrapped '
                'dataset has its own) and remove input_size.'
            )
        resize_pipeline(pipeline, round(size * resizes[0] / crops[0]), size)


def _side(size: int | Sequence[int]) -> int:
    return size if isinstance(size, int) else max(size)
