"""Compare the mAP of a network on whole images with that on the center crops of the test.

python tools/benchmarks/whole_image.py CONFIG CHECKPOINT

It tests once like the tables of the paper, resized and cropped, and once like a station, only
resized. Whole images are tested at the size of the resized image, so that items look as in
training, and at the size of the crop, which costs no more than the crop.
"""

import argparse
import dataclasses
import json

import numpy as np
from mmengine.config import DictAction
from mmengine.registry import init_default_scope

from mmsxm.calibration.station_scores import station_scores
from mmsxm.engine.runner_state import dismiss_workers
from mmsxm.evaluation import Scores
from mmsxm.evaluation.mean_average_precision import average_precision
from mmsxm.inference.backends import load_backend
from mmsxm.registry import DATASETS
from mmsxm.training.config import load_config
from mmsxm.training.test import build_test


def mean_average_precision(scores: Scores) -> float:
    """Return the mAP of one test in percent."""
    return float(100 * np.nanmean(average_precision(scores.scores, scores.targets)))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config')
    parser.add_argument('checkpoint', help='checkpoint, or a work dir to use its latest one')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, help='settings to override, key=value'
    )
    parser.add_argument('--json', action='store_true', help='print one JSON line')
    args = parser.parse_args()

    cfg = load_config(args.config, options=args.cfg_options)
    cfg.log_level = 'ERROR'
    backend = load_backend(cfg.copy(), args.checkpoint)
    init_default_scope('mmpretrain')
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    crops = [t.crop_size for t in dataset.pipeline.transforms if hasattr(t, 'crop_size')]
    mAP = {}  # noqa: N806
    runner = build_test(cfg, args.checkpoint)
    mAP['center crop'] = runner.test()['xray/mAP']
    dismiss_workers(runner)
    whole = backend.info
    mAP['whole image'] = mean_average_precision(station_scores(backend, dataset))
    for crop in crops:
        preprocessing = dataclasses.replace(whole.preprocessing, size=crop)
        backend.info = dataclasses.replace(whole, preprocessing=preprocessing)
        mAP["whole image at the crop's size"] = mean_average_precision(
            station_scores(backend, dataset)
        )
    row = {'config': args.config, 'images': len(dataset), 'mAP': mAP}
    if args.json:
        print(json.dumps(row))
    else:
        measured = ', '.join(f'{name} {value:.2f}' for name, value in mAP.items())
        print(f'mAP of {len(dataset)} images: {measured}')


if __name__ == '__main__':
    main()
