"""Reject pretrained weights that do not match the backbone."""

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
    """Hook that rejects pretrained weights that do not match the backbone.

    Norms of intermediate outputs may be missing, as in the weights of a classifier
    (:mod:`.output_norms`).
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Compare the file of ``backbone.init_cfg`` with the backbone.

        Raises:
            ValueError: Keys are missing or shapes differ.
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
        """Compare a file with the backbone; raise ValueError if weights are missing."""
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
        rejected = [key for key in missing if key not in norms]
        if rejected:
            raise ValueError(
                f'The weights in {path} do not match {type(backbone).__name__}: '
                f'{len(rejected)} of its tensors are missing or have another shape '
                f'({summarize_keys(rejected)}). Convert them with mmsxm convert-weights '
                f'CONFIG {path} OUT, then set PRETRAINED=OUT (PRETRAINED_RESNET101=OUT for a '
                'ResNet-101).'
            )
        print_log(
            f'The weights in {path} have no norms for the intermediate outputs of '
            f'{type(backbone).__name__}. These norms are trained from their initial values: '
            f'{", ".join(missing)}.',
            logger='current',
        )
