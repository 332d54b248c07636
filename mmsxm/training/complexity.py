"""Cost of a network: multiply-accumulates and parameters."""

from typing import NamedTuple

import torch
from mmengine.config import Config
from torch.utils.flop_counter import FlopCounterMode

from mmsxm.conventions import CROPPED
from mmsxm.registry import MODELS


class Complexity(NamedTuple):
    """Cost of one image: 10^9 multiply-accumulates, and 10^6 parameters."""

    gmacs: float
    params_m: float


def count(cfg: Config, image_size: tuple[int, int] = (CROPPED, CROPPED)) -> Complexity:
    """Count multiply-accumulates and parameters of a network for one image of size (h, w).

    Convolutions and matrix products count. Additions, activations and resizing do not.
    """
    model_cfg = cfg.model.copy()
    model_cfg.backbone = dict(model_cfg.backbone, init_cfg=None)
    model = MODELS.build(dict(model_cfg, _scope_=cfg.get('default_scope', 'mmpretrain'))).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, *image_size))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Complexity(counter.get_total_flops() / 2e9, parameters / 1e6)
