"""Repairs that today's torch needs to run mmengine, mmcv and mmpretrain.

Each is a function of its own, says what is broken without it, and changes nothing where nothing
is broken. :func:`apply` runs those that an import needs; it is called by :mod:`mmsxm.registry`.
"""

import contextlib
import functools
import gc
import importlib.util
import io
import os
import pickle
import sys
import urllib.error
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

import torch

NO_STACK = (
    'mmsxm needs mmengine, mmcv and mmpretrain, and {missing} is not installed. Install one of '
    'the two stacks: pip install onedl-mmengine onedl-mmcv onedl-mmpretrain (maintained), or '
    'pip install mmengine mmcv-lite mmpretrain (the original); never both in one environment.'
)


def apply() -> None:
    """Apply the repairs that importing and loading need; later calls do nothing."""
    require_stack()
    repair_torchvision()
    import_quietly()
    register_safe_loaders()


def require_stack() -> None:
    """Raise ImportError with the command that helps when no OpenMMLab stack is installed."""
    for package in ('mmengine', 'mmcv', 'mmpretrain'):
        if importlib.util.find_spec(package) is None:
            raise ImportError(NO_STACK.format(missing=package))


# ---------------------------------------------------------------------------- torchvision

_torchvision_schemas: list[torch.library.Library] = []  # a Library undoes itself when collected


