"""Training steps on data in memory, with the runner and with a bare loop."""

import copy
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmengine.model import BaseModel
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmpretrain.structures import DataSample
from torch.utils.data import DataLoader, Dataset

from mmsxm.engine import AutocastOptimWrapper
from mmsxm.training.config import load_config, use_autocast

NUM_SAMPLES = 64  # samples in memory, which repeat


class InMemory(Dataset):
    """Dataset of a few packed samples of random pixels, which repeat.

    Args:
        length: Number of samples.
        size: Side of the square images in pixels.
        maps: Number of heatmaps of an image.
    """

    CLASSES = tuple('abcde')
    metainfo: dict[str, Any] = {}

    def __init__(self, length: int, size: int, maps: int = 1) -> None:
        generator = torch.Generator().manual_seed(0)
        self.length = length
        self.samples = []
        for index in range(NUM_SAMPLES):
            sample = DataSample()
            sample.set_gt_label([index % 5])
            heatmap = torch.rand(maps, size // 4, size // 4, generator=generator)
            sample.set_field(heatmap, 'gt_heatmap')
            sample.set_field(torch.tensor(index % 3), 'gt_meta_level')
            image = torch.randint(0, 256, (3, size, size), dtype=torch.uint8, generator=generator)
            self.samples.append({'inputs': image, 'data_samples': sample})

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.samples[index % NUM_SAMPLES]
        return {'inputs': item['inputs'], 'data_samples': item['data_samples'].clone()}


def batches_in_memory(number: int, batch: int, size: int, maps: int = 1) -> DataLoader:
    """Build a loader that makes batches in this process."""
    dataset = InMemory(number * batch, size, maps)
    return DataLoader(dataset, batch_size=batch, collate_fn=default_collate)


def number_of_maps(cfg: Config) -> int:
    """Return how many heatmaps the training pipeline of a config draws for an image."""
    steps = (step['type'] for step in cfg.train_dataloader.dataset.pipeline)
    return len(InMemory.CLASSES) if 'mmsxm.ClassHeatmap' in steps else 1


class StepLoop(EpochBasedTrainLoop):
    """Loop that starts an epoch and returns. Each call of :meth:`step` runs one iteration."""

    def run(self) -> BaseModel:
        """Start the epoch."""
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        self.batches = enumerate(self.dataloader)
        return self.runner.model

    def step(self) -> None:
        """Run one iteration with all hooks, and wait for the device."""
        self.run_iter(*next(self.batches))
        wait()


def bare_config(path: str, work_dir: str, amp: bool = False) -> Config:
    """Load a config and train one epoch from random weights, without tests or checkpoints."""
    cfg = load_config(path, work_dir=work_dir)
    cfg.model.backbone.init_cfg = None
    cfg.load_from = None
    cfg.log_level = 'ERROR'
    cfg.train_cfg.max_epochs = 1
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    cfg.default_hooks.checkpoint = None
    if amp:
        use_autocast(cfg)
    return cfg


def begin(cfg: Config, loader: DataLoader) -> Runner:
    """Build a runner before its first step. ``runner.train_loop.step()`` runs the next one."""
    cfg.train_cfg = dict(type=StepLoop, max_epochs=1)
    cfg.experiment_name = f'{cfg.filename}-{id(loader)}'  # differs between runners in one process
    runner = Runner.from_cfg(cfg)
    runner._train_dataloader = loader
    runner.train()
    return runner


class BareSteps:
    """Training steps of a bare PyTorch loop.

    Args:
        runner: Runner whose network and optimizer are copied.
        loader: Loader of the batches.
    """

    def __init__(self, runner: Runner, loader: DataLoader) -> None:
        self.model: BaseModel = copy.deepcopy(runner.model)
        copies = dict(zip(runner.model.parameters(), self.model.parameters(), strict=True))
        wrapper = runner.optim_wrapper
        groups = [
            {**group, 'params': [copies[p] for p in group['params']]}
            for group in wrapper.optimizer.param_groups
        ]
        self.optimizer = type(wrapper.optimizer)(groups)
        self.autocast = isinstance(wrapper, AutocastOptimWrapper) and wrapper.autocast
        self.batches = iter(loader)

    def step(self) -> None:
        """Run one step, and wait for the device."""
        data = self.model.data_preprocessor(next(self.batches), training=True)
        device = data['inputs'].device.type
        with torch.autocast(device, dtype=torch.bfloat16, enabled=self.autocast):
            losses = self.model(**data, mode='loss')
        self.optimizer.zero_grad()
        sum(losses.values()).backward()
        self.optimizer.step()
        wait()


def wait() -> None:
    """Wait for the GPU, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
