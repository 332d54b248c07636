"""Bank of items to project into images of bags.

A bank is a single file of arrays that cannot run code.
"""

import json
import os
import struct
from collections.abc import Sequence
from io import BytesIO
from typing import Any, NamedTuple

import cv2
import numpy as np

from mmsxm.imaging.images import MAX_PIXELS
from mmsxm.imaging.plain_images import png_is_whole
from mmsxm.io.safe_parsing import parse_json

__all__ = ['Threat', 'ThreatBank']

FORMAT = 1
MOST_PACKED = 1032  # maximum compression ratio of PNG
ARRAYS = ('header', 'data', 'ends', 'labels', 'scales', 'sources')


class Threat(NamedTuple):
    """Item with its transmission, label, scale and source.

    ``patch`` is ``(h, w, 3)`` uint8, BGR, where 255 means that everything passes. ``scale`` is the
    width of one patch pixel in pixels of the source image. ``source`` is the id of that image.
    """

    patch: np.ndarray
    label: int
    scale: float
    source: str


def _decode(code: np.ndarray) -> np.ndarray | None:
    """Decode a PNG.

    Return None if the bytes are not a PNG, or declare more pixels than they contain.
    """
    data = code.tobytes()
    signature, _, width, height = struct.unpack_from('>8s8sII', data.ljust(24, b'\0'))
    pixels = min(MAX_PIXELS, MOST_PACKED * len(code) // 3)
    if signature != b'\x89PNG\r\n\x1a\n' or width * height > pixels:
        return None
    if not png_is_whole(BytesIO(data)):
        return None
    try:
        patch: np.ndarray | None = cv2.imdecode(code, cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return patch


class ThreatBank:
    """Items of the classes of one dataset, kept compressed until they are read.

    Args:
        threats: Items.
        header: Metadata of JSON types. ``classes`` is required.

    Raises:
        ValueError: There are no items, or a label is not one of the classes.
    """

    def __init__(self, threats: Sequence[Threat], header: dict[str, Any]) -> None:
        packed = [cv2.imencode('.png', threat.patch)[1] for threat in threats]
        self._set(
            header=header,
            data=np.concatenate([np.zeros(0, np.uint8), *packed]),
            ends=np.cumsum([len(code) for code in packed], dtype=np.int64),
            labels=np.array([threat.label for threat in threats], dtype=np.int64),
            scales=np.array([threat.scale for threat in threats], dtype=np.float32),
            sources=np.array([threat.source for threat in threats], dtype=np.str_),
        )

    def _set(
        self,
        header: dict[str, Any],
        data: np.ndarray,
        ends: np.ndarray,
        labels: np.ndarray,
        scales: np.ndarray,
        sources: np.ndarray,
    ) -> None:
        number = len(labels)
        if not number:
            raise ValueError('there are no items')
        if not (len(ends) == len(scales) == len(sources) == number):
            raise ValueError('its arrays differ in length')
        if np.any(np.diff(ends, prepend=0) <= 0) or ends[-1] != len(data):
            raise ValueError('the sizes of its patches do not match its data')
        classes = header.get('classes')
        if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
            raise ValueError('its header does not name the classes')
        if labels.min() < 0 or labels.max() >= len(classes):
            raise ValueError('it has labels outside its classes')
        if not ((scales > 0) & (scales <= 100)).all():
            raise ValueError('it has scales outside 0..100')
        self.place = 'the bank'
        self.header = header
        self.classes: tuple[str, ...] = tuple(classes)
        self.labels = labels
        self._data, self._ends, self._scales, self._sources = data, ends, scales, sources

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def sources(self) -> set[str]:
        """Return the ids of the images that the items come from."""
        return set(self._sources.tolist())

    def __getitem__(self, index: int) -> Threat:
        """Decode an item.

        Raises:
            ValueError: The patch is not a picture.
        """
        start = int(self._ends[index - 1]) if index else 0
        patch = _decode(self._data[start : int(self._ends[index])])
        if patch is None:
            raise ValueError(f'Item {index} of {self.place} is damaged. Build the bank again.')
        return Threat(
            patch, int(self.labels[index]), float(self._scales[index]), str(self._sources[index])
        )

    def check_classes(self, classes: Sequence[str]) -> None:
        """Check that a dataset has the same classes in the same order.

        Raises:
            ValueError: The classes differ.
        """
        if tuple(classes) != self.classes:
            raise ValueError(
                f'The threat bank has the classes {", ".join(self.classes)}, but the dataset has '
                f'{", ".join(classes)}. Build a bank from this dataset with mmsxm threat-bank.'
            )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the bank. Equal banks give identical bytes."""
        with open(path, 'wb') as file:
            np.savez(
                file,
                header=np.array(json.dumps({'format': FORMAT, **self.header})),
                data=self._data,
                ends=self._ends,
                labels=self.labels,
                scales=self._scales,
                sources=self._sources,
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> 'ThreatBank':
        """Read a bank.

        Raises:
            FileNotFoundError: The file does not exist.
            ValueError: The file is not a bank, or has another format version.
        """
        if not os.path.isfile(path):
            raise FileNotFoundError(
                f'The threat bank {os.fspath(path)!r} does not exist. Build it with mmsxm '
                'threat-bank, or set THREAT_BANK to its path (docs/threat_projection.md).'
            )
        bank = cls.__new__(cls)
        try:
            with np.load(path, allow_pickle=False) as file:
                missing = [name for name in ARRAYS if name not in file]
                if missing:
                    raise ValueError(f'it lacks {", ".join(missing)}')
                arrays = {name: file[name] for name in ARRAYS}
            header = parse_json(str(arrays.pop('header')))
            if not isinstance(header, dict) or header.pop('format', None) != FORMAT:
                raise ValueError(f'its format is not {FORMAT}')
            kinds = {name: array.dtype.kind for name, array in arrays.items()}
            if kinds != {'data': 'u', 'ends': 'i', 'labels': 'i', 'scales': 'f', 'sources': 'U'}:
                raise ValueError('its arrays have the wrong types')
            if any(array.ndim != 1 for array in arrays.values()):
                raise ValueError('its arrays have the wrong shapes')
            arrays['sources'].tolist()  # fails on invalid characters
            bank._set(header, **arrays)
            bank.place = os.fspath(path)
        except Exception as error:  # readers of zip archives and arrays raise many types
            raise ValueError(
                f'{os.fspath(path)} is not a threat bank that this version can read ({error}). '
                'Build it again with mmsxm threat-bank.'
            ) from error
        return bank
