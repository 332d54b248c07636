"""Refuse to run a config whose ``input_size`` was not applied."""

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmsxm.engine.input_size import crop_sizes
from mmsxm.registry import HOOKS


@HOOKS.register_module()
class InputSizeHook(Hook):
    """Compare the config's ``input_size`` with its pipelines.

    Only the commands of mmsxm read ``input_size``. Other programs that run a config would ignore
    it, and train and test at another size without a message.
    """

    def before_run(self, runner: Runner) -> None:
        """Compare the sizes.

        Raises:
            ValueError: They differ.
        """
        size = runner.cfg.get('input_size')
        if size is not None and (others := crop_sizes(runner.cfg) - {size}):
            raise ValueError(
                f'input_size={size}, but a pipeline crops to {others.pop()}: the setting was not '
                'applied. Read the config with mmsxm.apis.load_config, or use mmsxm train and '
                'mmsxm test.'
            )
