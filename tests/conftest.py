"""Fixtures of all tests: one thread, real images where there are any, a tiny simulated set."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ['CUDA_VISIBLE_DEVICES'] = ''  # also where there is one: numbers are the CPU's

from mmsxm import registry  # noqa: F401  mmpretrain may need our repairs to be imported at all

# what a user has exported for configs is none of the tests' business
VARIABLES = 'SIXRAY_ROOT SIXRAY_SET OPIXRAY_ROOT DEMO_ROOT META_LABELS PRETRAINED THREAT_BANK'
for variable in VARIABLES.split():
    os.environ.pop(variable, None)

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope='session', autouse=True)
def _one_thread() -> None:
    """Sums in one order: results are equal to the bit, and workers don't fight for cores."""
    import cv2
    import torch

    os.environ['OMP_NUM_THREADS'] = '1'  # for the processes that tests start
    torch.set_num_threads(1)
    cv2.setNumThreads(0)


@pytest.fixture(scope='session')
def real_data() -> Path:
    """The folder of real bags beside the project."""
    path = ROOT.parent / 'shared' / 'data'
    if not path.is_dir():
        pytest.skip(f'needs real images in {path}')
    return path


@pytest.fixture(scope='session')
def simulate(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write sets of small, sparse bags in SIXray's layout; the same arguments give the same one."""
    from mmsxm.simulation import write_sixray

    written: dict[tuple, Path] = {}

    def write(train: int, test: int, negatives: int = 0, size: int = 96) -> Path:
        key = (train, test, negatives, size)
        if key not in written:
            written[key] = tmp_path_factory.mktemp('sixray') / 'set'
            write_sixray(
                written[key],
                train=train,
                test=test,
                negatives=negatives,
                image_size=(size, size),
                crowding='sparse',
            )
        return written[key]

    return write


@pytest.fixture
def scope() -> None:
    """Let types of mmpretrain, mmcv and mmengine go by their plain names, as in configs."""
    from mmengine.registry import init_default_scope

    from mmsxm import datasets, engine, evaluation, models  # noqa: F401

    init_default_scope('mmpretrain')


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what loads OpenVINO last: its threads don't survive the forks of later data loaders."""
    items.sort(key=lambda item: item.path.name == 'test_export.py')
