"""Copies of data sets whose images were cropped and resized once instead of in every epoch.

``prepared.json`` in the root of a copy, made by mmsxm prepare, says what was done. A data
set of such a copy leaves these steps out of its pipeline, which must ask for the same ones.
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

from mmsxm.datasets.transforms import CropBackground, IntuitiveMetaLevel, ThreatImageProjection
from mmsxm.io.safe_parsing import read_json

__all__ = ['NOTE', 'Preparing', 'leave_out', 'note_of', 'read_note']

NOTE = 'prepared.json'
FORMAT = 1
STEPS = (CropBackground, Resize)
# what may come before them, since it gives the same on a copy
BEFORE = (LoadImageFromFile, LoadAnnotations, IntuitiveMetaLevel, RandomFlip)


class Preparing(NamedTuple):
    """What is done to the images of a data set, as the configs do it.

    ``size`` is that of both sides. ``background`` and ``margin`` are those of ``CropBackground``,
    None where margins stay.
    """

    layout: str
    size: int
    background: int | None = None
    margin: int | None = None

    def steps(self) -> list[BaseTransform]:
        """The transforms that do it."""
        resize = Resize(scale=self.size, interpolation='area', clip_object_border=False)
        if self.background is None or self.margin is None:
            return [resize]
        return [CropBackground(self.background, self.margin), resize]


KINDS = ((str,), (int,), (int, NoneType), (int, NoneType))  # of Preparing's values


def note_of(preparing: Preparing) -> bytes:
    """The content of ``prepared.json``."""
    return (json.dumps({'format': FORMAT, **preparing._asdict()}, indent=1) + '\n').encode()


def read_note(data_root: str | os.PathLike[str]) -> Preparing | None:
    """Read what was done to a copy; None when the folder holds none, ValueError when malformed."""
    path = Path(data_root) / NOTE
    if not path.is_file():
        return None
    try:
        content = read_json(path)
        if content.pop('format') != FORMAT:
            raise ValueError('it is of another version')
        preparing = Preparing(**content)
        for value, kinds in zip(preparing, KINDS, strict=True):
            if type(value) not in kinds:
                raise ValueError(f'it has a {type(value).__name__} in a wrong place')
        return preparing
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f'{path} is no note that this version of mmsxm prepare wrote ({error!r}): '
            'prepare the data set again'
        ) from error


def leave_out(
    transforms: Sequence[Callable], preparing: Preparing, data_root: str
) -> list[Callable]:
    """The transforms of a pipeline that are left to do on a copy; none of none.

    Raises:
        ValueError: The pipeline crops margins and resizes in another way than the copy's, changes
            images before, or projects items, whose bank has the scale of the images as released.
    """
    if not transforms:
        return []
    steps = [step for step in transforms if isinstance(step, STEPS)]
    done = preparing.steps()
    if list(map(_settings, steps)) != list(map(_settings, done)):
        raise ValueError(
            f'the images in {data_root} are prepared by {_said(done)}, but the pipeline has '
            f'{_said(steps) or "neither"}: name the folder of the release, or one that '
            'mmsxm prepare made for this size'
        )
    if any(isinstance(step, ThreatImageProjection) for step in transforms):
        raise ValueError(
            f'ThreatImageProjection needs images of full size, and those in {data_root} are '
            f'prepared ({preparing.size} pixels): name the folder of the release'
        )
    until = max(transforms.index(step) for step in steps)
    if before := [step for step in transforms[:until] if not isinstance(step, (*BEFORE, *STEPS))]:
        raise ValueError(
            f'the images in {data_root} are prepared, and the pipeline has {_said(before)} before '
            'it resizes: name the folder of the release, or let it come later'
        )
    return [step for step in transforms if step not in steps]


def _settings(step: Callable) -> tuple[type, dict[str, Any]]:
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in vars(step).items()}
    return type(step), values


def _said(steps: Sequence[Callable]) -> str:
    return ' and '.join(map(repr, steps))
