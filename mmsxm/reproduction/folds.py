"""Cross-validation: the positives of a data set in folds, each of which is tested once.

SIXray's images are numbered in the order of their scans, so neighbors often show the same bag.
Folds are therefore dealt out in blocks of neighboring numbers, and images that look alike stay in
one fold.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmsxm.datasets import SIXray
from mmsxm.imaging.fingerprint import fingerprint_file
from mmsxm.imaging.images import MAX_PIXELS
from mmsxm.imaging.near_duplicates import first_alike
from mmsxm.imaging.reading import Unreadable
from mmsxm.io.files import sha256, write_csv

__all__ = ['FoldLists', 'Folds', 'assign_folds', 'number_of', 'positives_of']

SPLITS = ('train', 'test')


@dataclass(frozen=True)
class Folds:
    """How images are dealt out: ``count`` folds, in blocks of ``block`` neighboring numbers."""

    count: int
    block: int

    @classmethod
    def from_suite(cls, suite: Mapping[str, Any]) -> 'Folds | None':
        """Return the folds of a suite, None if it has a fixed split.

        Raises:
            ValueError: The setting is invalid.
        """
        settings = suite.get('folds')
        if settings is None:
            return None
        valid = isinstance(settings, dict) and set(settings) == {'count', 'block'}
        if not valid or any(type(n) is not int or n < 1 for n in settings.values()):
            raise ValueError(
                f'invalid folds = {settings}: write folds = dict(count=5, block=25), with positive '
                'integers'
            )
        folds = cls(**settings)
        if folds.count < 2 or suite.get('family') != 'sixray':
            raise ValueError(
                f'invalid folds = {settings}: a suite needs at least two folds, and '
                "family = 'sixray', whose image names contain numbers"
            )
        return folds


def number_of(name: str) -> int:
    """Return the number in an image's name, 30 of ``P00030``.

    Raises:
        ValueError: The name does not end in a number.
    """
    found = re.search(r'\d+$', name)
    if found is None:
        raise ValueError(
            f'the image name {name} does not end in a number: folds are dealt out by the numbers '
            'of the images'
        )
    return int(found[0])


def assign_folds(names: Sequence[str], hashes: Sequence[bytes], folds: Folds) -> list[int]:
    """Return the fold of each image.

    A group of images that look alike goes to the fold of its lowest number.

    Args:
        names: Names of the images, without suffix.
        hashes: Their perceptual hashes.
        folds: How to deal out.
    """
    order = sorted(range(len(names)), key=lambda index: (number_of(names[index]), names[index]))
    leaders = first_alike([hashes[index] for index in order])
    fold_of = {
        index: number_of(names[order[leader]]) // folds.block % folds.count
        for index, leader in zip(order, leaders, strict=True)
    }
    return [fold_of[index] for index in range(len(names))]


def positives_of(dataset: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the usable positives of both splits of a data set, by number.

    Args:
        dataset: The suite's settings of the data set, such as its root.
    """
    infos: dict[str, dict[str, Any]] = {}
    for split in SPLITS:
        data = SIXray(**{**dataset, 'split': split}, positives_only=True, pipeline=[])
        for index in range(len(data)):
            info = data.get_data_info(index)
            infos.setdefault(info['img_id'], info)
    return sorted(infos.values(), key=lambda info: (number_of(info['img_id']), info['img_id']))


class FoldLists:
    """The lists of each fold's training and test images, in SIXray's format.

    The same images give the same bytes.

    Args:
        folder: The folder of the lists.
        folds: How images are dealt out.
    """

    def __init__(self, folder: Path, folds: Folds) -> None:
        self.folder = folder.absolute()
        self.folds = folds

    def path(self, fold: int, split: str) -> Path:
        """Return the path of a list; ``split`` is ``train`` or ``test``."""
        return self.folder / f'fold{fold}-{split}.csv'

    def write(self, dataset: Mapping[str, Any]) -> None:
        """Write the lists of all folds over the positives of a data set.

        Raises:
            ValueError: An image is unreadable, or a fold has no image.
        """
        infos = positives_of(dataset)
        hashes = [_hash(info['img_path']) for info in infos]
        fold_of = assign_folds([info['img_id'] for info in infos], hashes, self.folds)
        if empty := set(range(self.folds.count)) - set(fold_of):
            raise ValueError(
                f'fold {min(empty)} has no image: the {len(infos):,} positives of '
                f'{dataset["data_root"]} are too few, or their numbers too close, for '
                f'{self.folds.count} folds in blocks of {self.folds.block}. Choose smaller blocks.'
            )
        rows = [
            {
                'name': info['img_id'],
                **{
                    name: 1 if label in info['gt_label'] else -1
                    for label, name in enumerate(SIXray.METAINFO['classes'])
                },
            }
            for info in infos
        ]
        for fold in range(self.folds.count):
            pairs = list(zip(rows, fold_of, strict=True))
            write_csv(self.path(fold, 'train'), [row for row, own in pairs if own != fold])
            write_csv(self.path(fold, 'test'), [row for row, own in pairs if own == fold])

    def digests(self, fold: int) -> dict[str, str] | None:
        """Return the SHA-256 of both lists of a fold, None if they are not written yet."""
        paths = {split: self.path(fold, split) for split in SPLITS}
        if not all(path.exists() for path in paths.values()):
            return None
        return {split: sha256(path) for split, path in paths.items()}

    def apply(self, cfg: Config, fold: int) -> None:
        """Let a config train on all folds but one and test on that one, in place.

        ``cfg.fold`` describes the protocol, which is part of the digest of a run.
        """
        cfg.fold = {'fold': fold, **asdict(self.folds)}
        cfg.train_dataloader.dataset.ann_file = str(self.path(fold, 'train'))
        for loader in ('val_dataloader', 'test_dataloader'):
            cfg[loader].dataset.ann_file = str(self.path(fold, 'test'))


def _hash(path: str) -> bytes:
    fingerprint = fingerprint_file(path, MAX_PIXELS)
    if isinstance(fingerprint, Unreadable):
        raise ValueError(f'{path} is unreadable: {fingerprint.error}. Restore it, or unlist it.')
    return fingerprint.hash
