"""Start of a Ray cluster. tests/test_serving/test_ray_engine.py starts a real one."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from mmsxm.io.ray_cluster import join_cluster


def ray_that_raises(error: Exception) -> Any:
    def init(**_: object) -> None:
        raise error

    return SimpleNamespace(init=init)


def test_a_machine_that_is_too_busy_for_ray_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    error = Exception('The current node timed out during startup. This could happen because')
    monkeypatch.setitem(sys.modules, 'ray', ray_that_raises(error))
    with pytest.raises(RuntimeError, match='this machine is busy'):
        join_cluster()


def test_other_errors_of_ray_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'ray', ray_that_raises(ConnectionError('no cluster')))
    with pytest.raises(ConnectionError, match='no cluster'):
        join_cluster()
