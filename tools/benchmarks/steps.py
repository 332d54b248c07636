"""Training steps outside of a training: through the runner, and bare, on data in memory."""

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

FEW = 64  # samples that are kept, and repeated


class InMemory(Dataset):
    """A few packed samples of random pixels, repeated.

    Args:
        length: How many it gives.
        size: Of the square images, in pixels.
    """

    CLASSES = tuple('abcde')
    metainfo: dict[str, Any] = {}

    def __init__(self, length: int, size: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.length = length
        self.samples = []
        for index in range(FEW):
            sample = DataSample()
            sample.set_gt_label([index % 5])
            sample.set_field(torch.rand(1, size // 4, size // 4, generator=generator), 'gt_heatmap')
            sample.set_field(torch.tensor(index % 3), 'gt_meta_level')
            image = torch.randint(0, 256, (3, size, size), dtype=torch.uint8, generator=generator)
            self.samples.append({'inputs': image, 'data_samples': sample})

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.samples[index % FEW]
        return {'inputs': item['inputs'], 'data_samples': item['data_samples'].clone()}


def batches_in_memory(number: int, batch: int, size: int) -> DataLoader:
    """A loader of batches in this process."""
    dataset = InMemory(number * batch, size)
    return DataLoader(dataset, batch_size=batch, collate_fn=default_collate)


class StepLoop(EpochBasedTrainLoop):
    """Begin an epoch and return: :meth:`step` does its iterations, one a call."""

    def run(self) -> BaseModel:
        """Begin."""
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        self.batches = enumerate(self.dataloader)
        return self.runner.model

    def step(self) -> None:
        """Do one iteration, with all hooks, until the device is done."""
        self.run_iter(*next(self.batches))
        wait()


def bare_config(path: str, work_dir: str, amp: bool = False) -> Config:
    """A config that trains one epoch from random weights, without tests or checkpoints."""
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
    """A runner before its first step: ``runner.train_loop.step()`` does the next one."""
    cfg.train_cfg = dict(type=StepLoop, max_epochs=1)
    cfg.experiment_name = f'{cfg.filename}-{id(loader)}'  # of two runners in one process
    runner = Runner.from_cfg(cfg)
    runner._train_dataloader = loader
    runner.train()
    return runner


class BareSteps:
    """What a page of PyTorch would do.

    Args:
        runner: Whose network and optimizer are copied.
        loader: Of the batches.
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
        """Do one, until the device is done."""
        data = self.model.data_preprocessor(next(self.batches), training=True)
        device = data['inputs'].device.type
        with torch.autocast(device, dtype=torch.bfloat16, enabled=self.autocast):
            losses = self.model(**data, mode='loss')
        self.optimizer.zero_grad()
        sum(losses.values()).backward()
        self.optimizer.step()
        wait()


def wait() -> None:
    """Until the GPU is done, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
