"""Seeds for the random transforms of the training set.

mmengine does not store the state of random generators, and it seeds workers with a constant.
Random numbers that depend only on seed, epoch and sample make a resumed run equal to an
uninterrupted one, with any number of workers.
"""

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from mmsxm.datasets.wrapped_datasets import xray_datasets
from mmsxm.registry import HOOKS


@HOOKS.register_module()
class SampleSeedHook(Hook):
    """Hook that passes seed and epoch to the training set before every epoch.

    A dataset wrapper that repeats images within an epoch repeats their random numbers, too.
    """

    def before_train(self, runner: Runner) -> None:
        """Reject iteration-based training, whose augmentation would never change.

        Raises:
            ValueError: ``train_cfg`` counts iterations.
        """
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise ValueError(
                'train_cfg counts iterations, but random transforms draw new numbers once per '
                'epoch. Set train_cfg=dict(by_epoch=True, max_epochs=...).'
            )

    def before_train_epoch(self, runner: Runner) -> None:
        """Set seed and epoch. They reach persistent workers through a shared tensor."""
        for dataset in xray_datasets(runner.train_dataloader.dataset):
            dataset.set_epoch(runner.seed, runner.epoch)