def repair_torchvision() -> None:
    """Let torchvision import beside a torch that it was not compiled for.

    mmpretrain imports torchvision and uses its Python parts alone. A torchvision whose compiled
    operators don't load (a CPU torch beside the registry's CUDA build) fails at import, because
    it attaches shape functions to operators that nobody declared. Declaring their schemas is
    enough; calling one of these operators still fails, as it should.
    """
    try:
        importlib.import_module('torchvision')
        return
    except RuntimeError as error:
        if 'torchvision::' not in str(error):
            raise
    for name in [name for name in sys.modules if name.split('.')[0] == 'torchvision']:
        del sys.modules[name]
    library = torch.library.Library('torchvision', 'FRAGMENT')
    library.define('nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
    library.define('qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
    _torchvision_schemas.append(library)
    importlib.import_module('torchvision')


# ---------------------------------------------------------------------------- output


NOISE = {'Could not import OneDL', 'False'}  # lines that OneDL's packages print when imported


def import_quietly() -> None:
    """Import mmpretrain without the messages that say nothing about the user's environment.

    OneDL's packages print that an optional package is missing, and the light builds of mmcv warn
    about operators that nothing here uses. What else is printed goes to standard error, because
    commands write their results to standard output.
    """
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            warnings.filterwarnings('ignore', 'Fail to import ``MultiScaleDeformableAttention``')
            importlib.import_module('mmpretrain.datasets')
            importlib.import_module('mmpretrain.models')
    finally:
        for line in printed.getvalue().splitlines():
            if line not in NOISE:
                sys.stderr.write(f'{line}\n')


# ---------------------------------------------------------------------------- checkpoints


def _history_buffer_attribute(owner: Any, name: str) -> Any:
    """Stand in for ``getattr`` while a checkpoint is read.

    mmengine stores its log buffers with a reference to their methods, which pickle writes as a
    call of ``getattr``. The real one would hand a foreign file any attribute of anything.
    """
    from mmengine.logging import HistoryBuffer

    if owner is HistoryBuffer and name in ('min', 'max', 'mean', 'current'):
        return getattr(owner, name)
    raise pickle.UnpicklingError(f'the attribute {name!r} of {owner!r}')


def read_safely(read: Callable[[], Any]) -> Any:
    """Have torch read a pickle of tensors, plain values, NumPy's numbers and mmengine's records.

    Args:
        read: Reads with ``weights_only=True``.

    Raises:
        pickle.UnpicklingError: It holds something else.
        Exception: Of any kind, where it is damaged.
    """
    from mmengine.logging import HistoryBuffer

    from mmsxm.stored_numbers import STAND_INS, to_values

    allowed = [HistoryBuffer, (_history_buffer_attribute, 'builtins.getattr'), *STAND_INS]
    with torch.serialization.safe_globals(allowed):
        return to_values(read())


class DamagedFileError(ValueError):
    """A checkpoint of which a part is missing, or is not what was written."""


def load_from_local(filename: str | os.PathLike[str], map_location: Any = None) -> Any:
    """Load a checkpoint of mmengine or a plain state dict, without running code from it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds objects that are neither tensors nor mmengine's log records.
        DamagedFileError: it was cut off, or is not what was written.
    """
    path = os.path.expanduser(filename)
    if not os.path.isfile(path):
        raise FileNotFoundError(f'There is no checkpoint at {path}.')
    if not os.access(path, os.R_OK):
        raise PermissionError(f'{path} may not be read.')
    try:
        if part := _damaged_part(path):
            raise EOFError(f'{part} differs from its checksum')
        checkpoint = read_safely(
            lambda: torch.load(path, map_location=map_location, weights_only=True)
        )
    except pickle.UnpicklingError as error:
        raise ValueError(
            f'{path} is refused: it is no checkpoint of tensors and plain values alone, so that '
            'reading it could run code of whoever made it. If you trust its maker, convert it '
            f'where it was made, to a file with a plain state dict. ({_objection(error)})'
        ) from None
    except Exception as error:  # torch checks little: a broken file fails wherever it does
        raise DamagedFileError(
            f'{path} can not be read as a checkpoint; it is damaged or was cut off. '
            f'({_first_line(error)})'
        ) from error
    return _checked(checkpoint, path)


def _checked(checkpoint: Any, name: str) -> dict[str, Any]:
    """What was read, if it has the form of a checkpoint; ValueError if not."""
    if not isinstance(checkpoint, dict):
        raise ValueError(f'{name} is no checkpoint: it holds a {type(checkpoint).__name__}.')
    for key in ('state_dict', 'meta'):
        if not isinstance(checkpoint.get(key, {}), dict):
            raise ValueError(f'{name} is no checkpoint: its {key} is no dict.')
    if not all(isinstance(key, str) for key in checkpoint.get('state_dict', checkpoint)):
        raise ValueError(f'{name} is no checkpoint: its tensors have no names.')
    return checkpoint


def _damaged_part(path: str) -> str | None:
    """Name the first part of a zip archive, which torch writes, whose checksum is wrong.

    torch doesn't look at them: it loads zeros where a disk lost a block.
    """
    if not zipfile.is_zipfile(path):  # cut off, or of before torch 1.6
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip()
    except zipfile.BadZipFile as error:
        return str(error)


def load_from_http(url: str, map_location: Any = None) -> Any:
    """Download a checkpoint (once, the first process of a job does it) and load it safely."""
    from mmengine.dist import barrier, get_rank

    def load() -> Any:
        checkpoint = read_safely(
            lambda: torch.hub.load_state_dict_from_url(
                url, map_location=map_location, weights_only=True
            )
        )
        return _checked(checkpoint, url)

    try:
        if get_rank() == 0:
            checkpoint = load()
        barrier()
        return checkpoint if get_rank() == 0 else load()
    except (urllib.error.URLError, TimeoutError) as error:
        raise ConnectionError(
            f'{url} can not be downloaded from here ({error}). Fetch the file on a machine with '
            'internet, convert it with mmsxm convert-weights where its keys differ, and set '
            'PRETRAINED=/path/to/file in the environment (PRETRAINED_RESNET101 for a ResNet-101).'
        ) from None
    except pickle.UnpicklingError as error:
        raise ValueError(
            f'{url} is refused: it holds more than tensors and plain values. ({_objection(error)})'
        ) from None


def load_from_torchvision(name: str, map_location: Any = None) -> Any:
    """Load ``torchvision://resnet50`` and the like from torchvision's own address."""
    from mmengine.runner.checkpoint import get_torchvision_models

    urls = get_torchvision_models()
    model = name.split('://', 1)[1]
    if model not in urls:
        raise ValueError(f'torchvision has no weights named {model!r}, asked for as {name!r}.')
    return load_from_http(urls[model], map_location)


# mmengine's other schemes, of OpenMMLab's hosts and of object stores, as it writes them
REFUSED = (
    *('openmmlab://', 'open-mmlab://', 'mmcls://', 'pavi://'),
    *(r'(\S+\:)?s3://', r'(\S+\:)?petrel://'),
)


def refuse_address(name: str, map_location: Any = None) -> Any:
    """Load nothing from an address whose files mmengine may read by running what they hold."""
    raise ValueError(
        f'{name} is refused: weights are read from files, http(s) and torchvision addresses alone. '
        'Fetch the file, and give its path.'
    )


@functools.cache
def register_safe_loaders() -> None:
    """Make mmengine read checkpoints through an allow-list.

    mmengine 0.10.7 can't read its own checkpoints with torch >= 2.6, and OneDL's mmengine falls
    back to running whatever code a file carries. Files, http(s) and torchvision addresses go
    through the loaders above; the schemes of OpenMMLab's own hosts and of object stores are
    refused.
    """
    from mmengine.runner import CheckpointLoader

    CheckpointLoader.register_scheme('', load_from_local, force=True)
    CheckpointLoader.register_scheme(('http://', 'https://'), load_from_http, force=True)
    CheckpointLoader.register_scheme(
        ('torchvision://', 'modelzoo://'), load_from_torchvision, force=True
    )
    CheckpointLoader.register_scheme(REFUSED, refuse_address, force=True)


def _objection(error: pickle.UnpicklingError) -> str:
    """Cut out what torch objects to; the rest of its message advises to load the file anyway."""
    text = str(error).split('\n\nCheck the documentation')[0].split('\n\n')[-1]
    return text.split('WeightsUnpickler error: ')[-1].split('. Please use')[0].strip()


def _first_line(error: BaseException) -> str:
    return str(error).strip().split('\n', 1)[0]


# ---------------------------------------------------------------------------- processes


def init_cpu_process_group(cfg: Any) -> None:
    """Start gloo where ``torchrun`` runs on a machine without a GPU, and wrap the model for it.

    mmengine's own start selects a CUDA device and hands it to the wrapper. It keeps a process
    group that already exists, so starting one here is enough. Changes ``cfg.model_wrapper_cfg``.
    """
    if torch.cuda.is_available():
        return
    if not torch.distributed.is_initialized():  # a job of two stages reads two configs
        torch.distributed.init_process_group('gloo')
    cfg.setdefault(
        'model_wrapper_cfg',
        dict(
            type='MMDistributedDataParallel',
            device_ids=None,
            broadcast_buffers=False,  # as mmengine has it on GPUs; SyncBuffersHook does it
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        ),
    )


def leave_process_group() -> None:
    """End what :func:`init_cpu_process_group` or mmengine began, where anything was begun.

    A process that exits inside of a gloo group may be aborted after all its work is done; so may
    one that keeps a wrapped model until then, which holds on to the group.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        gc.collect()  # a runner and its model refer to one another
        torch.distributed.destroy_process_group()
