"""Log which parameters learn at which rate."""

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn
from torch.optim import Optimizer

from mmsxm.engine.checkpoints import unwrap_model
from mmsxm.registry import HOOKS


def describe_groups(model: nn.Module, optimizer: Optimizer) -> str:
    """Return a table with a line per parameter group: rate, weight decay, size and modules.

    Frozen parameters are omitted, and so are groups that contain only frozen parameters.
    """
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    lines = ['Parameter groups:', '       lr  weight decay  tensors  parameters  of']
    for group in optimizer.param_groups:
        parameters = [parameter for parameter in group['params'] if parameter.requires_grad]
        if not parameters:
            continue
        parts = sorted({'.'.join(names[id(p)].split('.')[:2]) for p in parameters})
        size = sum(p.numel() for p in parameters)
        lines.append(
            f'{group["lr"]:9.2e}  {group["weight_decay"]:12.1e}  {len(parameters):7d}  '
            f'{size:10d}  {", ".join(parts)}'
        )
    return '\n'.join(lines)


@HOOKS.register_module()
class ParamGroupsHook(Hook):
    """Hook that logs :func:`describe_groups` when training starts, after rates are scaled."""

    def before_train(self, runner: Runner) -> None:
        """Log the table."""
        optimizer = runner.optim_wrapper.optimizer
        runner.logger.info(describe_groups(unwrap_model(runner.model), optimizer))
