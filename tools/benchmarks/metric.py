"""Compare average precision over many images: ours, mmpretrain's, and the computation alone.

Both metrics are called as mmengine's evaluator calls them, batch by batch with the dicts of
DataSamples, in processes of their own. Scores and labels are random; one label in a hundred is
ignored. The time to make the DataSamples is not counted, and neither is their to_dict, which the
evaluator calls for any metric; it is measured apart.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import DefaultSampler
from mmengine.dist import barrier
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from mmsxm.compat import leave_process_group
from mmsxm.evaluation import MeanAveragePrecision, average_precision
from mmsxm.evaluation.array_metric import gather_rows

MIB = 1024  # in the KiB that Linux counts memory by


def draw(images: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores as of a network, and targets: 1 for a tenth, -1 for a hundredth; both (N, C)."""
    rng = np.random.default_rng(0)
    drawn = rng.random((images, classes), dtype=np.float32)
    targets = np.where(drawn < 0.1, 1, np.where(drawn > 0.99, -1, 0)).astype(np.float32)
    logits = rng.standard_normal((images, classes), dtype=np.float32) - 2
    logits[targets == 1] += 2
    return 1 / (1 + np.exp(-logits)), targets


def build(way: str, classes: int) -> BaseMetric:
    """Ours or mmpretrain's, both by class."""
    if way == 'ours':
        metric: BaseMetric = MeanAveragePrecision()
        metric.dataset_meta = {'classes': tuple(map(str, range(classes)))}
        return metric
    from mmpretrain.evaluation import AveragePrecision

    return AveragePrecision(average=None)


