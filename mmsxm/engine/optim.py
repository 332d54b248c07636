"""Parameter groups that are checked and few; autocast on any device."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from torch import nn

from mmsxm.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS


def merge_groups(groups: list[dict]) -> list[dict]:
    """Put parameters with equal options into one group, in the order of their first.

    mmengine makes a group of each parameter, which keeps torch's multi-tensor step from working.
    """
    merged: dict[tuple, dict] = {}
    for group in groups:
        options = {key: value for key, value in group.items() if key != 'params'}
        first = merged.setdefault(tuple(sorted(options.items())), {'params': [], **options})
        first['params'].extend(group['params'])
    return list(merged.values())


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class CheckedOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """Build the optimizer as mmengine does, refuse idle ``custom_keys`` and merge groups."""

    def add_params(
        self, params: list[dict], module: nn.Module, prefix: str = '', **kwargs: Any
    ) -> None:
        """Collect the groups of a model.

        Raises:
            ValueError: a key of ``paramwise_cfg.custom_keys`` matches no parameter.
        """
        super().add_params(params, module, prefix, **kwargs)
        if prefix:  # mmengine calls itself for every child
            return
        names = [name for name, _ in module.named_parameters()]
        for key in self.paramwise_cfg.get('custom_keys', {}):
            if not any(key in name for name in names):
                parts = sorted({'.'.join(name.split('.')[:2]) for name in names})
                raise ValueError(
                    f'paramwise_cfg.custom_keys names {key!r}, which matches no parameter of the '
                    f'{type(module).__name__}; its parts are {", ".join(parts)}.'
                )
        params[:] = merge_groups(params)


def gains_by_bfloat16(device: str) -> bool:
    """Whether a device, ``'cpu'`` or ``'cuda'``, is made for bfloat16.

    On processors without it (x86 without AVX-512) torch convolves bfloat16 without oneDNN, several
    times slower than float32.
    """
    if device != 'cpu':
        return True
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """Train under bfloat16 autocast, on a CPU as on a GPU; in float32 on a CPU without bfloat16.

    mmengine's AmpOptimWrapper refuses the CPU. bfloat16 has the range of float32 and needs no
    loss scaling.

    Attributes:
        autocast: Whether the forward pass runs in bfloat16.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.device = self.optimizer.param_groups[0]['params'][0].device.type
        self.autocast = gains_by_bfloat16(self.device)
        if not self.autocast:
            print_log('This processor has no bfloat16: training in float32.', logger='current')

    @contextlib.contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the forward pass under autocast."""
        autocast = torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.autocast)
        with super().optim_context(model), autocast:
            yield
