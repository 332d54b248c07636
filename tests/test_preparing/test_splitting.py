from collections import Counter
from datetime import date

import numpy as np
import pytest

from mmsxm.preparing.splitting import (
    HARMLESS,
    assign_groups,
    assign_in_order,
    dates_in,
    folders_of,
    follow_alike,
    join_alike,
)

SHARES = (0.6, 0.2, 0.2)


def test_the_group_is_the_folder():
    assert folders_of(['a/1.png', 'a/b/2.png', 'a/3.png']) == ['a', 'a/b', 'a']
    with pytest.raises(ValueError, match=r'1 images are in no subfolder .*, first 2\.png\. Put'):
        folders_of(['a/1.png', '2.png'])


def test_dates_are_found_in_names():
    names = [
        '2024-05-01/1.png',
        'lane2/20240502_093000.png',
        'bag_2024_05_03.png',
        '20240504101500.png',
        '20241340/2024.05.05-1.png',  # there is no month 13
    ]
    assert dates_in(names, 'names') == [date(2024, 5, day) for day in range(1, 6)]
    for wrong in ('120240501.png', '202405011.png', '2024-05_01.png', '2024-02-30.png'):
        with pytest.raises(ValueError, match=r'1 names have no date, first .*\. Write dates as'):
            dates_in(['2024-05-01', wrong], 'names')


def test_the_latest_days_are_the_test():
    days = [date(2024, 5, 1 + number // 10) for number in range(100)]
    lists = assign_in_order(days[::-1], SHARES)
    assert lists == [2] * 20 + [1] * 20 + [0] * 60


@pytest.mark.parametrize(
    ('sizes', 'expected'),
    [
        ([1, 1, 1], [0, 1, 2]),
        ([97, 1, 1, 1], [0, 1, 2, 2]),
        ([1, 1, 98], [0, 1, 2]),
        ([1, 98, 1], [0, 1, 2]),
        ([30, 30, 20, 20], [0, 0, 1, 2]),
    ],
)
def test_no_list_stays_empty_however_large_a_day_is(sizes, expected):
    days = [date(2024, 5, day) for day, size in enumerate(sizes, 1) for _ in range(size)]
    of_day = dict(zip(days, assign_in_order(days, SHARES), strict=True))
    assert list(of_day.values()) == expected


def bags(groups=30, seed=0):
    """Return the group and the classes of images, with a rare class."""
    rng = np.random.default_rng(seed)
    found = []
    for group in range(groups):
        for _ in range(rng.integers(1, 40)):
            classes = {'Gun'} if rng.random() < 0.3 else set()
            found.append((f'g{group:02}', classes | ({'Bat'} if group % 10 == 3 else set())))
    return [group for group, _ in found], [classes for _, classes in found]


def test_groups_stay_whole_and_shares_are_kept_by_class():
    groups, classes = bags()
    lists = assign_groups(groups, classes, SHARES, seed=0)
    assert len({*zip(groups, lists, strict=True)}) == 30
    for name in ('Gun', 'Bat', None):
        rows = [part for part, own in zip(lists, classes, strict=True) if name in own or not name]
        parts = Counter(rows)
        if name == 'Bat':  # in three groups, one for each list
            assert set(parts) == {0, 1, 2}
        else:
            shares = [parts[k] / len(rows) for k in range(3)]
            assert shares == pytest.approx(SHARES, abs=0.05)


def test_the_seed_decides():
    groups, classes = bags()
    first = assign_groups(groups, classes, SHARES, seed=0)
    assert assign_groups(groups, classes, SHARES, seed=0) == first
    assert assign_groups(groups, classes, SHARES, seed=1) != first
    order = np.random.default_rng(0).permutation(len(groups))
    shuffled = assign_groups(
        [groups[i] for i in order], [classes[i] for i in order], SHARES, seed=0
    )
    assert shuffled == [first[i] for i in order]  # the order of the images does not matter


def test_three_groups_are_three_lists_and_two_are_an_error():
    assert sorted(assign_groups(['a', 'b', 'c'], [{'Gun'}] * 3, SHARES, seed=0)) == [0, 1, 2]
    with pytest.raises(ValueError, match=r'at least three groups, but there are 2: a, b\. Split'):
        assign_groups(['a', 'b'], [{'Gun'}] * 2, SHARES, seed=0)
    with pytest.raises(ValueError, match=r'at least three days, but there are 1: 2024-05-01'):
        assign_in_order([date(2024, 5, 1)] * 5, SHARES)


def test_look_alikes_join_the_list_of_the_first():
    rng = np.random.default_rng(0)
    hashes = [rng.bytes(32) for _ in range(4)]
    near = bytearray(hashes[1])
    near[0] ^= 0b11
    assert follow_alike([0, 1, 2, 0, 2], [*hashes, bytes(near)]) == [0, 1, 2, 0, 1]


def test_groups_that_share_look_alikes_are_joined_by_chains():
    rng = np.random.default_rng(0)
    one, two, other = (rng.bytes(32) for _ in range(3))
    groups = ['d', 'c', 'c', 'b', 'a', 'e', 'e']
    hashes = [one, one, two, two, other, None, None]
    assert join_alike(groups, hashes) == ['b', 'b', 'b', 'b', 'a', 'e', 'e']
    assert join_alike(['a', 'b'], [None, None]) == ['a', 'b']  # images of one gray value


def test_harmless_bags_are_spread_like_a_class():
    groups = [f'g{number}' for number in range(12)]
    classes = [set() if number in (1, 5, 9) else {'Gun'} for number in range(12)]
    lists = assign_groups(groups, classes, SHARES, seed=3)
    assert {part for part, own in zip(lists, classes, strict=True) if not own} == {0, 1, 2}
    assert HARMLESS == 'harmless bags'
