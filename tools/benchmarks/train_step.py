"""Compare a training step of the runner with that of a bare PyTorch loop and of another network.

All train on the same random pixels in memory and alternate step by step, so that other load affects
all equally. The other network, MMPretrain's ResNet-50 by default, uses a runner too. The ratio of
their multiply-accumulates is printed next to the time.
"""

import argparse
import json
import tempfile

from mmengine.config import Config
from steps import BareSteps, bare_config, batches_in_memory, begin, number_of_maps
from torch.utils.data import DataLoader
from turns import take_turns

from mmsxm.conventions import CROPPED
from mmsxm.reproduction.run_record import device_name
from mmsxm.training.complexity import count


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', nargs='?', default='configs/sxmnet_sixray_stage2.py')
    parser.add_argument('--against', default='configs/baselines/resnet50_sixray.py')
    parser.add_argument(
        '--batch', type=int, default=32, help='images per step; default: %(default)s'
    )
    parser.add_argument('--size', type=int, default=CROPPED, help='side of the images in pixels')
    parser.add_argument('--steps', type=int, default=10, help='steps of each; default: %(default)s')
    parser.add_argument('--amp', action='store_true', help='train in bfloat16')
    parser.add_argument('--json', action='store_true', help='print one JSON line')
    args = parser.parse_args()

    def batches(cfg: Config) -> DataLoader:
        return batches_in_memory(args.steps + 1, args.batch, args.size, number_of_maps(cfg))

    with tempfile.TemporaryDirectory() as work_dir:
        cfg, other = (bare_config(p, work_dir, args.amp) for p in (args.config, args.against))
        size = (args.size, args.size)
        gmacs, other_gmacs = count(cfg, size).gmacs, count(other, size).gmacs
        runner = begin(cfg, batches(cfg))
        candidates = {
            'runner': runner.train_loop.step,
            'bare': BareSteps(runner, batches(cfg)).step,
            'against': begin(other, batches(other)).train_loop.step,
        }
        seconds = take_turns(candidates, args.steps)

    row = {
        'config': args.config,
        'against': args.against,
        'batch': args.batch,
        'size': args.size,
        'amp': args.amp,
        'device': device_name(),
        **{f'{name}_ms': round(1000 * value, 1) for name, value in seconds.items()},
        'to_bare': round(seconds['runner'] / seconds['bare'], 3),
        'to_against': round(seconds['runner'] / seconds['against'], 3),
        'gmacs_to_against': round(gmacs / other_gmacs, 3),
    }
    if args.json:
        print(json.dumps(row))
    else:
        print(
            f'{row["runner_ms"]:.0f} ms for {args.batch} images of {args.size} pixels on '
            f'{row["device"]}: {row["to_bare"]:.3f} times the bare loop, '
            f'{row["to_against"]:.3f} times {args.against}, which has 1/'
            f'{row["gmacs_to_against"]:.3f} of the multiply-accumulates'
        )


if __name__ == '__main__':
    main()
