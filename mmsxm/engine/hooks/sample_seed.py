"""Seeds for the random transforms and the order of the training set.

mmengine does not store the state of random generators, and it seeds workers with a constant.
Random numbers that depend only on seed, epoch and sample make a resumed run equal to an
uninterrupted one, with any number of workers.

When a run resumes, mmengine restores its seed after the sampler was built with that of the config.
The two differ if the config has no seed, or if ``randomness.seed`` was set for the first call only.
The images would then come in another order than before.
"""

import logging

from mmengine.dataset import ClassBalancedDataset, RepeatDataset
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import EpochBasedTrainLoop, Runner

from mmsxm.datasets.wrapped_datasets import wrappers, xray_datasets
from mmsxm.engine.runner_state import is_resuming
from mmsxm.registry import HOOKS


@HOOKS.register_module()
class SampleSeedHook(Hook):
    """Hook that passes seed and epoch to the training set before every epoch.

    Checkpoints contain the seed of the sampler in their ``meta`` as ``sampler_seed``. A resumed run
    continues with it.

    A dataset wrapper that repeats images within an epoch repeats their random numbers, too. A
    warning is logged.
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
        for wrapper in wrappers(runner.train_dataloader.dataset):
            if isinstance(wrapper, RepeatDataset | ClassBalancedDataset):
                print_log(
                    f'The training set is a {type(wrapper).__name__}: all repeats of an image '
                    'within an epoch have the same random crop and flip, so a repeat only weights '
                    'the image. The next epoch has other ones. To see more crops of all images, '
                    'increase train_cfg.max_epochs.',
                    'current',
                    logging.WARNING,
                )

    def before_train_epoch(self, runner: Runner) -> None:
        """Set seed and epoch. They reach persistent workers through a shared tensor."""
        for dataset in xray_datasets(runner.train_dataloader.dataset):
            dataset.set_epoch(runner.seed, runner.epoch)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Store the seed of the sampler, if it has one."""
        seed = getattr(runner.train_dataloader.sampler, 'seed', None)
        if seed is not None:
            checkpoint['meta']['sampler_seed'] = int(seed)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Restore the seed of the sampler when a run is resumed."""
        seed = checkpoint.get('meta', {}).get('sampler_seed')
        if seed is not None and is_resuming(runner):
            runner.train_dataloader.sampler.seed = seed
