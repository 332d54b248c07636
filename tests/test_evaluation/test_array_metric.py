"""Gathering rows of numbers from all ranks."""

import itertools
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.evaluator import BaseMetric

from mmsxm.compat import leave_process_group
from mmsxm.evaluation import (
    AttentionLocalization,
    ClassLocalization,
    GroupedAveragePrecision,
    MeanAveragePrecision,
    OperatingPoints,
    array_metric,
)
from mmsxm.evaluation.array_metric import gather_rows, in_columns, interleave

IMAGES = 7  # two ranks have four each; the last one of the second rank is a repeat
BATCH = 3
CLASSES = ('Gun', 'Knife')


@pytest.mark.parametrize('lengths', [(4,), (3, 3), (3, 2), (3, 1, 2), (0, 2)])
@pytest.mark.parametrize('padding', [0, 1])
def test_rows_have_the_order_of_mmengines_objects(lengths: tuple[int, ...], padding: int) -> None:
    parts = np.split(np.arange(sum(lengths)), np.cumsum(lengths)[:-1])
    distributed = itertools.chain(*itertools.zip_longest(*(part.tolist() for part in parts)))
    expected = [i for i in distributed if i is not None]
    size = len(expected) - padding
    rows = interleave([in_columns([np.stack((part, -part), axis=1)]) for part in parts], size)
    assert rows.tolist() == [[i, -i] for i in expected[:size]]
    assert rows.strides[0] == rows.itemsize  # metrics read whole columns


def test_batches_are_concatenated_in_order() -> None:
    rows = gather_rows([np.array([[1, 2], [3, 4]]), np.array([[5, 6]]), np.array([[7, 8]])], 3)
    assert rows is not None
    assert rows.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert rows.strides[0] == rows.itemsize  # metrics read whole columns


def test_a_rank_without_images_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    messages = []

    def keep(message: str, logger: str, level: int) -> None:
        assert level == logging.WARNING
        messages.append(message)

    monkeypatch.setattr(array_metric, 'print_log', keep)
    with pytest.raises(ValueError, match='no rank has processed an image'):
        MeanAveragePrecision().evaluate(3)
    (message,) = messages
    assert 'MeanAveragePrecision has no results on this rank' in message


def test_a_second_evaluation_starts_from_scratch() -> None:
    metric = MeanAveragePrecision()
    metric.dataset_meta = {'classes': CLASSES}
    for _ in range(2):
        metric.process(None, samples())
        metrics = metric.evaluate(IMAGES)
    assert metric.results == []
    metric.process(None, samples())
    assert metric.evaluate(IMAGES) == metrics


def samples() -> list[dict]:
    """Return images with ties, ignored labels, boxes and everything else that a metric needs."""
    rng = np.random.default_rng(0)
    targets = np.array([[1, 0], [0, 1], [-1, 0], [1, 1], [0, 0], [0, -1], [1, 0]])
    return [
        {
            'img_path': f'{i}.jpg',
            'img_shape': (40, 40),
            'pred_score': torch.from_numpy(rng.integers(4, size=2) / 4).float(),
            'gt_score': torch.from_numpy(targets[i]).float(),
            'gt_bboxes': np.array([[0, 0, 10 + 4 * i, 20]], dtype=np.float32),
            'attention_map': torch.from_numpy(rng.random((4, 4))),
            'gt_bboxes_labels': np.array([i % 2]),
            'class_maps': torch.from_numpy(rng.random((2, 4, 4))),
        }
        for i in range(IMAGES)
    ]


def evaluate(images: list[dict], size: int, groups: Path, device: str) -> dict[str, Any]:
    """Evaluate all metrics on the images of one rank."""
    metrics: list[BaseMetric] = [
        MeanAveragePrecision(device),
        OperatingPoints(collect_device=device),
        AttentionLocalization(device),
        ClassLocalization(collect_device=device),
        GroupedAveragePrecision(str(groups), 'kind', resamples=20, collect_device=device),
    ]
    found: dict[str, Any] = {}
    for metric in metrics:
        metric.dataset_meta = {'classes': CLASSES}
        for start in range(0, len(images), BATCH):
            metric.process(None, images[start : start + BATCH])
        found |= metric.evaluate(size)
    return found


def as_rank(rank: int, folder: Path, groups: Path, device: str, files: bool) -> None:
    """Write the metrics of one of two ranks for its share, and for one image on the first rank."""
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder / "store"}', rank=rank, world_size=2
    )
    if files:  # as if the ranks used another backend
        array_metric.get_backend = lambda: 'nccl'
    images = samples()
    share = [images[i] for i in DefaultSampler(images, shuffle=False)]
    assert len(share) == 4
    found = {
        'shares': evaluate(share, IMAGES, groups, device),
        'one image': evaluate(images[:1] if rank == 0 else [], 1, groups, device),
    }
    (folder / f'{rank}.json').write_text(json.dumps(found))
    leave_process_group()


@pytest.mark.skipif(
    'fork' not in torch.multiprocessing.get_all_start_methods(), reason='needs fork'
)
@pytest.mark.parametrize(('device', 'files'), [('cpu', False), ('gpu', False), ('cpu', True)])
def test_two_ranks_and_one_rank_agree_bit_for_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, files: bool
) -> None:
    monkeypatch.chdir(tmp_path)  # for the files that MMEngine writes
    groups = tmp_path / 'groups.csv'
    groups.write_text('name,kind\n' + ''.join(f'{i},{"ab"[i % 2]}\n' for i in range(IMAGES)))
    torch.multiprocessing.start_processes(
        as_rank, (tmp_path, groups, device, files), nprocs=2, start_method='fork'
    )
    expected = {
        'shares': evaluate(samples(), IMAGES, groups, device),
        'one image': evaluate(samples()[:1], 1, groups, device),
    }
    assert expected['shares']['xray/AP/Gun'] is not None
    assert expected['shares']['xray/region_mAP30'] is not None
    for rank in range(2):
        assert json.loads((tmp_path / f'{rank}.json').read_text()) == expected
