"""Search for images that look the same, by their perceptual hashes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

__all__ = ['LIMIT', 'Twin', 'find_root', 'first_alike', 'nearest_earlier', 'nearest_of']

# Of 255 bits. Up to this distance, all inspected pairs of SIXray show one bag, scanned twice. From
# 44 bits, its contents have moved. From 56 bits, the contents are different. Different simulated
# bags differ by at least 66 bits.
LIMIT = 40
BLOCK = 2048


class Twin(NamedTuple):
    """Indices of an image and of a similar one, and the number of bits by which they differ."""

    image: int
    other: int
    distance: int


def nearest_of(hashes: Sequence[bytes], others: Sequence[bytes], limit: int = LIMIT) -> list[Twin]:
    """Return the nearest of the others for each hash that has one within the limit."""
    return _search(hashes, others, limit, earlier=False)


def nearest_earlier(hashes: Sequence[bytes], limit: int = LIMIT) -> list[Twin]:
    """Return the nearest earlier hash for each hash that has one within the limit."""
    return _search(hashes, hashes, limit, earlier=True)


def find_root(parents: list[int], index: int) -> int:
    """Return the root of an index in a forest, and shorten the path to it."""
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index


def first_alike(hashes: Sequence[bytes], limit: int = LIMIT) -> list[int]:
    """Group images that look alike, and return the index of the first image of each one's group.

    Two images are in one group if a chain of pairs within the limit connects them. An image that
    looks like no other is its own group.
    """
    first = list(range(len(hashes)))
    signs = _signs(hashes) if hashes else np.empty((0, 0), np.float32)
    for start in range(0, len(signs), BLOCK):
        block = signs[start : start + BLOCK]
        distances = (signs.shape[1] - block @ signs.T) / 2
        for row, other in zip(*np.nonzero(distances <= limit), strict=True):
            a, b = find_root(first, start + int(row)), find_root(first, int(other))
            first[max(a, b)] = min(a, b)
    return [find_root(first, index) for index in range(len(hashes))]


def _search(
    hashes: Sequence[bytes], others: Sequence[bytes], limit: int, earlier: bool
) -> list[Twin]:
    if not hashes or not others:
        return []
    # count differing bits with a product of signs, because NumPy before version 2 cannot count bits
    queries, keys = _signs(hashes), _signs(others)
    bits = queries.shape[1]
    twins = []
    for start in range(0, len(queries), BLOCK):
        block = queries[start : start + BLOCK]
        best = np.full(len(block), limit + 1, np.float32)
        which = np.zeros(len(block), np.int64)
        rows = start + np.arange(len(block))[:, None]
        for first in range(0, min(start + BLOCK, len(keys)) if earlier else len(keys), BLOCK):
            part = keys[first : first + BLOCK]
            distances = (bits - block @ part.T) / 2
            if earlier:
                distances[first + np.arange(len(part)) >= rows] = bits
            nearest = distances.argmin(axis=1)
            found = np.take_along_axis(distances, nearest[:, None], axis=1)[:, 0]
            better = found < best
            best[better], which[better] = found[better], first + nearest[better]
        twins += [
            Twin(start + i, int(which[i]), int(best[i])) for i in np.flatnonzero(best <= limit)
        ]
    return twins


def _signs(hashes: Sequence[bytes]) -> np.ndarray:
    packed = np.frombuffer(b''.join(hashes), np.uint8).reshape(len(hashes), -1)
    return np.unpackbits(packed, axis=1).astype(np.float32) * 2 - 1
