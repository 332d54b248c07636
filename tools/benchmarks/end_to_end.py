"""Measure whether training from image files is limited by the loader or by the network.

It compares images per second of reading only, of training on data in memory, and of training from
files through the loader and workers of a config. The last cannot exceed either of the others. On a
CPU, workers also take time from the network. Without a folder, bags are simulated.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable

from loader import SIMULATE, SIZES
from steps import bare_config, batches_in_memory, begin, number_of_maps

from mmsxm.engine.runner_state import dismiss_workers
from mmsxm.reproduction.run_record import device_name
from mmsxm.training.train import allow_open_files

WARM_UP = 3  # steps during which the workers fill their queues


def images_per_second(step: Callable[[], object], steps: int, batch: int) -> float:
    """Measure the images per second of some steps, after warm-up steps."""
    for _ in range(WARM_UP):
        step()
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return steps * batch / (time.perf_counter() - start)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', nargs='?', default='configs/sxmnet_mobilenet-v2_sixray_stage1.py')
    parser.add_argument(
        '--sixray', metavar='ROOT', help='set in the layout of SIXray, or a prepared copy'
    )
    parser.add_argument(
        '--image-set', default='10', help='folder of its lists; default: %(default)s'
    )
    parser.add_argument(
        '--batch', type=int, default=16, help='images per step; default: %(default)s'
    )
    parser.add_argument(
        '--steps', type=int, default=20, help='steps to measure; default: %(default)s'
    )
    parser.add_argument(
        '--workers', type=int, default=2, help='workers of the loader; default: %(default)s'
    )
    parser.add_argument('--amp', action='store_true', help='train in bfloat16')
    parser.add_argument('--json', action='store_true', help='print one JSON line')
    args = parser.parse_args()
    allow_open_files()

    steps = args.steps + WARM_UP
    with tempfile.TemporaryDirectory() as folder:
        root = args.sixray or os.path.join(folder, 'sixray')
        if args.sixray is None:
            number = steps * args.batch
            SIMULATE['sixray'](root, train=number, test=1, image_size=SIZES['sixray'])
        cfg = bare_config(args.config, folder, args.amp)
        cfg.train_dataloader.update(batch_size=args.batch, num_workers=args.workers)
        cfg.train_dataloader.dataset.update(
            data_root=root, image_set=args.image_set, indices=steps * args.batch
        )
        runner = begin(cfg, cfg.train_dataloader)
        speeds = {'from files': images_per_second(runner.train_loop.step, args.steps, args.batch)}
        batches = iter(runner.train_dataloader)
        size = next(batches)['inputs'].shape[-1]
        speeds['reading only'] = images_per_second(
            lambda: next(batches), args.steps - 1, args.batch
        )
        dismiss_workers(runner)
        in_memory = begin(cfg, batches_in_memory(steps, args.batch, size, number_of_maps(cfg)))
        speeds['in memory'] = images_per_second(in_memory.train_loop.step, args.steps, args.batch)

    row = {
        'config': args.config,
        'batch': args.batch,
        'workers': args.workers,
        'device': device_name(),
        'images_per_second': {name: round(speed, 1) for name, speed in speeds.items()},
        'of_memory': round(speeds['from files'] / speeds['in memory'], 3),
    }
    if args.json:
        print(json.dumps(row))
    else:
        measured = ', '.join(f'{name} {speed:.1f}' for name, speed in speeds.items())
        print(
            f'images per second on {row["device"]}, {args.workers} workers: {measured}; '
            f'from files is {row["of_memory"]:.1%} of in memory'
        )


if __name__ == '__main__':
    main()
