"""Nothing starts from random weights by mistake.

mmengine loads what fits, logs the rest and goes on: a Stage II that begins with random attention
looks like training. These hooks compare keys and shapes, and stop with the command that helps.
"""

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import CheckpointLoader, Runner, find_latest_checkpoint
from torch import Tensor, nn

from mmsxm.engine.output_norms import intermediate_norms
from mmsxm.registry import HOOKS

EPOCH = re.compile(r'epoch_(\d+)\.pth')


def epoch_checkpoints(work_dir: str | os.PathLike[str]) -> dict[int, str]:
    """The checkpoints of whole epochs in a work directory by epoch, the last one first."""
    epochs = {
        int(match[1]): os.path.join(work_dir, match[0])
        for match in map(EPOCH.fullmatch, os.listdir(work_dir))
        if match
    }
    return dict(sorted(epochs.items(), reverse=True))


def latest_checkpoint(work_dir: str | os.PathLike[str]) -> str | None:
    """Find the checkpoint that a work directory was left with, None if there is none.

    mmengine notes its absolute path; a directory that was moved or copied has one of its own. It
    writes the note in place, so that a full disk or a killed process may leave an empty one: then,
    and where it is no text, it is the last whole epoch.
    """
    try:
        noted = find_latest_checkpoint(str(work_dir)) if os.path.isdir(work_dir) else None
    except UnicodeDecodeError:
        noted = ''
    if noted is None:
        return None
    if not noted:
        return next(iter(epoch_checkpoints(work_dir).values()), None)
    candidates = (os.path.join(work_dir, os.path.basename(noted)), noted)
    return next((path for path in candidates if os.path.isfile(path)), None)


def missing_keys(model: nn.Module, state_dict: Mapping[str, Tensor]) -> list[str]:
    """List the parameters and buffers that ``state_dict`` does not fill, by name and shape.

    Batch normalisation's step counters don't count: old files lack them, and nothing reads them.
    """
    return [
        key
        for key, value in model.state_dict().items()
        if not key.endswith('num_batches_tracked')
        and getattr(state_dict.get(key), 'shape', None) != value.shape
    ]


def unused_keys(model: nn.Module, state_dict: Mapping[str, Tensor]) -> list[str]:
    """List the tensors of ``state_dict`` that the model does not have, sorted."""
    return sorted(set(state_dict) - set(model.state_dict()))


def _summary(keys: Sequence[str]) -> str:
    """Count keys by the modules that they belong to: ``head.fcs (6)``."""
    modules = Counter('.'.join(key.split('.')[:2]) for key in keys)
    return ', '.join(f'{module} ({number})' for module, number in modules.items())


def bare_model(model: nn.Module) -> nn.Module:
    """Take a model out of the wrappers of many processes and of test-time augmentation."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.get_submodule('module')
    return model


def _is_training(runner: Runner) -> bool:
    return not isinstance(runner._train_loop, Mapping | None)


def is_resuming(runner: Runner) -> bool:
    """Whether what is loaded is a training that goes on, not weights to start from or to test."""
    return _is_training(runner) and bool(runner._resume)


@HOOKS.register_module()
class HandoverHook(Hook):
    """Take weights over only where they fill the model, but for what is declared new.

    ``load_from`` may name a work directory, whose latest checkpoint is then taken.

    Args:
        new: Prefixes of keys that training may start without, as Stage II's ``'head.'``. A
            test, and a resumed training, needs them all.
        first: The config to train before this one, for the sentence that says so.
    """

    priority = 'VERY_HIGH'

    def __init__(self, new: Sequence[str] = (), first: str | None = None) -> None:
        self.new = tuple(new)
        self.first = first

    def before_run(self, runner: Runner) -> None:
        """Find the latest checkpoint where ``load_from`` names a directory.

        Raises:
            FileNotFoundError: there is none.
        """
        path = runner._load_from
        if path is None or runner._resume or '://' in path or os.path.isfile(path):
            return
        latest = latest_checkpoint(path)
        if latest is None:
            first = (
                f' Train it first: mmsxm train {self.first}, or add --stages to this '
                'command, which does that.'
                if self.first and _is_training(runner)
                else ''
            )
            raise FileNotFoundError(f'load_from names {path}, and no checkpoint is there.{first}')
        runner._load_from = latest

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare the checkpoint with the model.

        Raises:
            ValueError: it leaves a part of the model unfilled that is not declared new.
        """
        model = bare_model(runner.model)
        state_dict = checkpoint.get('state_dict', checkpoint)
        missing = missing_keys(model, state_dict)
        starting = _is_training(runner) and not runner._resume
        new = [key for key in missing if starting and key.startswith(self.new)] if self.new else []
        lost = [key for key in missing if key not in new]
        if lost:
            first = f' Make one by: mmsxm train {self.first}' if self.first and starting else ''
            name = runner._load_from or f'that {runner.work_dir} is resumed from'
            raise ValueError(
                f'The checkpoint {name} does not fill the model: {len(lost)} of its '
                f'{len(model.state_dict())} tensors are missing or of another shape '
                f'({_summary(lost)}).{first}'
            )
        if new:
            epoch = checkpoint.get('meta', {}).get('epoch', 'unknown')
            print_log(
                f'Weights are taken over from {runner._load_from} (epoch {epoch}). New, and '
                f'initialised here: {len(new)} tensors ({_summary(new)}).',
                logger='current',
            )
        if unused := unused_keys(model, state_dict):
            print_log(
                f'The checkpoint holds {len(unused)} tensors that this model does not have '
                f'({_summary(unused)}).',
                logger='current',
            )


@HOOKS.register_module()
class PretrainedHook(Hook):
    """Refuse pretrained weights that don't fill the backbone.

    Norms of intermediate outputs may be missing, as in the weights of a classifier
    (:mod:`.output_norms`).
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Read the file that ``backbone.init_cfg`` names and compare it with the backbone.

        Raises:
            ValueError: its keys or shapes are others.
        """
        if not _is_training(runner) or runner._resume or runner._load_from:
            return
        model = bare_model(runner.model)
        backbone = model.get_submodule('backbone')
        init_cfg: Any = backbone.init_cfg
        for part in init_cfg if isinstance(init_cfg, list) else [init_cfg]:
            if part and part['type'] == 'Pretrained':
                self.check(backbone, part['checkpoint'], part.get('prefix', ''))

    def check(self, backbone: nn.Module, path: str, prefix: str) -> None:
        """Compare a file with the backbone; ValueError if it does not fill it."""
        checkpoint = CheckpointLoader.load_checkpoint(path, map_location='cpu', logger='current')
        prefix = prefix.rstrip('.') + '.' if prefix else ''
        state_dict = {
            key.removeprefix(prefix): value
            for key, value in checkpoint.get('state_dict', checkpoint).items()
            if key.startswith(prefix)
        }
        missing = missing_keys(backbone, state_dict)
        if not missing:
            return
        norms = intermediate_norms(backbone) - state_dict.keys()
        lost = [key for key in missing if key not in norms]
        if lost:
            raise ValueError(
                f'The weights in {path} do not fit the {type(backbone).__name__}: '
                f'{len(lost)} of its tensors are missing or of another shape '
                f'({_summary(lost)}). Convert them first, mmsxm convert-weights '
                f'CONFIG {path} OUT, and set PRETRAINED=OUT, or for a ResNet-101 '
                'PRETRAINED_RESNET101=OUT.'
            )
        print_log(
            f'The weights in {path} have no norms for intermediate outputs of the '
            f'{type(backbone).__name__}. They are trained from their initial values: '
            f'{", ".join(missing)}.',
            logger='current',
        )
