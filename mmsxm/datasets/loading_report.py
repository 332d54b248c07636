"""Report of a dataset: what it uses, what it skips, and why."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mmsxm.io.safe_parsing import printable

if TYPE_CHECKING:
    from mmsxm.datasets.xray_dataset import XrayDataset

__all__ = ['LoadingReport', 'ProblemCounts']


class ProblemCounts:
    """Numbers of problems by kind, with the first few places of each.

    Args:
        examples: Number of places to keep for each kind.
    """

    def __init__(self, examples: int = 3) -> None:
        self.counts: dict[str, int] = {}
        self.places: dict[str, list[str]] = {}
        self._examples = examples

    def add(self, kind: str, place: str) -> None:
        """Count one more problem of ``kind`` at ``place``."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        places = self.places.setdefault(kind, [])
        if len(places) < self._examples:
            places.append(printable(place))  # file names may contain any character

    def lines(self) -> Iterator[str]:
        """Yield one line for each kind, most frequent first."""
        for kind, count in sorted(self.counts.items(), key=lambda item: -item[1]):
            more = ', ...' if count > len(self.places[kind]) else ''
            yield f'{kind}: {count:,} ({", ".join(self.places[kind])}{more})'


class LoadingReport:
    """Problems of a dataset, and notes on what is not a problem.

    With ``strict``, a dataset refuses problems. Notes are only reported.
    """

    def __init__(self) -> None:
        self.problems, self.notes = ProblemCounts(), ProblemCounts()

    def text(self, dataset: 'XrayDataset', rows: int, data_list: Sequence[dict]) -> str:
        """Return the report of a dataset that uses ``data_list`` of the rows of its list."""
        prepared = dataset.prepared
        copy = '' if prepared is None else f', prepared ({prepared.size} pixels)'
        lines = (
            f'{type(dataset).__name__}: using {len(data_list):,} of {rows:,} rows of '
            f'{dataset.ann_file}, with images from {dataset.img_prefix}{copy}',
            *_content(data_list, dataset.CLASSES),
            *self.notes.lines(),
            *self.problems.lines(),
        )
        return '\n    '.join(lines)


def _content(data_list: Sequence[dict], classes: Sequence[str]) -> Iterator[str]:
    """Yield a summary of a dataset: images per class, negatives, images with boxes."""
    images = Counter(label for info in data_list for label in info['gt_label'])
    negatives = sum(not info['gt_label'] for info in data_list)
    boxed = sum(bool(info['instances']) for info in data_list)
    boxes = sum(len(info['instances']) for info in data_list)
    by_class = ', '.join(f'{name} {images[i]:,}' for i, name in enumerate(classes))
    yield f'images by class: {by_class}; without a positive label {negatives:,}'
    yield f'images with boxes: {boxed:,}, boxes: {boxes:,}'
