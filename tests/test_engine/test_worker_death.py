import os
import signal

import pytest
from torch.utils.data import DataLoader

from mmsxm.engine.worker_death import is_worker_death, say_worker_death


def test_what_a_worker_raises_is_no_death_of_it() -> None:
    class Broken:
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> None:
            raise OSError('P00001.jpg can not be read')

    with pytest.raises(OSError, match='P00001') as raised, say_worker_death('work'):
        list(DataLoader(Broken(), num_workers=1))
    assert not is_worker_death(raised.value)


def test_a_worker_that_ends_itself_is_a_death() -> None:
    class Deadly:
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

    said = r'has died .*saved in work is whole'
    with pytest.raises(RuntimeError, match=said), say_worker_death('work'):
        list(DataLoader(Deadly(), num_workers=1))
