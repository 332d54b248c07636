"""Refuse pretrained weights that do not fill the backbone."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import CheckpointLoader, Runner
from torch import nn

from mmsxm.engine.checkpoints import missing_keys, summarize_keys, unwrap_model
from mmsxm.engine.output_norms import intermediate_norms
from mmsxm.engine.runner_state import is_resuming, is_training, load_from
from mmsxm.registry import HOOKS


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
        if not is_training(runner) or is_resuming(runner) or load_from(runner):
            return
        model = unwrap_model(runner.model)
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
                f'({summarize_keys(lost)}). Convert them first, mmsxm convert-weights '
                f'CONFIG {path} OUT, and set PRETRAINED=OUT, or for a ResNet-101 '
                'PRETRAINED_RESNET101=OUT.'
            )
        print_log(
            f'The weights in {path} have no norms for intermediate outputs of the '
            f'{type(backbone).__name__}. They are trained from their initial values: '
            f'{", ".join(missing)}.',
            logger='current',
        )
