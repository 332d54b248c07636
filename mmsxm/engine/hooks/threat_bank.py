"""Keep items from validation and test images out of training."""

from collections.abc import Iterator

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmsxm.datasets.threat_bank_file import ThreatBank
from mmsxm.datasets.transforms import ThreatImageProjection
from mmsxm.datasets.wrapped_datasets import xray_datasets
from mmsxm.registry import HOOKS


@HOOKS.register_module()
class ThreatBankHook(Hook):
    """Hook that rejects a threat bank with items from validation or test images."""

    def before_train(self, runner: Runner) -> None:
        """Compare the source images of the bank with those of validation and test.

        Raises:
            ValueError: They share an image.
        """
        sources = set().union(*(bank.sources for bank in _banks(runner.train_dataloader.dataset)))
        if not sources:
            return
        loops = [runner.val_loop]
        if runner.cfg.get('test_dataloader') != runner.cfg.get('val_dataloader'):
            loops.append(runner.test_loop)
        for loop in loops:
            if loop is None:
                continue
            for dataset in xray_datasets(loop.dataloader.dataset):
                if shared := sorted(sources & dataset.image_ids()):
                    raise ValueError(
                        f'The threat bank contains items from {len(shared)} images that are used '
                        f'for validation or test, such as {shared[0]} of {dataset.ann_file}. Build '
                        'one from the training set of this config with mmsxm threat-bank.'
                    )


def _banks(dataset: object) -> Iterator[ThreatBank]:
    for inner in xray_datasets(dataset):
        for transform in inner.pipeline.transforms:
            if isinstance(transform, ThreatImageProjection) and transform.prob:
                yield transform.bank
