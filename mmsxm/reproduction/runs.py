"""A run: one network to train."""

from pathlib import Path
from typing import NamedTuple

__all__ = ['Run']


class Run(NamedTuple):
    """One network to train: a config under ``configs/``, a seed, a budget and a fold.

    The budget of both stages of SXMNet is ``short``, which is their own schedule. ``fold`` is the
    fold that the network is tested on, None in a suite without folds.
    """

    config: str
    seed: int
    budget: str = 'short'
    fold: int | None = None

    @property
    def name(self) -> str:
        """Return the name of its folder."""
        budget = '' if self.budget == 'short' else f'_{self.budget}'
        fold = '' if self.fold is None else f'-fold{self.fold}'
        return f'{Path(self.config).stem}{budget}/seed{self.seed}{fold}'
