"""Compare a trained network in float32, bfloat16 and 8-bit integers with OpenVINO.

For each precision: mAP on the test images of the config, how much the scores differ from float32,
detections with thresholds fitted on the same precision, and speed. Training images set the ranges
of the 8-bit network; half of the test images fit the thresholds, the other half is judged by them.
Images are seen whole, as at a station. The precisions alternate, so that other load on the machine
affects all equally.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import MMLogger
from turns import take_turns

from mmsxm.calibration.station_scores import station_scores
from mmsxm.cli.export import MAX_IMAGES
from mmsxm.datasets import XrayDataset
from mmsxm.engine.checkpoints import find_checkpoint
from mmsxm.evaluation import Scores, average_precision
from mmsxm.imaging.images import read_image
from mmsxm.inference.backends.torch_backend import load_network
from mmsxm.inference.export import export
from mmsxm.inference.int8_export import export_int8
from mmsxm.inference.quantization import score_change
from mmsxm.inference.station_inferencer import StationInferencer
from mmsxm.registry import DATASETS
from mmsxm.training.config import load_config

FLOAT = 'f32'
PRECISIONS = (FLOAT, 'bf16', 'int8')


def image_paths(dataset: XrayDataset, number: int | None = None) -> list[str]:
    """Return the paths of all images, or of a number of them evenly spaced."""
    chosen = np.linspace(0, len(dataset) - 1, min(len(dataset), number or len(dataset)))
    return [dataset.get_data_info(int(i))['img_path'] for i in chosen.round()]


def export_all(config: str, checkpoint: str, train: XrayDataset, folder: Path) -> dict[str, Path]:
    """Write one file per precision; return their paths."""
    network, info = load_network(config, find_checkpoint(checkpoint))
    paths = {precision: folder / f'{precision}.xml' for precision in PRECISIONS}
    for precision in (FLOAT, 'bf16'):
        export(network, info, paths[precision], precision)
    files = image_paths(train, MAX_IMAGES)
    images = np.stack([info.preprocessing(read_image(path))[0] for path in files])
    export_int8(network, info, paths['int8'], images)
    return paths


def balanced_errors(scores: Scores) -> float:
    """Return the mean of misses and false alarms, over classes, with fitted thresholds.

    Even rows fit the thresholds that minimize it; odd rows are judged.
    """
    errors = []
    for values, targets in zip(scores.scores.T, scores.targets.T, strict=True):
        fit, judge = slice(0, None, 2), slice(1, None, 2)
        candidates = np.unique(values[fit])
        rates = [error_rate(values[fit], targets[fit], threshold) for threshold in candidates]
        errors.append(error_rate(values[judge], targets[judge], candidates[int(np.argmin(rates))]))
    return float(np.nanmean(errors))


def error_rate(values: np.ndarray, targets: np.ndarray, threshold: float) -> float:
    """Average the shares of positives below a threshold and of negatives at or above it."""
    misses, alarms = values[targets == 1] < threshold, values[targets == 0] >= threshold
    return float((misses.mean() + alarms.mean()) / 2)


def measure(paths: Mapping[str, Path], test: XrayDataset, args: argparse.Namespace) -> list[dict]:
    """Return one row per precision."""
    networks = {
        precision: StationInferencer(path, threads=args.threads)
        for precision, path in paths.items()
    }
    # processes that read images would be forked with the threads of OpenVINO
    scores = {
        precision: station_scores(network.backend, test, workers=0)
        for precision, network in networks.items()
    }
    files = image_paths(test, args.number)
    preprocessing = networks[FLOAT].info.preprocessing
    images = np.stack([preprocessing(read_image(path))[0] for path in files])
    batches = [images[i : i + args.batch] for i in range(0, len(images), args.batch)]
    whole = take_turns(
        {name: partial(network, files, args.batch) for name, network in networks.items()},
        args.rounds,
    )
    alone = take_turns(
        {
            name: partial(lambda backend: [backend(batch) for batch in batches], network.backend)
            for name, network in networks.items()
        },
        args.rounds,
    )
    rows: list[dict[str, Any]] = []
    for name, result in scores.items():
        ap = average_precision(result.scores, result.targets)
        change = score_change(result.scores, scores[FLOAT].scores)
        rows.append(
            {
                'precision': name,
                'images': change.images,
                'mAP': round(100 * float(np.nanmean(ap)), 2),
                'errors_at_fitted_thresholds': round(100 * balanced_errors(result), 2),
                'mean_change': round(change.mean, 4),
                'change_99_percent': round(change.percentile_99, 3),
                'largest_change': round(change.largest, 3),
                'images_per_second': round(len(files) / whole[name], 1),
                'times_float32': round(whole[FLOAT] / whole[name], 2),
                'network_images_per_second': round(len(files) / alone[name], 1),
                'network_times_float32': round(alone[FLOAT] / alone[name], 2),
            }
        )
    return rows


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('--number', type=int, default=64, help='images that measure the speed')
    parser.add_argument('--batch', type=int, default=8, help='images per batch')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--threads', type=int, default=len(os.sched_getaffinity(0)))
    args = parser.parse_args()

    MMLogger.get_instance('mmengine').setLevel('ERROR')
    cfg = load_config(args.config)
    train, test = (
        DATASETS.build({**cfg[f'{name}_dataloader'].dataset, 'pipeline': []})
        for name in ('train', 'test')
    )
    with tempfile.TemporaryDirectory() as folder:
        paths = export_all(args.config, args.checkpoint, train, Path(folder))
        for row in measure(paths, test, args):
            print(json.dumps(row), flush=True)


if __name__ == '__main__':
    main()
