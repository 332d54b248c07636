"""Load checkpoints without running code from them.

A checkpoint is a pickle, and unpickling can call any function. Here, files, http(s) and torchvision
addresses are read through an allow-list: tensors, plain values, NumPy numbers and mmengine's log
records. :func:`register_safe_loaders` replaces the loaders of mmengine with them.
"""

import functools
import os
import pickle
import re
import urllib.error
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from mmengine.dist import barrier, get_rank
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from mmengine.runner.checkpoint import get_torchvision_models

__all__ = [
    'DamagedFileError',
    'load_from_http',
    'load_from_local',
    'load_from_torchvision',
    'read_safely',
    'refuse_address',
    'register_safe_loaders',
]


class DamagedFileError(ValueError):
    """A checkpoint that is incomplete or differs from what was written."""


# ---------------------------------------------------------------------------- loaders


def load_from_local(filename: str | os.PathLike[str], map_location: Any = None) -> Any:
    """Load a checkpoint of mmengine or a plain state dict.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file contains objects that are not on the allow-list.
        DamagedFileError: The file was cut off or differs from what was written.
    """
    path = os.path.expanduser(filename)
    if not os.path.isfile(path):
        raise FileNotFoundError(f'There is no checkpoint at {path}.')
    if not os.access(path, os.R_OK):
        raise PermissionError(f'You have no permission to read {path}.')
    try:
        if part := _damaged_part(path):
            raise EOFError(f'{part} differs from its checksum')
        checkpoint = read_safely(
            lambda: torch.load(path, map_location=map_location, weights_only=True)
        )
    except pickle.UnpicklingError as error:
        raise ValueError(
            f'{path} is refused: it contains more than tensors and plain values, so loading it '
            'could run code of its author. If you trust the source, convert the file to a plain '
            f'state dict where it was created. ({_objection(error)})'
        ) from None
    except Exception as error:  # torch checks little: a damaged file can fail anywhere
        raise DamagedFileError(
            f'{path} cannot be read as a checkpoint: it is damaged or was cut off. '
            f'({_first_line(error)})'
        ) from error
    return _checked(checkpoint, path)


def load_from_http(url: str, map_location: Any = None) -> Any:
    """Download and load a checkpoint; the first process of a job downloads it for all."""

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
            f'{url} cannot be downloaded from here ({error}). Download the file on a machine with '
            'internet access. Unless it is a ResNet, convert it with mmsxm convert-weights CONFIG '
            'FILE OUT. Then set the environment variable PRETRAINED=/path/to/file '
            '(PRETRAINED_RESNET101 for a ResNet-101).'
        ) from None
    except pickle.UnpicklingError as error:
        raise ValueError(
            f'{url} is refused: it contains more than tensors and plain values. '
            f'({_objection(error)})'
        ) from None


def load_from_torchvision(name: str, map_location: Any = None) -> Any:
    """Load weights such as ``torchvision://resnet50`` from the address in torchvision."""
    urls = get_torchvision_models()
    model = name.split('://', 1)[1]
    if model not in urls:
        raise ValueError(f'{name}: torchvision has no weights named {model!r}.')
    return load_from_http(urls[model], map_location)


# mmengine's schemes for OpenMMLab's hosts and object stores, as mmengine writes them
REFUSED = (
    *('openmmlab://', 'open-mmlab://', 'mmcls://', 'pavi://'),
    *(r'(\S+\:)?s3://', r'(\S+\:)?petrel://'),
)


def refuse_address(name: str, map_location: Any = None) -> Any:
    """Raise ValueError for an address that mmengine would load without an allow-list."""
    raise ValueError(
        f'{name} is refused: weights are loaded only from files, http(s) and torchvision '
        'addresses. Download the file and pass its path.'
    )


@functools.cache
def register_safe_loaders() -> None:
    """Make mmengine load checkpoints through the allow-list.

    mmengine 0.10.7 cannot load its own checkpoints with torch >= 2.6, and OneDL's mmengine falls
    back to running any code in a file.
    """
    register = functools.partial(CheckpointLoader.register_scheme, force=True)
    register('', load_from_local)
    register(('http://', 'https://'), load_from_http)
    register(('torchvision://', 'modelzoo://'), load_from_torchvision)
    register(REFUSED, refuse_address)


def _checked(checkpoint: Any, name: str) -> dict[str, Any]:
    """Return the content if it has the form of a checkpoint; otherwise raise ValueError."""
    if not isinstance(checkpoint, dict):
        raise ValueError(f'{name} is not a checkpoint: it contains a {type(checkpoint).__name__}.')
    for key in ('state_dict', 'meta'):
        if not isinstance(checkpoint.get(key, {}), dict):
            raise ValueError(f'{name} is not a checkpoint: its {key} is not a dict.')
    if not all(isinstance(key, str) for key in checkpoint.get('state_dict', checkpoint)):
        raise ValueError(f'{name} is not a checkpoint: its tensors have no names.')
    return checkpoint


