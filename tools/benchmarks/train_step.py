"""Compare a step through the runner with a step of a bare PyTorch loop.

Same network, same batches in memory. The two take turns, step by step, so that whatever else the
machine does meets both.
"""

import argparse
import copy
import json
import statistics
import tempfile
import time
from typing import Any

import torch
from mmengine.dataset import default_collate
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from torch.utils.data import DataLoader, Dataset

from mmsxm.apis.running import load_config

WARM_UP = 5  # steps


class InMemory(Dataset):
    """A few packed samples, repeated."""

    CLASSES = tuple('abcde')
    metainfo: dict[str, Any] = {}

    def __init__(self, length: int, size: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.length = length
        self.samples = []
        for index in range(64):
            sample = DataSample()
            sample.set_gt_label([index % 5])
            sample.set_field(torch.rand(1, size // 4, size // 4, generator=generator), 'gt_heatmap')
            sample.set_field(torch.tensor(index % 3), 'gt_meta_level')
            image = torch.randint(0, 256, (3, size, size), dtype=torch.uint8, generator=generator)
            self.samples.append({'inputs': image, 'data_samples': sample})

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.samples[index % len(self.samples)]
        return {'inputs': item['inputs'], 'data_samples': item['data_samples'].clone()}


class TakeTurns(Hook):
    """Time the runner's step, then do and time a bare one."""

    priority = 'LOWEST'

    def __init__(self, model: BaseModel, loader: DataLoader) -> None:
        self.model = model
        self.preprocess = model.data_preprocessor
        self.batches = iter(loader)
        self.runner_seconds: list[float] = []
        self.bare_seconds: list[float] = []
        self.since = 0.0

    def before_train_epoch(self, runner: Runner) -> None:
        """Copy the optimizer's settings."""
        wrapper = runner.optim_wrapper
        parameters = dict(zip(runner.model.parameters(), self.model.parameters(), strict=True))
        groups = [
            {**group, 'params': [parameters[p] for p in group['params']]}
            for group in wrapper.optimizer.param_groups
        ]
        self.optimizer = type(wrapper.optimizer)(groups)
        self.autocast = type(wrapper) is not OptimWrapper
        self.model.train()
        self.since = time.perf_counter()

    def bare_step(self) -> None:
        """Do what a page of PyTorch would do."""
        data = self.preprocess(next(self.batches), training=True)
        device = data['inputs'].device.type
        with torch.autocast(device, dtype=torch.bfloat16, enabled=self.autocast):
            losses = self.model(**data, mode='loss')
        self.optimizer.zero_grad()
        sum(losses.values()).backward()
        self.optimizer.step()

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Take the turn."""
        _wait()
        ended = time.perf_counter()
        self.runner_seconds.append(ended - self.since)
        self.bare_step()
        _wait()
        self.since = time.perf_counter()
        self.bare_seconds.append(self.since - ended)


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', nargs='?', default='configs/demo/sxmnet_stage2.py')
    parser.add_argument('--batch', type=int, default=32, help='images per step')
    parser.add_argument('--size', type=int, default=112, help='of the square images, in pixels')
    parser.add_argument('--steps', type=int, default=30)
    parser.add_argument('--json', action='store_true', help='print one JSON line')
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as work_dir:
        cfg = load_config(args.config, work_dir=work_dir)
        cfg.model.backbone.init_cfg = None
        cfg.load_from = None
        cfg.log_level = 'ERROR'
        cfg.train_cfg.max_epochs = 1
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
        cfg.default_hooks.checkpoint = None
        loader = DataLoader(
            InMemory((args.steps + WARM_UP) * args.batch, args.size),
            batch_size=args.batch,
            collate_fn=default_collate,
        )
        cfg.train_dataloader = dict(batch_size=args.batch)
        runner = Runner.from_cfg(cfg)
        runner._train_dataloader = loader
        turns = TakeTurns(copy.deepcopy(runner.model), loader)
        runner.register_hook(turns)
        runner.train()

    runner_ms = 1000 * statistics.median(turns.runner_seconds[WARM_UP:])
    bare_ms = 1000 * statistics.median(turns.bare_seconds[WARM_UP:])
    ratios = [
        ours / bare for ours, bare in zip(turns.runner_seconds, turns.bare_seconds, strict=True)
    ][WARM_UP:]
    row = {
        'config': args.config,
        'batch': args.batch,
        'size': args.size,
        'device': torch.cuda.get_device_name() if torch.cuda.is_available() else 'cpu',
        'runner_ms': round(runner_ms, 1),
        'bare_ms': round(bare_ms, 1),
        'ratio': round(statistics.median(ratios), 3),
    }
    if args.json:
        print(json.dumps(row))
    else:
        print(
            f'{row["ratio"]:.3f} times the bare loop ({runner_ms:.0f} ms against {bare_ms:.0f} ms '
            f'for {args.batch} images of {args.size} pixels, {row["device"]})'
        )


if __name__ == '__main__':
    main()
