"""Pictures of the network inputs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmsxm.training.browsing import browse
from mmsxm.training.config import load_config

ROOT = Path(__file__).resolve().parents[2]


def test_pictures_depend_on_the_epoch(
    simulate: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('DEMO_ROOT', str(simulate(train=24, test=7, size=128)))
    cfg = load_config(ROOT / 'configs/demo/sxmnet_stage1.py')
    first, again, second = (browse(cfg, 'train', 3, epoch) for epoch in (0, 0, 1))
    assert len(first) == 3
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert len(browse(cfg, 'test', 100)) == 7  # there are only 7
