"""What images are called in tables."""

from pathlib import Path
from typing import Any

from mmsxm.imaging.images import image_id

__all__ = ['image_name']


def image_name(sample: Any) -> str:
    """The ``img_id`` of a sample, which no other has; where it isn't packed, the file's name."""
    return sample.get('img_id') or image_id(Path(sample.get('img_path')).name)
