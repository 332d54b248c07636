"""Check that a resumed run trains on the same data."""

import hashlib
import logging

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmsxm.datasets.wrapped_datasets import xray_datasets
from mmsxm.engine.runner_state import is_resuming, load_from
from mmsxm.registry import HOOKS

__all__ = ['DatasetFingerprintHook', 'data_digest']


def data_digest(dataset: object) -> str:
    """Return the SHA-256 of names, labels and boxes in their order, in hexadecimal.

    The location of the files does not count. Pixels do not count either: reading a million images
    takes hours, and this takes seconds.
    """
    digest = hashlib.sha256()
    for part in xray_datasets(dataset):
        digest.update(repr(part.metainfo['classes']).encode())
        for index in range(len(part)):
            info = part.get_data_info(index)
            content = [
                info.get(key)
                for key in ('img_id', 'gt_label', 'gt_score', 'instances', 'gt_meta_level')
            ]
            digest.update(repr(content).encode())
    return digest.hexdigest()


@HOOKS.register_module()
class DatasetFingerprintHook(Hook):
    """Hook that refuses to resume if the list, images or annotations changed in the meantime.

    The fingerprint of the training data is stored in the ``meta`` of a checkpoint as
    ``train_data``. Checkpoints without it are resumed unchecked.

    Args:
        refuse: Whether to raise an error; otherwise a warning is logged.
    """

    def __init__(self, refuse: bool = True) -> None:
        self.refuse = refuse
        self._data: dict[str, str | int] | None = None

    def data(self, runner: Runner) -> dict[str, str | int]:
        """Return the number and digest of the training images; computed once, without pixels."""
        if self._data is None:
            dataset = runner.train_dataloader.dataset
            self._data = {'images': len(dataset), 'digest': data_digest(dataset)}
        return self._data

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Store the fingerprint in the checkpoint."""
        checkpoint['meta']['train_data'] = self.data(runner)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare the fingerprints when a run is resumed.

        Raises:
            ValueError: The training data changed since the checkpoint was saved.
        """
        saved = checkpoint.get('meta', {}).get('train_data')
        if saved is None or not is_resuming(runner) or saved == self.data(runner):
            return
        message = (
            f'The training set has changed since {load_from(runner)} was saved: names, labels or '
            f'boxes differ. It had {saved["images"]:,} images and now has '
            f'{self.data(runner)["images"]:,}.'
        )
        if self.refuse:
            raise ValueError(
                f'{message} Restore the list, images and annotations. To train on the changed '
                'data, add --cfg-options default_hooks.same_data.refuse=False'
            )
        print_log(f'{message} Training continues with it.', 'current', logging.WARNING)
