"""Checked and merged parameter groups, and autocast on any device."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from torch import nn

from mmsxm.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS


def merge_groups(groups: list[dict]) -> list[dict]:
    """Merge groups with equal options, in the order of their first parameters.

    mmengine creates one group per parameter, which disables the multi-tensor step of torch.
    """
    merged: dict[tuple, dict] = {}
    for group in groups:
        options = {key: value for key, value in group.items() if key != 'params'}
        target = merged.setdefault(tuple(sorted(options.items())), {'params': [], **options})
        target['params'].extend(group['params'])
    return list(merged.values())


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class CheckedOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """Optimizer constructor that rejects unused ``custom_keys`` and merges parameter groups."""

    def add_params(
        self, params: list[dict], module: nn.Module, prefix: str = '', **kwargs: Any
    ) -> None:
        """Collect the parameter groups of a model.

        Raises:
            ValueError: A key of ``paramwise_cfg.custom_keys`` matches no parameter.
        """
        super().add_params(params, module, prefix, **kwargs)
        if prefix:  # a recursive call for a child
            return
        names = [name for name, _ in module.named_parameters()]
        for key in self.paramwise_cfg.get('custom_keys', {}):
            if not any(key in name for name in names):
                parts = sorted({'.'.join(name.split('.')[:2]) for name in names})
                raise ValueError(
                    f'The key {key!r} of paramwise_cfg.custom_keys matches no parameter of '
                    f'{type(module).__name__}. Use a part of a name: {", ".join(parts)}.'
                )
        params[:] = merge_groups(params)


def gains_by_bfloat16(device: str) -> bool:
    """Return whether bfloat16 is faster than float32 on a device, ``'cpu'`` or ``'cuda'``.

    On processors without bfloat16 (x86 without AVX-512), torch runs bfloat16 convolutions without
    oneDNN, several times slower than in float32.
    """
    if device != 'cpu':
        return True
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """Optimizer wrapper for bfloat16 autocast on CPUs and GPUs.

    A CPU without bfloat16 trains in float32. AmpOptimWrapper of mmengine does not support CPUs.
    bfloat16 has the range of float32, so it needs no loss scaling.

    Attributes:
        autocast: Whether the forward pass runs in bfloat16.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.device = self.optimizer.param_groups[0]['params'][0].device.type
        self.autocast = gains_by_bfloat16(self.device)
        if not self.autocast:
            print_log(
                'This processor does not support bfloat16. Training runs in float32.',
                logger='current',
            )

    @contextlib.contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the forward pass under autocast."""
        autocast = torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.autocast)
        with super().optim_context(model), autocast:
            yield
