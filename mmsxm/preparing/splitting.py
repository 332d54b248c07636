"""Division of images into training, validation and test, whole groups at a time.

A group is what must not be divided: the images of a day, a bag or a checkpoint. Images of one bag
look alike, so a network that trains on some of them is tested on what it remembers.
"""

import random
import re
from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from datetime import date
from pathlib import PurePosixPath

from mmsxm.imaging.near_duplicates import find_root, first_alike

__all__ = [
    'HARMLESS',
    'SPLITS',
    'assign_groups',
    'assign_in_order',
    'dates_in',
    'folders_of',
    'follow_alike',
    'join_alike',
]

SPLITS = ('train', 'val', 'test')
HARMLESS = 'harmless bags'  # counted like a class
DRAWS, MOST_STEPS = 100, 300_000  # assignments to choose from, and the work to spend on them
# not within a longer number, unless a time of six digits follows
DATE = re.compile(r'(?<!\d)((?:19|20)\d\d)([-_.]?)(\d\d)\2(\d\d)(?=\d{6}(?!\d)|(?!\d))')


def folders_of(names: Sequence[str]) -> list[str]:
    """Return the folder of each image, relative to the image folder.

    Raises:
        ValueError: An image is in no subfolder.
    """
    folders = [str(PurePosixPath(name).parent) for name in names]
    if loose := [name for name, folder in zip(names, folders, strict=True) if folder == '.']:
        raise ValueError(
            f'{len(loose):,} images are in no subfolder of the image folder, first {loose[0]}. Put '
            'the images of each day or bag in a folder, or split by date or by a column.'
        )
    return folders


def dates_in(texts: Sequence[str], source: str) -> list[date]:
    """Return the first date in each text, such as 2024-05-01, 2024_05_01 or 20240501.

    Raises:
        ValueError: A text has no date. The message names ``source``.
    """
    dates = [_date(text) for text in texts]
    if missing := [text for text, day in zip(texts, dates, strict=True) if day is None]:
        raise ValueError(
            f'{len(missing):,} {source} have no date, first {missing[0]!r}. Write dates as '
            '2024-05-01 or 20240501, or split by folder or by a column.'
        )
    return [day for day in dates if day is not None]


def _date(text: str) -> date | None:
    for match in DATE.finditer(text):
        try:
            return date(int(match[1]), int(match[3]), int(match[4]))
        except ValueError:  # a month or day that does not exist
            continue
    return None


def assign_in_order(groups: Sequence[date], shares: Sequence[float]) -> list[int]:
    """Assign the earliest days to training, the next to validation and the latest to test.

    Args:
        groups: Day of each image.
        shares: Share of the images for each list; they sum to 1.

    Returns:
        The index into :data:`SPLITS` of each image.

    Raises:
        ValueError: There are fewer days than lists.
    """
    sizes = Counter(groups)
    days = sorted(sizes)
    _check_count(days, len(shares), 'days')
    # a day belongs to the list in whose share its middle lies, but no list stays empty
    list_of: dict[date, int] = {}
    before, current = 0, 0
    for index, day in enumerate(days):
        middle = (before + sizes[day] / 2) / len(groups)
        wanted = sum(middle >= sum(shares[: k + 1]) for k in range(len(shares) - 1))
        needed = len(shares) - (len(days) - index)  # the last days are for the last lists
        current = max(min(wanted, current + 1 if index else 0), current, needed)
        list_of[day] = current
        before += sizes[day]
    return [list_of[day] for day in groups]


