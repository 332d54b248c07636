import os
import signal

import pytest
from torch.utils.data import DataLoader

from mmsxm.engine.worker_death import explain_worker_death, is_worker_death


class Deadly:
    """Images that kill whoever reads them."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_worker_raises_is_no_death_of_it() -> None:
    class Broken:
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> None:
            raise OSError('P00001.jpg can not be read')

    with pytest.raises(OSError, match='P00001') as raised, explain_worker_death('work'):
        list(DataLoader(Broken(), num_workers=1))
    assert not is_worker_death(raised.value)


def test_a_worker_that_ends_itself_is_a_death() -> None:
    said = r'has died .*saved in work is whole'
    with pytest.raises(RuntimeError, match=said), explain_worker_death('work'):
        list(DataLoader(Deadly(), num_workers=1))


def test_a_later_training_is_told_of_a_death_at_once_too() -> None:
    """By the signal, not when it has waited five seconds for a batch or needs none any more."""
    for _ in range(2):
        with pytest.raises(RuntimeError) as raised, explain_worker_death('work'):
            list(DataLoader(Deadly(), num_workers=1))
        said = raised.value.__cause__
        assert 'killed by signal' in str(said.__cause__ or said)
