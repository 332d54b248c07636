"""Average precision within groups."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mmsxm.evaluation import (
    GroupedAveragePrecision,
    average_precision,
    bootstrap_average_precision,
)
from mmsxm.evaluation.grouped_average_precision import read_groups


@pytest.fixture
def groups(tmp_path: Path) -> str:
    path = tmp_path / 'groups.csv'
    path.write_text('name,kind\na,old\nb,old\nc,new\nd,new\n')
    return str(path)


def sample(name: str, scores: list[float], targets: list[float]) -> dict:
    return {
        'img_path': f'somewhere/{name}.jpg',
        'pred_score': torch.tensor(scores),
        'gt_score': torch.tensor(targets),
    }


def test_each_group_is_evaluated_separately(groups: str) -> None:
    metric = GroupedAveragePrecision(groups, 'kind', resamples=20)
    metric.dataset_meta = {'classes': ('Gun', 'Knife')}
    samples = [
        sample('a', [0.9, 0.1], [1, 0]),
        sample('b', [0.1, 0.2], [0, 0]),
        sample('c', [0.1, 0.9], [1, 1]),
        sample('d', [0.9, 0.1], [0, 0]),
    ]
    metric.process(None, samples)
    metrics = metric.evaluate(len(samples))
    assert metrics['xray/old/AP/Gun'] == 100
    assert metrics['xray/new/AP/Gun'] == 50  # its only positive comes second
    assert metrics['xray/old/AP/Knife'] is None
    assert metrics['xray/old/mAP'] == 100
    assert metrics['xray/new/mAP'] == 75
    assert metrics['xray/new/positives/Knife'] == 1
    assert metrics['xray/old/images'] == 2


def test_an_image_without_a_group_is_reported(groups: str) -> None:
    metric = GroupedAveragePrecision(groups, 'kind')
    with pytest.raises(KeyError, match='no row for the image e'):
        metric.process(None, [sample('e', [0.5], [1])])


def test_only_the_suffix_of_an_image_name_is_removed(tmp_path: Path) -> None:
    path = tmp_path / 'groups.csv'
    path.write_text('name,kind\nbag.01,old\nbag.02,new\nbag.03.JPG,new\nlane.2/bag,old\n')
    assert read_groups(path, 'kind') == {
        'bag.01': 'old',
        'bag.02': 'new',
        'bag.03': 'new',
        'lane.2/bag': 'old',
    }


def test_an_image_name_may_contain_a_dot(tmp_path: Path) -> None:
    path = tmp_path / 'groups.csv'
    path.write_text('name,kind\nbag.01,old\nbag.02,new\n')
    metric = GroupedAveragePrecision(str(path), 'kind', resamples=2)
    metric.dataset_meta = {'classes': ('Gun',)}
    dotted = [{**sample('', [0.5], [1]), 'img_path': f'bag.{i:02}'} for i in (1, 2)]
    metric.process(None, dotted)
    metrics = metric.evaluate(2)
    assert metrics['xray/old/images'] == metrics['xray/new/images'] == 1


def test_a_missing_column_is_reported(groups: str) -> None:
    with pytest.raises(KeyError, match='no column color'):
        GroupedAveragePrecision(groups, 'color')


def test_interval_has_about_its_nominal_coverage() -> None:
    # Scores of positives and negatives are normal, with means 1 apart. The truth comes from a
    # sample so large that its error is far smaller than an interval.
    rng = np.random.default_rng(0)

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        targets = (rng.random((n, 1)) < 0.3).astype(int)
        return rng.normal(size=(n, 1)) + targets, targets

    truth = average_precision(*draw(200_000))[0]
    covered = []
    for _ in range(60):
        low, high = np.quantile(bootstrap_average_precision(*draw(150), 100)[:, 0], (0.025, 0.975))
        covered.append(low <= truth <= high)
    # Of 60 intervals of 95%, 51 or fewer cover the truth in 1 of 200 runs. The percentile
    # bootstrap of average precision is known to be slightly narrow, hence the tolerance.
    assert 50 <= sum(covered) <= 60


def test_a_resample_without_positives_is_undefined() -> None:
    draws = bootstrap_average_precision(np.array([[0.9], [0.1]]), np.array([[1], [0]]), 200)
    # both rows are the negative in one of four resamples
    assert 20 < np.isnan(draws[:, 0]).sum() < 80
    assert np.isnan(draws[:, 0]).tolist() == np.isnan(draws[:, 1]).tolist()
