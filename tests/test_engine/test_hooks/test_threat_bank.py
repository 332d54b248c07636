"""Items from test images are kept out of training."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from mmcv.transforms import Compose

from mmsxm.datasets.threat_bank_file import Threat, ThreatBank
from mmsxm.datasets.transforms import ThreatImageProjection
from mmsxm.engine import ThreatBankHook


class Images:
    """Stand-in for XrayDataset."""

    ann_file = 'list.csv'

    def __init__(self, names: list[str], *transforms: ThreatImageProjection) -> None:
        self.names = names
        self.pipeline = Compose(transforms)

    def image_ids(self) -> set[str]:
        return set(self.names)

    def set_epoch(self, seed: int, epoch: int) -> None: ...


@pytest.fixture
def bank(tmp_path: Path) -> str:
    path = tmp_path / 'bank.npz'
    patch = np.full((4, 4, 3), 90, dtype=np.uint8)
    ThreatBank(
        [Threat(patch, 0, 1.0, 'P1'), Threat(patch, 0, 1.0, 'P2')], {'classes': ['Gun']}
    ).save(path)
    return str(path)


def start(train: Images, val: Images, test: Images | None = None) -> None:
    loop = {
        name: SimpleNamespace(dataloader=SimpleNamespace(dataset=images)) if images else None
        for name, images in (('val', val), ('test', test or val))
    }
    runner = SimpleNamespace(
        train_dataloader=SimpleNamespace(dataset=train),
        val_loop=loop['val'],
        test_loop=loop['test'],
        cfg={'val_dataloader': 1, 'test_dataloader': 1 if test is None else 2},
    )
    ThreatBankHook().before_train(runner)


def test_a_bank_from_training_images_is_accepted(bank: str) -> None:
    start(Images(['P1', 'P2'], ThreatImageProjection(bank)), Images(['P3']))


def test_a_bank_from_test_images_is_rejected(bank: str) -> None:
    train = Images(['P1', 'P2'], ThreatImageProjection(bank))
    with pytest.raises(
        ValueError,
        match=r'items from 1 images .* for validation or test, .* P2 of list\.csv\. Build one',
    ):
        start(train, Images(['P2', 'P3']))
    with pytest.raises(ValueError, match='P1'):
        start(train, Images(['P3']), test=Images(['P1']))


def test_no_bank_is_read_if_none_is_used() -> None:
    start(Images(['P1']), Images(['P1']))
    start(Images(['P1'], ThreatImageProjection('nowhere.npz', prob=0.0)), Images(['P1']))