def assign_groups(
    groups: Sequence[Hashable],
    classes: Sequence[Collection[str]],
    shares: Sequence[float],
    seed: int,
) -> list[int]:
    """Assign groups at random, and keep the shares of all images and of each class.

    Of several random assignments, the one with the fewest classes missing in a list wins, and among
    these the one whose counts are closest to the shares. The result depends only on the arguments.

    Args:
        groups: Group of each image.
        classes: Classes of each image; none for a harmless bag.
        shares: Share of the images for each list; they sum to 1.
        seed: Seed of the random numbers.

    Returns:
        The index into :data:`SPLITS` of each image.

    Raises:
        ValueError: There are fewer groups than lists.
    """
    counts: dict[Hashable, Counter[str]] = {}
    for group, names in zip(groups, classes, strict=True):
        counts.setdefault(group, Counter()).update(['', *(names or [HARMLESS])])
    order = sorted(counts, key=str)
    _check_count(order, len(shares), 'groups')
    totals = sum(counts.values(), Counter[str]())
    rng = random.Random(seed)
    draws = max(1, min(DRAWS, MOST_STEPS // len(order)))
    best = min(
        (_draw(order, counts, shares, len(groups), rng) for _ in range(draws)),
        key=lambda list_of: _cost(list_of, counts, totals, shares),
    )
    return [best[group] for group in groups]


def _check_count(groups: Sequence[Hashable], lists: int, kind: str) -> None:
    if len(groups) < lists:
        raise ValueError(
            f'Three lists need at least three {kind}, but there are {len(groups)}: '
            f'{", ".join(map(str, groups))}. Split into smaller groups.'
        )


def _draw(
    order: Sequence[Hashable],
    counts: dict[Hashable, Counter[str]],
    shares: Sequence[float],
    total: int,
    rng: random.Random,
) -> dict[Hashable, int]:
    """Give each group, in random order, to the list that lacks the most images."""
    list_of: dict[Hashable, int] = {}
    lacking = [share * total for share in shares]
    empty = set(range(len(shares)))
    for index, group in enumerate(shuffled := rng.sample(order, len(order))):
        open_lists = empty if len(shuffled) - index == len(empty) else range(len(shares))
        chosen = max(open_lists, key=lambda k: (lacking[k], -k))
        lacking[chosen] -= counts[group]['']
        empty.discard(chosen)
        list_of[group] = chosen
    return list_of


def _cost(
    list_of: dict[Hashable, int],
    counts: dict[Hashable, Counter[str]],
    totals: Counter[str],
    shares: Sequence[float],
) -> tuple[int, float]:
    """Return the number of classes that are missing in a list, and the deviation from shares."""
    found: list[Counter[str]] = [Counter() for _ in shares]
    for group, chosen in list_of.items():
        found[chosen].update(counts[group])
    missing, deviation = 0, 0.0
    for part, share in zip(found, shares, strict=True):
        missing += sum(not part[name] for name in totals)
        deviation += sum(abs(part[name] / totals[name] - share) for name in totals)
    return missing, deviation


def follow_alike(assigned: Sequence[int], hashes: Sequence[bytes | None]) -> list[int]:
    """Move images that look alike to the list of the first of them.

    Args:
        assigned: List of each image.
        hashes: Perceptual hashes of the images. An image without one looks like no other.
    """
    return [assigned[first] for first in _first_alike(hashes)]


def join_alike(groups: Sequence[str], hashes: Sequence[bytes | None]) -> list[str]:
    """Join groups that share images that look alike; each gets the first of its names.

    Args:
        groups: Group of each image.
        hashes: Perceptual hashes of the images. An image without one looks like no other.
    """
    names = sorted(set(groups))
    number = {name: index for index, name in enumerate(names)}
    parents = list(range(len(names)))
    for group, first in zip(groups, _first_alike(hashes), strict=True):
        a, b = (find_root(parents, number[name]) for name in (group, groups[first]))
        parents[max(a, b)] = min(a, b)
    return [names[find_root(parents, number[group])] for group in groups]


def _first_alike(hashes: Sequence[bytes | None]) -> list[int]:
    """Return the index of the first image that looks like each one."""
    known = [(index, value) for index, value in enumerate(hashes) if value is not None]
    first = list(range(len(hashes)))
    for (index, _), other in zip(known, first_alike([value for _, value in known]), strict=True):
        first[index] = known[other][0]
    return first
