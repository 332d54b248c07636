"""Pictures of verdicts, drawn in worker processes from the image files."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmsxm.imaging.images import read_image
from mmsxm.imaging.pixel_mapping import UPPER_BITS, PixelMapping
from mmsxm.imaging.preprocessing import View
from mmsxm.inference.verdict_picture import draw_verdict
from mmsxm.io.files import atomic_write

__all__ = ['overlay_path', 'write_overlay']

LONGEST = 200  # bytes of the name of an image in that of its picture


def overlay_path(folder: Path, path: str) -> Path:
    """Return the path of the picture of a file: its name and a digest of its path, to be unique."""
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
    stem = Path(path).stem
    while len(os.fsencode(stem)) > LONGEST:
        stem = stem[:-1]  # whole characters: Windows cannot decode a part of one
    return folder / f'{stem}-{digest}.jpg'


def write_overlay(
    folder: Path,
    record: Mapping[str, Any],
    attention_map: np.ndarray | None,
    view: View,
    max_pixels: int,
    mapping: PixelMapping = UPPER_BITS,
) -> str | None:
    """Read an image again and write its picture; return its path, or None if reading fails."""
    try:
        image = read_image(record['path'], max_pixels, mapping)
    except Exception:  # the file was readable before and has changed since
        return None
    picture = draw_verdict(image[..., ::-1], record, attention_map, view.window)
    _, data = cv2.imencode('.jpg', picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    out = overlay_path(folder, record['path'])
    atomic_write(out, data.tobytes(), sync=False)  # pictures can be drawn again
    return str(out)