def measure(rank: int, way: str, images: int, args: argparse.Namespace, folder: Path) -> None:
    """Let one of the ranks see its share, and the first write seconds, memory and metrics."""
    from mmpretrain.structures import DataSample

    MMLogger.get_instance('mmengine').setLevel('ERROR')
    torch.set_num_threads(1)
    os.chdir(folder)  # mmengine gathers through files
    if args.ranks > 1:
        torch.distributed.init_process_group(
            'gloo', init_method=f'file://{folder / "store"}', rank=rank, world_size=args.ranks
        )
    scores, targets = map(torch.from_numpy, draw(images, args.classes))
    own = list(DefaultSampler(range(images), shuffle=False))
    metric = build(way, args.classes)
    seconds = dict.fromkeys(('to_dict', 'process', 'gather', 'evaluate'), 0.0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for start in range(0, len(own), args.batch):
        some = own[start : start + args.batch]
        samples = [
            DataSample().set_pred_score(score).set_gt_score(target.clone())
            for score, target in zip(scores[some], targets[some], strict=True)
        ]
        began = time.perf_counter()
        dicts = [sample.to_dict() for sample in samples]
        converted = time.perf_counter()
        with torch.no_grad():  # as the loops of mmengine have it
            metric.process(None, dicts)
        seconds['process'] += time.perf_counter() - converted
        seconds['to_dict'] += converted - began
    del samples, dicts
    barrier()
    if way == 'ours':
        began = time.perf_counter()
        gather_rows(metric.results, images)
        seconds['gather'] = time.perf_counter() - began  # a second time, in evaluate
        barrier()
    began = time.perf_counter()
    metrics = metric.evaluate(images)
    seconds['evaluate'] = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if rank == 0:
        row = {'seconds': seconds, 'peak_mib': peak // MIB, 'before_mib': before // MIB}
        (folder / 'row.json').write_text(json.dumps(row | {'metrics': metrics}))
    leave_process_group()


def run(way: str, images: int, args: argparse.Namespace) -> dict[str, Any]:
    """Measure in processes of their own, so that memory is that of one way alone."""
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(
            measure, (way, images, args, Path(folder)), nprocs=args.ranks, join=True
        )
        return json.loads((Path(folder) / 'row.json').read_text())


def compare(found: dict[str, float], args: argparse.Namespace) -> dict[str, float]:
    """The computation alone on the same data, timed, and scikit-learn's."""
    from sklearn.metrics import average_precision_score

    scores, targets = draw(args.images, args.classes)
    began = time.perf_counter()
    average_precision(scores, targets)
    ended = time.perf_counter()
    expected = []
    for score, target in zip(scores.T, targets.T, strict=True):
        kept = target != -1
        expected.append(average_precision_score(target[kept] == 1, score[kept]))
    sklearn = time.perf_counter() - ended
    ours = np.array([found[f'xray/AP/{i}'] for i in range(args.classes)]) / 100
    return {
        'computation_s': round(ended - began, 3),
        'sklearn_s': round(sklearn, 2),
        'largest_difference': float(np.abs(ours - expected).max()),
    }


def total(row: dict[str, Any]) -> float:
    """Seconds in the metric: process and evaluate, which gathers."""
    return row['seconds']['process'] + row['seconds']['evaluate']


def report(row: dict[str, Any]) -> str:
    """Say it in one line."""
    ours, theirs = row['ours'], row['mmpretrain']
    scaled = (
        ''
        if row['mmpretrain_images'] == row['images']
        else f', scaled from {row["mmpretrain_images"]:,} images'
    )
    same = ''
    if row['ranks'] > 1:
        same = f', the gather {ours["gather_s"]:.2f} s of it'
        same += ', the same bits as one rank' if row['same_bits'] else ', OTHER BITS THAN ONE RANK'
    return (
        f'{row["images"]:,} images by {row["classes"]} classes on {row["ranks"]} rank(s): '
        f'{ours["total_s"]:.2f} s (process {ours["process_s"]:.2f}, evaluate '
        f'{ours["evaluate_s"]:.2f}{same}), mmpretrain {theirs["total_s"]:.2f} s (process '
        f'{theirs["process_s"]:.2f}, evaluate {theirs["evaluate_s"]:.2f}{scaled}), '
        f'{row["ratio"]:.1f} times ours; the computation alone {row["computation_s"]:.2f} s, '
        f'scikit-learn {row["sklearn_s"]:.2f} s; largest difference to scikit-learn '
        f'{row["largest_difference"]:.1e}; peak memory of the process (getrusage) '
        f'{ours["peak_mib"]} MiB, {ours["before_mib"]} before the first batch, mmpretrain '
        f'{theirs["peak_mib"]} MiB; to_dict, not counted, {ours["to_dict_s"]:.2f} s'
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--images', type=int, default=1_000_000)
    parser.add_argument(
        '--mmpretrain-images', type=int, help='let it see fewer, and scale its seconds linearly'
    )
    parser.add_argument('--classes', type=int, default=10)
    parser.add_argument('--batch', type=int, default=64, help='images at once')
    parser.add_argument('--ranks', type=int, default=1, help='processes, which talk through gloo')
    parser.add_argument('--json', action='store_true', help='print one JSON line')
    args = parser.parse_args()

    fewer = args.mmpretrain_images or args.images
    found = {'ours': run('ours', args.images, args), 'mmpretrain': run('mmpretrain', fewer, args)}
    row: dict[str, Any] = {
        'images': args.images,
        'mmpretrain_images': fewer,
        'classes': args.classes,
        'batch': args.batch,
        'ranks': args.ranks,
    }
    for way, scale in (('ours', 1.0), ('mmpretrain', args.images / fewer)):
        seconds = {f'{key}_s': s * scale for key, s in found[way]['seconds'].items()}
        seconds['total_s'] = total(found[way]) * scale
        memory = {key: found[way][key] for key in ('peak_mib', 'before_mib')}
        row[way] = {key: round(s, 3) for key, s in seconds.items()} | memory
    row['ratio'] = round(row['mmpretrain']['total_s'] / row['ours']['total_s'], 2)
    row |= compare(found['ours']['metrics'], args)
    if args.ranks > 1:
        alone = run('ours', args.images, argparse.Namespace(**vars(args) | {'ranks': 1}))
        row['same_bits'] = alone['metrics'] == found['ours']['metrics']
    print(json.dumps(row) if args.json else report(row))


if __name__ == '__main__':
    main()
