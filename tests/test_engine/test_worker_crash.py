"""Crashes of data loader workers end in one message."""

import os
import signal

import pytest
from torch.utils.data import DataLoader

from mmsxm.engine.worker_crash import explain_worker_crash, is_worker_crash


class Deadly:
    """Dataset that kills the process that reads it."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def test_an_exception_in_a_worker_is_not_a_crash() -> None:
    class Broken:
        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> None:
            raise OSError('P00001.jpg can not be read')

    with pytest.raises(OSError, match='P00001') as raised, explain_worker_crash('work'):
        list(DataLoader(Broken(), num_workers=1))
    assert not is_worker_crash(raised.value)


def test_a_killed_worker_is_a_crash() -> None:
    message = r'worker crashed .* checkpoints in work are intact'
    with pytest.raises(RuntimeError, match=message), explain_worker_crash('work'):
        list(DataLoader(Deadly(), num_workers=1))


def test_a_crash_is_also_noticed_at_once_in_a_later_run() -> None:
    """By the signal, and not after five seconds of waiting for a batch, or never."""
    for _ in range(2):
        with pytest.raises(RuntimeError) as raised, explain_worker_crash('work'):
            list(DataLoader(Deadly(), num_workers=1))
        cause = raised.value.__cause__
        assert 'killed by signal' in str(cause.__cause__ or cause)
