"""Classes, in whose order a network gives its scores and a data set its labels."""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ['require_same_classes', 'taught_classes']


def taught_classes(meta: Mapping[str, Any]) -> Sequence[str] | None:
    """The classes of a checkpoint's ``meta``; None for weights alone, which don't tell."""
    return meta.get('dataset_meta', {}).get('classes')


def require_same_classes(labelled: Sequence[str], known: Sequence[str]) -> None:
    """ValueError where images are labelled by other classes, or another order, than a network's."""
    if tuple(labelled) != tuple(known):
        raise ValueError(
            f'the images are labelled {", ".join(labelled)}, the network knows {", ".join(known)}'
        )
