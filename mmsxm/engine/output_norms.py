"""Norms that a backbone with several outputs has and the weights of a classifier lack.

ConvNeXt and Swin normalize each level that they return. A classifier returns only the last level,
so its file has no norms for the others. A new norm only rescales its input and can be trained from
its initial values. Any other missing weight would leave a part of the network random.
"""

import torch
from mmcv.cnn.bricks.norm import is_norm
from torch import nn
from torch.func import functional_call

__all__ = ['intermediate_norms']

SIZE = 256  # pixels of a side; backbones for 224 pixels accept it, also with windows of 7 or 8


@torch.no_grad()
def intermediate_norms(backbone: nn.Module) -> set[str]:
    """Return the keys of the norms that only intermediate outputs pass through.

    A norm belongs to them if NaN in its weights does not reach the last output.
    """
    norms = [(name, module) for name, module in backbone.named_children() if is_norm(module)]
    keys: set[str] = set()
    if not norms:
        return keys
    image = torch.zeros(1, 3, SIZE, SIZE, device=next(backbone.parameters()).device)
    was_training = backbone.training
    backbone.eval()  # batch statistics do not change, and no random number is drawn
    for name, norm in norms:
        weights = {f'{name}.{key}': value for key, value in norm.state_dict().items()}
        unusable = {
            key: value * torch.nan for key, value in weights.items() if value.is_floating_point()
        }
        if functional_call(backbone, unusable, (image,))[-1].isfinite().all():
            keys |= weights.keys()
    backbone.train(was_training)
    return keys