def _damaged_part(path: str) -> str | None:
    """Name the first part of a zip archive whose checksum is wrong.

    torch writes zip archives and ignores their checksums: it loads zeros where a disk lost a block.
    """
    if not zipfile.is_zipfile(path):  # cut off, or older than torch 1.6
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip()
    except zipfile.BadZipFile as error:
        return str(error)


def _objection(error: pickle.UnpicklingError) -> str:
    """Return what torch objects to, without its advice to load the file anyway."""
    text = str(error).split('\n\nCheck the documentation')[0].split('\n\n')[-1]
    return text.split('WeightsUnpickler error: ')[-1].split('. Please use')[0].strip()


def _first_line(error: BaseException) -> str:
    return str(error).strip().split('\n', 1)[0]


# ---------------------------------------------------------------------------- allow-list


def read_safely(read: Callable[[], Any]) -> Any:
    """Read a pickle of tensors, plain values, NumPy numbers and mmengine's log records.

    Args:
        read: Reads with ``weights_only=True``.

    Raises:
        pickle.UnpicklingError: The pickle contains something else.
        Exception: Of any type, if the pickle is damaged.
    """
    allowed = [HistoryBuffer, (_history_buffer_attribute, 'builtins.getattr'), *STAND_INS]
    with torch.serialization.safe_globals(allowed):
        return _to_values(read())


def _history_buffer_attribute(owner: Any, name: str) -> Any:
    """Stand in for ``getattr`` while a checkpoint is read.

    mmengine stores its log buffers with references to their methods, which pickle writes as calls
    of ``getattr``. The builtin would give an untrusted file any attribute of any object.
    """
    if owner is HistoryBuffer and name in ('min', 'max', 'mean', 'current'):
        return getattr(owner, name)
    raise pickle.UnpicklingError(f'the attribute {name!r} of {owner!r}')


# ---------------------------------------------------------------------------- NumPy numbers

# NumPy's own __setstate__ trusts the pickle: incomplete type information ends the process, and
# bytes can be made to act as pointers. These stand-ins turn bytes into numbers and do nothing else.

NUMBERS = re.compile(r'[biuf]\d{1,2}')  # type codes of booleans, integers and floats
TYPE_STATE = (None, None, None, -1, -1, 0)  # fields, sizes and flags of a plain number type


class StoredType:
    """Stand-in for ``numpy.dtype`` that allows only numbers; otherwise it raises ValueError."""

    def __init__(self, code: str, *_: bool) -> None:
        if not (isinstance(code, str) and NUMBERS.fullmatch(code)):
            raise ValueError(f'an array of {code!r}')
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple) -> None:
        """Set the byte order."""
        version, order, *details = state
        if version != 3 or tuple(details) != TYPE_STATE:
            raise ValueError(f'a type of {state!r}')
        self.dtype = self.dtype.newbyteorder(order)


class StoredArray:
    """Stand-in for an array, which :func:`_to_values` replaces by the array."""

    array: np.ndarray

    def __setstate__(self, state: tuple) -> None:
        """Set shape, type and bytes; raise ValueError if they do not match."""
        _, shape, kind, fortran, data = state
        self.array = _numbers(kind, data).reshape(shape, order='F' if fortran else 'C').copy()


def _empty_array(*_: Any) -> StoredArray:
    return StoredArray()


def _number(kind: StoredType, data: bytes) -> Any:
    (number,) = _numbers(kind, data)
    return number


def _numbers(kind: StoredType, data: bytes) -> np.ndarray:
    if not (isinstance(kind, StoredType) and isinstance(data, bytes)):
        raise ValueError(f'numbers of {type(kind).__name__} and {type(data).__name__}')
    return np.frombuffer(data, kind.dtype)


def _no_bytes() -> bytes:
    """Return the bytes of an empty array."""
    return b''


# with the names that pickles contain; NumPy 1 used numpy.core
STAND_INS: list[tuple[Any, str]] = [
    (StoredArray, 'numpy.ndarray'),
    (StoredType, 'numpy.dtype'),
    (_no_bytes, 'builtins.bytes'),
    *((_empty_array, f'numpy.{core}.multiarray._reconstruct') for core in ('_core', 'core')),
    *((_number, f'numpy.{core}.multiarray.scalar') for core in ('_core', 'core')),
]


def _to_values(content: Any) -> Any:
    """Replace stand-ins by arrays; lists and dicts change in place."""
    done: dict[int, tuple[Any, Any]] = {}  # by id: an object and its replacement, which may recur

    def convert(value: Any) -> Any:
        if isinstance(value, StoredArray):
            return value.array
        if isinstance(value, HistoryBuffer):
            convert(vars(value))
            return value
        if type(value) not in (tuple, list, dict, OrderedDict):
            return value
        if id(value) in done:
            return done[id(value)][1]
        if type(value) is tuple:
            done[id(value)] = value, tuple(map(convert, value))
            return done[id(value)][1]
        done[id(value)] = value, value
        if type(value) is list:
            value[:] = map(convert, value)
        else:
            value.update({key: convert(part) for key, part in value.items()})
        return value

    return convert(content)
