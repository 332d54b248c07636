"""Prepared copies of datasets, whose images were cropped and resized once instead of every epoch.

``prepared.json`` in the root of a copy is written by mmsxm prepare and records what was done. A
dataset that reads such a copy removes these steps from its pipeline. The pipeline must contain the
same steps.
"""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple

from mmcv.transforms import (
    BaseTransform,
    LoadAnnotations,
    LoadImageFromFile,
    RandomFlip,
    Resize,
)

from mmsxm.datasets.transforms import (
    CropBackground,
    IntuitiveMetaLevel,
    LoadXrayImage,
    ThreatImageProjection,
)
from mmsxm.imaging.pixel_mapping import UPPER_BITS
from mmsxm.io.safe_parsing import read_json

__all__ = ['NOTE', 'CopySettings', 'note_content', 'read_copy_note', 'remaining_transforms']

NOTE = 'prepared.json'
FORMAT = 1
STEPS = (CropBackground, Resize)
# these may come before STEPS because they give the same result on a copy
BEFORE = (LoadImageFromFile, LoadXrayImage, LoadAnnotations, IntuitiveMetaLevel, RandomFlip)


class CopySettings(NamedTuple):
    """Size and crop of the images in a prepared copy, the same as in the configs.

    ``size`` is the length of both sides in pixels. ``background`` and ``margin`` are the arguments
    of ``CropBackground``, or None if margins are not cropped.
    """

    layout: str
    size: int
    background: int | None = None
    margin: int | None = None

    def steps(self) -> list[BaseTransform]:
        """Return the transforms that prepare an image."""
        resize = Resize(scale=self.size, interpolation='area', clip_object_border=False)
        if self.background is None or self.margin is None:
            return [resize]
        return [CropBackground(self.background, self.margin), resize]


KINDS = ((str,), (int,), (int, NoneType), (int, NoneType))  # types of the fields of CopySettings


def note_content(settings: CopySettings) -> bytes:
    """Return the content of ``prepared.json``."""
    return (json.dumps({'format': FORMAT, **settings._asdict()}, indent=1) + '\n').encode()


def read_copy_note(data_root: str | os.PathLike[str]) -> CopySettings | None:
    """Read how a copy was prepared. Return None if the folder has no note.

    Raises:
        ValueError: The note is malformed.
    """
    path = Path(data_root) / NOTE
    if not path.is_file():
        return None
    try:
        content = read_json(path)
        if content.pop('format') != FORMAT:
            raise ValueError('its format version is different')
        settings = CopySettings(**content)
        for value, kinds in zip(settings, KINDS, strict=True):
            if type(value) not in kinds:
                raise ValueError(f'a value has the wrong type {type(value).__name__}')
        return settings
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f'{path} was not written by this version of mmsxm prepare ({error!r}). Prepare the '
            'dataset again with mmsxm prepare.'
        ) from error


def remaining_transforms(
    transforms: Sequence[Callable], settings: CopySettings, data_root: str
) -> list[Callable]:
    """Return the transforms of a pipeline that remain to be done on a copy.

    An empty pipeline stays empty.

    Raises:
        ValueError: The pipeline crops margins or resizes differently from the copy, changes images
            before it resizes them, maps gray values, which the copy no longer contains, or projects
            items, whose bank has the scale of the released images.
    """
    if not transforms:
        return []
    steps = [step for step in transforms if isinstance(step, STEPS)]
    done = settings.steps()
    if list(map(_arguments, steps)) != list(map(_arguments, done)):
        raise ValueError(
            f'The images in {data_root} are prepared by {_names(done)}, but the pipeline has '
            f'{_names(steps) or "neither"}. Set data_root to the folder of the release, or to a '
            'copy that mmsxm prepare made for this size.'
        )
    if any(isinstance(step, ThreatImageProjection) for step in transforms):
        raise ValueError(
            f'ThreatImageProjection needs full-size images, but those in {data_root} are prepared '
            f'({settings.size} pixels). Set data_root to the folder of the release.'
        )
    if any(isinstance(step, LoadXrayImage) and step.mapping != UPPER_BITS for step in transforms):
        raise ValueError(
            f'The images in {data_root} are prepared with 8 bits, so window and pseudo_color have '
            'no effect on them. Remove these settings, or set data_root to the folder of the '
            'release.'
        )
    until = max(transforms.index(step) for step in steps)
    if before := [step for step in transforms[:until] if not isinstance(step, (*BEFORE, *STEPS))]:
        raise ValueError(
            f'The images in {data_root} are prepared, but the pipeline has {_names(before)} before '
            'it resizes. Set data_root to the folder of the release, or move the transform after '
            'the resizing.'
        )
    return [step for step in transforms if step not in steps]


def _arguments(step: Callable) -> tuple[type, dict[str, Any]]:
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in vars(step).items()}
    return type(step), values


def _names(steps: Sequence[Callable]) -> str:
    return ' and '.join(map(repr, steps))
