"""Checkpoints: find, compare and unwrap them."""

import logging
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.logging import print_log
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from mmsxm.safe_checkpoints import DamagedFileError

EPOCH = re.compile(r'epoch_(\d+)\.pth')
ADVICE = 'Name a checkpoint, or the work directory of a training run.'


def epoch_checkpoints(work_dir: str | os.PathLike[str]) -> dict[int, str]:
    """Return the paths of the epoch checkpoints in a work directory by epoch, the last one first.

    Checkpoints saved within an epoch are not included. A folder that does not exist has none.
    """
    names = os.listdir(work_dir) if os.path.isdir(work_dir) else []
    epochs = {
        int(match[1]): os.path.join(work_dir, match[0])
        for match in map(EPOCH.fullmatch, names)
        if match
    }
    return dict(sorted(epochs.items(), reverse=True))


def latest_checkpoint(work_dir: str | os.PathLike[str]) -> str | None:
    """Return the path of the latest checkpoint of a work directory; None if there is none.

    mmengine records its absolute path in ``last_checkpoint``. If the work directory was moved or
    copied, the checkpoint of the same name inside it counts. mmengine writes this file in place, so
    a full disk or a killed process can leave it empty. If it is missing, empty or not text, the
    checkpoint of the last epoch counts.
    """
    recorded = _recorded(work_dir)
    if not recorded:
        return next(iter(epoch_checkpoints(work_dir).values()), None)
    candidates = (os.path.join(work_dir, os.path.basename(recorded)), recorded)
    return next((path for path in candidates if os.path.isfile(path)), None)


def _recorded(work_dir: str | os.PathLike[str]) -> str:
    """Return the content of ``last_checkpoint``; an empty text if it is missing or not text."""
    try:
        return Path(work_dir, 'last_checkpoint').read_text().strip()
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        return ''


def find_checkpoint(path: str | os.PathLike[str], advice: str = ADVICE) -> str:
    """Return the path of a checkpoint file: ``path``, or the latest one in a work directory.

    Args:
        path: A checkpoint or a work directory.
        advice: What to do if there is no checkpoint: the end of the message.

    Raises:
        FileNotFoundError: The file does not exist, or the directory has no checkpoint.
    """
    path = os.path.expanduser(path)
    if os.path.isfile(path):
        return path
    if latest := latest_checkpoint(path):
        return latest
    reason = ': it is a folder without a checkpoint' if os.path.isdir(path) else ''
    raise FileNotFoundError(f'There is no checkpoint at {path}{reason}. {advice}'.rstrip())


def missing_keys(model: nn.Module, state_dict: Mapping[str, Tensor]) -> list[str]:
    """Return the parameters and buffers that ``state_dict`` lacks or has in another shape.

    The step counters of batch normalization are ignored: old files lack them, and nothing reads
    them.
    """
    return [
        key
        for key, value in model.state_dict().items()
        if not key.endswith('num_batches_tracked')
        and getattr(state_dict.get(key), 'shape', None) != value.shape
    ]


def unused_keys(model: nn.Module, state_dict: Mapping[str, Tensor]) -> list[str]:
    """Return the sorted names of the tensors in ``state_dict`` that the model does not have."""
    return sorted(set(state_dict) - set(model.state_dict()))


def summarize_keys(keys: Sequence[str]) -> str:
    """Count keys by the module that they belong to, as in ``head.fcs (6)``."""
    modules = Counter('.'.join(key.split('.')[:2]) for key in keys)
    return ', '.join(f'{module} ({number})' for module, number in modules.items())


def unwrap_model(model: nn.Module) -> nn.Module:
    """Return the model inside the wrappers of distributed training and test-time augmentation."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.get_submodule('module')
    return model


class LoadedCheckpoint(NamedTuple):
    """Path and content of a checkpoint."""

    path: str
    content: dict[str, Any]


def resumable_checkpoint(work_dir: str | os.PathLike[str]) -> LoadedCheckpoint | None:
    """Load the latest undamaged checkpoint of a work directory; return None if it has none.

    This is the one recorded in ``last_checkpoint`` or, if that is damaged or missing, one of an
    earlier epoch. Checkpoints of later epochs belong to an earlier training run and are ignored.
    Without a record, it is that of the last epoch.

    Raises:
        DamagedFileError: There are checkpoints, and all are damaged.
    """
    recorded = os.path.basename(_recorded(work_dir))
    damaged = []
    for path in _candidates(work_dir, recorded):
        try:
            content = CheckpointLoader.load_checkpoint(path, map_location='cpu')
        except DamagedFileError as error:
            print_log(str(error), 'current', logging.WARNING)
            damaged.append(path)
            continue
        if recorded and recorded != os.path.basename(path):
            print_log(
                f'Resuming from {path} because the later {recorded} is '
                f'{"damaged" if damaged else "missing"}.',
                'current',
                logging.WARNING,
            )
        return LoadedCheckpoint(path, content)
    if damaged:
        raise DamagedFileError(
            f'There is no checkpoint to resume from in {work_dir}, because all are damaged: '
            f'{", ".join(damaged)}. Delete them to start training from the beginning.'
        )
    return None


def _candidates(work_dir: str | os.PathLike[str], recorded: str) -> Iterator[str]:
    """Yield the paths of checkpoints to resume from, the best first."""
    if recorded and (latest := latest_checkpoint(work_dir)):
        yield latest
    epochs = epoch_checkpoints(work_dir)
    last_epoch = max(epochs, default=0)  # also if the record is empty
    if match := re.match(r'epoch_(\d+)', recorded):
        last_epoch = int(match[1])
    yield from (
        path
        for epoch, path in epochs.items()
        if epoch <= last_epoch and os.path.basename(path) != recorded
    )


def checkpoint_classes(meta: Mapping[str, Any]) -> Sequence[str] | None:
    """Return the classes in the ``meta`` of a checkpoint; None for a file of weights only."""
    return meta.get('dataset_meta', {}).get('classes')


def require_same_classes(dataset: Sequence[str], network: Sequence[str]) -> None:
    """Raise ValueError if a dataset has other classes than a network, or in another order."""
    if tuple(dataset) != tuple(network):
        raise ValueError(
            f'The dataset has the classes {", ".join(dataset)}, but the network was trained for '
            f'{", ".join(network)}. Use the same classes in the same order.'
        )
