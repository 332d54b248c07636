"""A resumed training goes on with the data that it began with."""

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
    """A fingerprint of names, labels and boxes, in their order; in hexadecimal.

    Wherever the files lie. Pixels don't count: reading a million images takes hours, and this
    takes seconds.
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
    """Refuse to resume a training whose list, images or annotations changed meanwhile.

    What a checkpoint was trained on stands in its ``meta`` as ``train_data``; checkpoints without
    it are resumed as they are.

    Args:
        refuse: Whether to raise an error; otherwise a warning is logged.
    """

    def __init__(self, refuse: bool = True) -> None:
        self.refuse = refuse
        self._data: dict[str, str | int] | None = None

    def data(self, runner: Runner) -> dict[str, str | int]:
        """Number and digest of the images that are trained on; they are read once, in memory."""
        if self._data is None:
            dataset = runner.train_dataloader.dataset
            self._data = {'images': len(dataset), 'digest': data_digest(dataset)}
        return self._data

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note it."""
        checkpoint['meta']['train_data'] = self.data(runner)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare it, when a training is resumed.

        Raises:
            ValueError: It is another.
        """
        then = checkpoint.get('meta', {}).get('train_data')
        if then is None or not is_resuming(runner) or then == self.data(runner):
            return
        message = (
            f'The training set has changed since {load_from(runner)} was saved: it had '
            f'{then["images"]:,} images and has {self.data(runner)["images"]:,}, and names, labels '
            'or boxes are others.'
        )
        if self.refuse:
            raise ValueError(
                f'{message} Bring list, images and annotations back, or go on with what there is '
                'now: --cfg-options default_hooks.same_data.refuse=False'
            )
        print_log(f'{message} Training goes on with it.', 'current', logging.WARNING)
