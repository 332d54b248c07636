"""Three lists of a dataset: groups from names, dates or a column; look-alikes kept together."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from mmsxm.datasets.image_folder import inner_path
from mmsxm.datasets.loading_report import ProblemCounts
from mmsxm.imaging.fingerprint import hash_file
from mmsxm.imaging.images import MAX_PIXELS, image_id
from mmsxm.imaging.reading import Unreadable
from mmsxm.io.files import atomic_write
from mmsxm.io.safe_parsing import read_records
from mmsxm.preparing.file_reading import read_files
from mmsxm.preparing.split_formats import AnnotatedImage, CsvFormat, SplitFormat
from mmsxm.preparing.splitting import (
    HARMLESS,
    SPLITS,
    assign_groups,
    assign_in_order,
    dates_in,
    folders_of,
    follow_alike,
    join_alike,
)

__all__ = ['Division', 'SplitReport', 'read_column', 'split_dataset']


@dataclass(frozen=True)
class Division:
    """How images are divided.

    Args:
        by: ``folder``, ``date`` or ``column``. Days are divided in their order, and other groups at
            random.
        column: Column of ``table`` with the group or, for ``date``, the date of each image. Without
            it, the date is in the name of the image or its folder.
        table: CSV file with a column ``image``.
        shares: Shares of training, validation and test.
        seed: Seed of the random numbers.

    Raises:
        ValueError: A value is invalid.
    """

    by: str
    column: str | None = None
    table: str | None = None
    shares: tuple[float, float, float] = (0.6, 0.2, 0.2)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.by not in ('folder', 'date', 'column'):
            raise ValueError(f'invalid by={self.by!r}: use folder, date or column')
        if (self.by == 'column' and not self.column) or (self.by == 'folder' and self.column):
            raise ValueError('by=column needs a column. by=folder does not use one.')
        if min(self.shares) <= 0 or abs(sum(self.shares) - 1) > 1e-6:
            raise ValueError(
                f'invalid shares {self.shares}: use three numbers above 0 that sum to 1'
            )


class SplitReport(NamedTuple):
    """Result of a split.

    ``images`` and ``groups`` count those of each list, and ``classes`` the images with each class
    in each list. ``moved`` is the number of images that joined the list of a look-alike, away from
    their day. ``joined`` is the number of groups that became part of another one with look-alikes.
    ``problems`` are images that are in no list.
    """

    images: dict[str, int]
    groups: dict[str, int]
    classes: dict[str, dict[str, int]]
    moved: int
    joined: int
    problems: ProblemCounts
    files: list[Path]

    def missing(self) -> Iterator[tuple[str, str]]:
        """Yield each list and class without an image."""
        for name, counts in self.classes.items():
            for split, count in counts.items():
                if not count:
                    yield split, name


def read_column(paths: Sequence[str], column: str, names: Sequence[str]) -> list[str]:
    """Return the value of a column of CSV files for each of the named images.

    Raises:
        FileNotFoundError: A file does not exist.
        ValueError: The column or the column ``image`` is missing in a file, or an image has no
            value or several.
    """
    values: dict[str, str] = {}
    for path in paths:
        columns, rows = read_records(path)
        if missing := [name for name in ('image', column) if name not in columns]:
            raise ValueError(
                f'{path}:1: the header {",".join(columns)!r} has no column {missing[0]}.'
            )
        for line, row in rows:
            value = row[column].strip()
            try:
                img_id = image_id(inner_path(row['image'].strip()))
            except ValueError as error:
                raise ValueError(f'{path}:{line}: {error}') from None
            known = values.setdefault(img_id, value)
            if known != value:
                raise ValueError(
                    f'{path}:{line}: {column} of {row["image"].strip()} is {value!r}, but was '
                    f'{known!r} in an earlier line. Write the same value in all lines of an image.'
                )
    if empty := [name for name in names if not values.get(image_id(name))]:
        raise ValueError(
            f'{", ".join(paths)}: no {column} for {len(empty):,} of {len(names):,} images. '
            f'The first is {empty[0]}. Add it.'
        )
    return [values[image_id(name)] for name in names]


def split_dataset(
    source: SplitFormat, division: Division, overwrite: bool = False, workers: int = 0
) -> SplitReport:
    """Write the lists of training, validation and test.

    Groups stay whole, and images that look alike are in one list. Groups that share such images are
    joined. Days are not joined: single images follow the earliest of them. Missing and unreadable
    images are in no list.

    Args:
        source: Annotated images.
        division: How to divide them.
        overwrite: Replace lists that exist.
        workers: Number of processes that read images; 0 uses this process.

    Raises:
        ValueError: A list exists or would replace the annotations, an image has no group, or there
            are fewer groups than lists, or a list has no images that look like no earlier one.
    """
    problems = ProblemCounts()
    images = source.images()
    _check_targets(source, source.texts(dict.fromkeys(SPLITS, ())), overwrite)  # before the pixels
    for kind, place in source.problems:
        problems.add(kind, place)
    names = [image.name for image in images]
    group_of = dict(zip(names, _groups(source, division, names), strict=True))
    hashes: dict[str, bytes | None] = {}  # none if all pixels are equal
    read = partial(hash_file, max_pixels=MAX_PIXELS)
    outcomes = read_files([image.path for image in images], read, workers)
    for image, (_, outcome) in zip(images, outcomes, strict=True):
        if isinstance(outcome, Unreadable):
            problems.add('unreadable images', f'{image.name}: {outcome.error}')
        else:
            hashes[image.name] = outcome
    images = [image for image in images if image.name in hashes]
    if not images:
        details = ''.join(f'\n    {line}' for line in problems.lines())
        raise ValueError(f'{source.root} has no annotated image to split.{details}')

    groups = [group_of[image.name] for image in images]
    if division.by == 'date':  # the first of several look-alikes is the earliest
        order = sorted(range(len(images)), key=lambda i: (groups[i], images[i].name))
        images, groups = [images[i] for i in order], [groups[i] for i in order]
        assigned = assign_in_order(groups, division.shares)
        together = follow_alike(assigned, [hashes[image.name] for image in images])
        joined = 0
    else:
        whole = join_alike(groups, [hashes[image.name] for image in images])
        joined = len(set(groups)) - len(set(whole))
        _check_joined(len(set(groups)), joined)
        classes = [image.classes for image in images]
        together = assigned = assign_groups(whole, classes, division.shares, division.seed)

    parts = {
        split: sorted(
            image.name for image, part in zip(images, together, strict=True) if part == index
        )
        for index, split in enumerate(SPLITS)
    }
    if empty := [split for split, names in parts.items() if not names]:
        raise ValueError(
            f'{" and ".join(empty)} would be empty, because their images look like images of '
            'earlier days and move to the lists of those days. Remove copies of images.'
        )
    texts = source.texts(parts)
    for path, text in texts.items():
        atomic_write(path, text.encode())
    return SplitReport(
        images={split: len(names) for split, names in parts.items()},
        groups={
            split: len({g for g, part in zip(groups, assigned, strict=True) if part == index})
            for index, split in enumerate(SPLITS)
        },
        classes=_count_classes(images, parts),
        moved=sum(a != b for a, b in zip(assigned, together, strict=True)),
        joined=joined,
        problems=problems,
        files=list(texts),
    )


def _check_joined(groups: int, joined: int) -> None:
    """Check that look-alikes leave a group for each list."""
    if groups - joined < len(SPLITS) <= groups:
        raise ValueError(
            f'Three lists need at least three groups, but only {groups - joined} of the {groups} '
            'groups remain: the others contain images that look alike. Remove copies of images.'
        )


def _groups(source: SplitFormat, division: Division, names: Sequence[str]) -> list[Any]:
    """Return the group of each image, a date if days are divided in their order."""
    if division.by == 'folder':
        return folders_of(names)
    if division.column is None:
        return dates_in(names, 'names of images')
    if division.table is not None:
        tables = [division.table]
    elif isinstance(source, CsvFormat):
        tables = [source.path(name) for name in source.lists]
    else:
        raise ValueError(
            f'Use --table FILE to name a CSV file with the columns image and {division.column}.'
        )
    values = read_column(tables, division.column, names)
    return dates_in(values, f'values of {division.column}') if division.by == 'date' else values


def _check_targets(source: SplitFormat, texts: Mapping[Path, str], overwrite: bool) -> None:
    """Check that no file is lost.

    Raises:
        ValueError: A list exists, or has the annotations.
    """
    lists = {os.path.realpath(source.path(name)) for name in source.lists}
    for path in texts:
        if source.lists_have_annotations and os.path.realpath(path) in lists:
            raise ValueError(
                f'{path} has annotations of all lists and would be replaced. Rename it first.'
            )
        if path.exists() and not overwrite and path.name not in source.replaced:
            raise ValueError(f'{path} exists. To replace it, add --overwrite.')


def _count_classes(
    images: Sequence[AnnotatedImage], parts: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, int]]:
    """Count the images with each class in each list, in the order of the names."""
    classes_of = {image.name: image.classes or {HARMLESS} for image in images}
    names = sorted({name for classes in classes_of.values() for name in classes} - {HARMLESS})
    counts = {
        split: Counter(name for image in part for name in classes_of[image])
        for split, part in parts.items()
    }
    return {name: {split: counts[split][name] for split in parts} for name in [*names, HARMLESS]}
