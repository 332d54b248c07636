from types import SimpleNamespace

import pytest
import torch.utils.data
from mmengine.dataset import BaseDataset, ClassBalancedDataset, ConcatDataset, RepeatDataset
from mmengine.runner import EpochBasedTrainLoop

from mmsxm.engine import SampleSeedHook
from mmsxm.engine.hooks import sample_seed


class Recording(BaseDataset):
    """Stand-in for XrayDataset."""

    METAINFO = {'classes': ('Gun',)}

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []
        super().__init__()

    def load_data_list(self) -> list[dict]:
        return [{'gt_label': [0]}, {'gt_label': [0]}]

    def get_cat_ids(self, idx: int) -> list[int]:
        return [0]

    def set_epoch(self, seed: int, epoch: int) -> None:
        self.seen.append((seed, epoch))


def start_epoch(dataset: object, seed: int = 5, epoch: int = 3) -> None:
    loader = SimpleNamespace(dataset=dataset)
    runner = SimpleNamespace(train_dataloader=loader, seed=seed, epoch=epoch)
    SampleSeedHook().before_train_epoch(runner)


@pytest.mark.parametrize(
    'wrap',
    [
        lambda plain: plain,
        lambda plain: RepeatDataset(plain, times=2),
        lambda plain: ClassBalancedDataset(plain, oversample_thr=0.1),
        lambda plain: torch.utils.data.Subset(plain, [1]),
        lambda plain: torch.utils.data.Subset(ConcatDataset([plain]), [1]),
    ],
    ids=['plain', 'repeat', 'balanced', 'subset', 'subset of joined'],
)
def test_seed_and_epoch_reach_the_dataset(wrap: object) -> None:
    plain = Recording()
    start_epoch(wrap(plain))
    assert plain.seen == [(5, 3)]


def test_seed_and_epoch_reach_all_parts_of_a_joined_set() -> None:
    parts = [Recording(), Recording()]
    start_epoch(ConcatDataset(parts))
    assert [part.seen for part in parts] == [[(5, 3)]] * 2


def test_other_datasets_are_not_changed() -> None:
    start_epoch(torch.utils.data.Subset([1, 2], [0]))


@pytest.mark.parametrize(
    ('wrap', 'warned'),
    [
        (lambda plain: plain, []),
        (lambda plain: ConcatDataset([plain, plain]), []),
        (lambda plain: torch.utils.data.Subset(RepeatDataset(plain, 2), [1]), ['RepeatDataset']),
        (lambda plain: ClassBalancedDataset(plain, 0.1), ['ClassBalancedDataset']),
    ],
    ids=['plain', 'joined', 'repeat', 'balanced'],
)
def test_repeats_with_the_same_random_numbers_are_reported(
    wrap: object, warned: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(sample_seed, 'print_log', lambda text, _, level: lines.append(text))
    loop = EpochBasedTrainLoop.__new__(EpochBasedTrainLoop)
    loader = SimpleNamespace(dataset=wrap(Recording()))
    SampleSeedHook().before_train(SimpleNamespace(train_loop=loop, train_dataloader=loader))
    assert len(lines) == len(warned)
    for line, name in zip(lines, warned, strict=True):
        assert f'{name}: all repeats of an image within an epoch have the same' in line
