"""NumPy's arrays and numbers in checkpoints, made from what a pickle says of them, not by NumPy.

NumPy's own ``__setstate__`` believes what it is told: a type that is told too little ends the
process, and one may be told to follow bytes as pointers. Here bytes become numbers, nothing else.
"""

import re
from collections import OrderedDict
from typing import Any

import numpy as np
from mmengine.logging import HistoryBuffer

__all__ = ['STAND_INS', 'StoredArray', 'StoredType', 'to_values']

NUMBERS = re.compile(r'[biuf]\d{1,2}')  # types of booleans, integers and fractions
TOLD_OF_NUMBERS = (None, None, None, -1, -1, 0)  # of fields, sizes and flags, behind the order


class StoredType:
    """Stands in for ``numpy.dtype``; ValueError for what is no type of numbers."""

    def __init__(self, code: str, *_: bool) -> None:
        if not (isinstance(code, str) and NUMBERS.fullmatch(code)):
            raise ValueError(f'an array of {code!r}')
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple) -> None:
        """Take the order of bytes."""
        version, order, *told = state
        if version != 3 or tuple(told) != TOLD_OF_NUMBERS:
            raise ValueError(f'a type of {state!r}')
        self.dtype = self.dtype.newbyteorder(order)


class StoredArray:
    """Stands in for an array, which :func:`to_values` puts in its place."""

    array: np.ndarray

    def __setstate__(self, state: tuple) -> None:
        """Take shape, type and bytes; ValueError when they don't go together."""
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
    """Those of an empty array."""
    return b''


# with the names that pickles have for what they stand in for; NumPy 1 had other ones
STAND_INS: list[tuple[Any, str]] = [
    (StoredArray, 'numpy.ndarray'),
    (StoredType, 'numpy.dtype'),
    (_no_bytes, 'builtins.bytes'),
    *((_empty_array, f'numpy.{core}.multiarray._reconstruct') for core in ('_core', 'core')),
    *((_number, f'numpy.{core}.multiarray.scalar') for core in ('_core', 'core')),
]


def to_values(content: Any) -> Any:
    """What was read, with arrays where they were stood in for; lists and dicts change in place."""
    done: dict[int, tuple[Any, Any]] = {}  # what was met and what became of it: it may be met again

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
