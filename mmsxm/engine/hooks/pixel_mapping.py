"""Refuse to run a config whose ``window`` or ``pseudo_color`` was not applied."""

import logging

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmsxm.engine.input_size import pipelines
from mmsxm.engine.pixel_mapping import (
    LOADER,
    config_mapping,
    mapping_text,
    require_trained_mapping,
)
from mmsxm.engine.runner_state import is_resuming, is_training, load_from
from mmsxm.imaging.pixel_mapping import UPPER_BITS, PixelMapping
from mmsxm.registry import HOOKS


@HOOKS.register_module()
class PixelMappingHook(Hook):
    """Compare the config's ``window`` and ``pseudo_color`` with its pipelines.

    Only the commands of mmsxm read them. Other programs that run a config would ignore them, and
    train and test on other pixels without a message. Training can only resume with the same
    mapping. It may start from weights that were trained with another one, for example for another
    scanner. Then a warning is logged.
    """

    def before_run(self, runner: Runner) -> None:
        """Compare the mappings.

        Raises:
            ValueError: They differ.
        """
        mapping = config_mapping(runner.cfg)
        for place, pipeline in pipelines(runner.cfg).items():
            read = [PixelMapping.from_dict(t) for t in pipeline or () if t.type == LOADER]
            is_default = mapping == UPPER_BITS and set(read) <= {UPPER_BITS}  # of any reader
            if read != [mapping] and not is_default:
                raise ValueError(
                    f'The config sets {mapping_text(mapping)}, but {place} does not: the setting '
                    'was not applied. Read the config with mmsxm.apis.load_config, or use mmsxm '
                    'train and mmsxm test.'
                )

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare the mapping of the checkpoint that training starts or resumes from.

        Raises:
            ValueError: Training resumes, and they differ.
        """
        if not is_training(runner):  # tests compare it themselves
            return
        path = load_from(runner) or 'The latest checkpoint'
        try:
            require_trained_mapping(runner.cfg, checkpoint.get('meta', {}), 'this config', path)
        except ValueError as error:
            if is_resuming(runner):
                raise
            print_log(f'{error} Training continues.', 'current', logging.WARNING)
