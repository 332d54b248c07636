"""Problems found while reading annotations, counted by kind."""

from collections.abc import Iterator

from mmsxm.io.safe_parsing import printable

__all__ = ['Findings']


class Findings:
    """Counts of problems by kind, with the first few places of each.

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
