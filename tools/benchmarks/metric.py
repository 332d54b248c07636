"""Compare average precision over many images: ours, MMPretrain's, and the computation only.

Both metrics are called as in MMEngine's evaluator, batch by batch with the dicts of DataSamples, in
separate processes. Scores and labels are random, and one label in a hundred is ignored. The time to
create the DataSamples is not counted. Neither is their to_dict, which the evaluator calls for any
metric. It is measured separately.
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

MIB = 1024  # in KiB, the unit of getrusage on Linux


def draw(images: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw scores like a network's, and targets: 1 for a tenth, -1 for a hundredth; (N, C) each."""
    rng = np.random.default_rng(0)
    drawn = rng.random((images, classes), dtype=np.float32)
    targets = np.where(drawn < 0.1, 1, np.where(drawn > 0.99, -1, 0)).astype(np.float32)
    logits = rng.standard_normal((images, classes), dtype=np.float32) - 2
    logits[targets == 1] += 2
    return 1 / (1 + np.exp(-logits)), targets


def build(name: str, classes: int) -> BaseMetric:
    """Build our metric or MMPretrain's, both by class."""
    if name == 'ours':
        metric: BaseMetric = MeanAveragePrecision()
        metric.dataset_meta = {'classes': tuple(map(str, range(classes)))}
        return metric
    from mmpretrain.evaluation import AveragePrecision

    return AveragePrecision(average=None)


def measure(rank: int, name: str, images: int, args: argparse.Namespace, folder: Path) -> None:
    """Evaluate the share of one rank. The first rank writes seconds, memory and metrics."""
    from mmpretrain.structures import DataSample

    MMLogger.get_instance('mmengine').setLevel('ERROR')
    torch.set_num_threads(1)
    os.chdir(folder)  # MMEngine gathers through files
    if args.ranks > 1:
        torch.distributed.init_process_group(
            'gloo', init_method=f'file://{folder / "store"}', rank=rank, world_size=args.ranks
        )
    scores, targets = map(torch.from_numpy, draw(images, args.classes))
    indices = list(DefaultSampler(range(images), shuffle=False))
    metric = build(name, args.classes)
    seconds = dict.fromkeys(('to_dict', 'process', 'gather', 'evaluate'), 0.0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for start in range(0, len(indices), args.batch):
        batch = indices[start : start + args.batch]
        samples = [
            DataSample().set_pred_score(score).set_gt_score(target.clone())
            for score, target in zip(scores[batch], targets[batch], strict=True)
        ]
        began = time.perf_counter()
        dicts = [sample.to_dict() for sample in samples]
        converted = time.perf_counter()
        with torch.no_grad():  # as in MMEngine's loops
            metric.process(None, dicts)
        seconds['process'] += time.perf_counter() - converted
        seconds['to_dict'] += converted - began
    del samples, dicts
    barrier()
    if name == 'ours':
        began = time.perf_counter()
        gather_rows(metric.results, images)
        seconds['gather'] = time.perf_counter() - began  # happens again in evaluate
        barrier()
    began = time.perf_counter()
    metrics = metric.evaluate(images)
    seconds['evaluate'] = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if rank == 0:
        row = {'seconds': seconds, 'peak_mib': peak // MIB, 'before_mib': before // MIB}
        (folder / 'row.json').write_text(json.dumps(row | {'metrics': metrics}))
    leave_process_group()


def run(name: str, images: int, args: argparse.Namespace) -> dict[str, Any]:
    """Measure in separate processes, so that the memory is that of one metric only."""
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(
            measure, (name, images, args, Path(folder)), nprocs=args.ranks, join=True
        )
        return json.loads((Path(folder) / 'row.json').read_text())


def compare(found: dict[str, float], args: argparse.Namespace) -> dict[str, float]:
    """Time the computation only on the same data, and compare it with scikit-learn."""
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
    """Return the seconds in the metric: process, and evaluate, which gathers."""
    return row['seconds']['process'] + row['seconds']['evaluate']


def report(row: dict[str, Any]) -> str:
    """Format a row as one line of text."""
    ours, theirs = row['ours'], row['mmpretrain']
    scaled = (
        ''
        if row['mmpretrain_images'] == row['images']
        else f', scaled from {row["mmpretrain_images"]:,} images'
    )
    same = ''
    if row['ranks'] > 1:
        same = f', of which gathering {ours["gather_s"]:.2f} s'
        same += ', identical to one rank' if row['same_bits'] else ', DIFFERENT FROM ONE RANK'
    return (
        f'{row["images"]:,} images by {row["classes"]} classes on {row["ranks"]} rank(s): '
        f'{ours["total_s"]:.2f} s (process {ours["process_s"]:.2f}, evaluate '
        f'{ours["evaluate_s"]:.2f}{same}), mmpretrain {theirs["total_s"]:.2f} s (process '
        f'{theirs["process_s"]:.2f}, evaluate {theirs["evaluate_s"]:.2f}{scaled}), '
        f'{row["ratio"]:.1f} times ours; the computation only {row["computation_s"]:.2f} s, '
        f'scikit-learn {row["sklearn_s"]:.2f} s; largest difference to scikit-learn '
        f'{row["largest_difference"]:.1e}; peak memory of the process (getrusage) '
        f'{ours["peak_mib"]} MiB, {ours["before_mib"]} before the first batch, mmpretrain '
        f'{theirs["peak_mib"]} MiB; to_dict, not counted, {ours["to_dict_s"]:.2f} s'
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--images', type=int, default=1_000_000)
    parser.add_argument(
        '--mmpretrain-images',
        type=int,
        help='fewer images for MMPretrain; its seconds are scaled linearly',
    )
    parser.add_argument('--classes', type=int, default=10)
    parser.add_argument('--batch', type=int, default=64, help='images per batch')
    parser.add_argument(
        '--ranks', type=int, default=1, help='number of processes, connected by gloo'
    )
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
    for name, scale in (('ours', 1.0), ('mmpretrain', args.images / fewer)):
        seconds = {f'{key}_s': s * scale for key, s in found[name]['seconds'].items()}
        seconds['total_s'] = total(found[name]) * scale
        memory = {key: found[name][key] for key in ('peak_mib', 'before_mib')}
        row[name] = {key: round(s, 3) for key, s in seconds.items()} | memory
    row['ratio'] = round(row['mmpretrain']['total_s'] / row['ours']['total_s'], 2)
    row |= compare(found['ours']['metrics'], args)
    if args.ranks > 1:
        single = run('ours', args.images, argparse.Namespace(**vars(args) | {'ranks': 1}))
        row['same_bits'] = single['metrics'] == found['ours']['metrics']
    print(json.dumps(row) if args.json else report(row))


if __name__ == '__main__':
    main()
