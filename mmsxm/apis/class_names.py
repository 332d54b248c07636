"""Classes, in whose order a network gives its scores and a data set its labels."""

from collections.abc import Sequence

__all__ = ['require_same_classes']


def require_same_classes(labelled: Sequence[str], known: Sequence[str]) -> None:
    """ValueError where images are labelled by other classes, or another order, than a network's."""
    if tuple(labelled) != tuple(known):
        raise ValueError(
            f'the images are labelled {", ".join(labelled)}, the network knows {", ".join(known)}'
        )
