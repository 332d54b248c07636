"""Tell the training set the seed and epoch that its random transforms draw from.

mmengine stores no generator's state, and seeds workers with a constant; numbers drawn from
(seed, epoch, sample) make a resumed run equal to an undisturbed one, with any number of workers.
"""

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from mmsxm.datasets.wrapped_datasets import xray_datasets
from mmsxm.registry import HOOKS


@HOOKS.register_module()
class SampleSeedHook(Hook):
    """Pass the runner's seed and epoch on before every epoch.

    A wrapper that repeats images within an epoch repeats their random numbers, too.
    """

    def before_train(self, runner: Runner) -> None:
        """Refuse a training without epochs, whose images would never change.

        Raises:
            ValueError: ``train_cfg`` counts iterations.
        """
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise ValueError(
                'Random transforms draw new numbers in every epoch, and train_cfg counts '
                'iterations: set train_cfg=dict(by_epoch=True, max_epochs=...).'
            )

    def before_train_epoch(self, runner: Runner) -> None:
        """Set them; a shared tensor carries them to workers that live on."""
        for dataset in xray_datasets(runner.train_dataloader.dataset):
            dataset.set_epoch(runner.seed, runner.epoch)
