"""What images are called in tables."""

from pathlib import Path
from typing import Any

__all__ = ['image_name']


def image_name(sample: Any) -> str:
    """The ``img_id`` of a sample, which no other has; where it isn't packed the file's stem."""
    return sample.get('img_id') or Path(sample.get('img_path')).stem
