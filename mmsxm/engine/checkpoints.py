"""Checkpoints: find, compare and unwrap them."""

import logging
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mmengine.logging import print_log
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import CheckpointLoader, find_latest_checkpoint
from torch import Tensor, nn

from mmsxm.safe_checkpoints import DamagedFileError

EPOCH = re.compile(r'epoch_(\d+)\.pth')


def epoch_checkpoints(work_dir: str | os.PathLike[str]) -> dict[int, str]:
    """The checkpoints of whole epochs in a work directory by epoch, the last one first."""
    epochs = {
        int(match[1]): os.path.join(work_dir, match[0])
        for match in map(EPOCH.fullmatch, os.listdir(work_dir))
        if match
    }
    return dict(sorted(epochs.items(), reverse=True))


def latest_checkpoint(work_dir: str | os.PathLike[str]) -> str | None:
    """Find the checkpoint that a work directory was left with, None if there is none.

    mmengine notes its absolute path; a directory that was moved or copied has one of its own. It
    writes the note in place, so that a full disk or a killed process may leave an empty one: then,
    and where it is no text, it is the last whole epoch.
    """
    try:
        noted = find_latest_checkpoint(str(work_dir)) if os.path.isdir(work_dir) else None
    except UnicodeDecodeError:
        noted = ''
    if noted is None:
        return None
    if not noted:
        return next(iter(epoch_checkpoints(work_dir).values()), None)
    candidates = (os.path.join(work_dir, os.path.basename(noted)), noted)
    return next((path for path in candidates if os.path.isfile(path)), None)


def missing_keys(model: nn.Module, state_dict: Mapping[str, Tensor]) -> list[str]:
    """List the parameters and buffers that ``state_dict`` does not fill, by name and shape.

    Batch normalisation's step counters don't count: old files lack them, and nothing reads them.
    """
    return [
        key
        for key, value in model.state_dict().items()
        if not key.endswith('num_batches_tracked')
        and getattr(state_dict.get(key), 'shape', None) != value.shape
    ]


def unused_keys(model: nn.Module, state_dict: Mapping[str, Tensor]) -> list[str]:
    """List the tensors of ``state_dict`` that the model does not have, sorted."""
    return sorted(set(state_dict) - set(model.state_dict()))


def summarize_keys(keys: Sequence[str]) -> str:
    """Count keys by the modules that they belong to: ``head.fcs (6)``."""
    modules = Counter('.'.join(key.split('.')[:2]) for key in keys)
    return ', '.join(f'{module} ({number})' for module, number in modules.items())


def unwrap_model(model: nn.Module) -> nn.Module:
    """Take a model out of the wrappers of many processes and of test-time augmentation."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.get_submodule('module')
    return model


class Saved(NamedTuple):
    """A checkpoint that can be read."""

    path: str
    content: dict[str, Any]


def resumable_checkpoint(work_dir: str | os.PathLike[str]) -> Saved | None:
    """Read the last checkpoint of a work directory that is whole, None if there is none at all.

    That is the one noted in ``last_checkpoint``, or, if it is damaged or gone, one of an epoch
    before. Checkpoints of later epochs than the noted one are of an earlier training, and not
    taken.

    Raises:
        DamagedFileError: There are checkpoints, and all are damaged.
    """
    noted = find_latest_checkpoint(str(work_dir)) if os.path.isdir(work_dir) else None
    if noted is None:
        return None
    noted = os.path.basename(noted)
    damaged = []
    for path in _candidates(work_dir, noted):
        try:
            saved = Saved(path, CheckpointLoader.load_checkpoint(path, map_location='cpu'))
        except DamagedFileError as error:
            print_log(str(error), 'current', logging.WARNING)
            damaged.append(path)
            continue
        if noted and noted != os.path.basename(path):
            print_log(
                f'Training goes on from {path}, since {noted}, which was saved later, is '
                f'{"damaged" if damaged else "gone"}.',
                'current',
                logging.WARNING,
            )
        return saved
    if damaged:
        raise DamagedFileError(
            f'No checkpoint is left to resume from, all are damaged: {", ".join(damaged)}. Delete '
            'them, and training begins anew.'
        )
    return None


def _candidates(work_dir: str | os.PathLike[str], noted: str) -> Iterator[str]:
    """Paths of what may be resumed from, the best first."""
    if noted and (latest := latest_checkpoint(work_dir)):
        yield latest
    epochs = epoch_checkpoints(work_dir)
    until = max(epochs, default=0)  # where a note was cut off, too
    if match := re.match(r'epoch_(\d+)', noted):
        until = int(match[1])
    yield from (
        path for epoch, path in epochs.items() if epoch <= until and os.path.basename(path) != noted
    )


def checkpoint_classes(meta: Mapping[str, Any]) -> Sequence[str] | None:
    """The classes of a checkpoint's ``meta``; None for weights alone, which don't tell."""
    return meta.get('dataset_meta', {}).get('classes')


def require_same_classes(labelled: Sequence[str], known: Sequence[str]) -> None:
    """ValueError where images are labelled by other classes, or another order, than a network's."""
    if tuple(labelled) != tuple(known):
        raise ValueError(
            f'the images are labelled {", ".join(labelled)}, the network knows {", ".join(known)}'
        )
