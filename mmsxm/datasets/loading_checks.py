"""Checks before and after a list is loaded: what a dataset refuses, and how to fix it."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmsxm.datasets.loading_report import ProblemCounts

if TYPE_CHECKING:
    from mmsxm.datasets.xray_dataset import XrayDataset

__all__ = ['check_classes', 'check_list_exists', 'check_loaded']


def check_list_exists(ann_file: str) -> None:
    """Check that the list of a dataset exists.

    Raises:
        FileNotFoundError: It does not.
    """
    if not os.path.isfile(ann_file):
        raise FileNotFoundError(
            f'The list {ann_file!r} does not exist. Set data_root, or the environment '
            'variable that the config names, to the folder of the dataset (docs/data.md).'
        )


def check_classes(dataset: 'XrayDataset') -> None:
    """Check that the classes of a dataset are named.

    Raises:
        ValueError: There are no names, or there is a single string.
    """
    if not dataset.CLASSES or isinstance(dataset.CLASSES, str):
        raise ValueError(
            f'{type(dataset).__name__} needs the names of its classes, but they are '
            f"{dataset.CLASSES!r}. Set metainfo=dict(classes=['Gun', 'Knife'])."
        )


def check_loaded(
    dataset: 'XrayDataset', data_list: Sequence[dict], problems: ProblemCounts, report: str
) -> None:
    """Check that a dataset and its pipeline can use a loaded list.

    A transform that computes its target from boxes has an attribute ``needs_boxes``. One whose
    items have classes of their own has a method ``check_classes``.

    Args:
        dataset: Dataset.
        data_list: Data infos of its images.
        problems: Problems of the list, which ``strict`` refuses.
        report: Report for the messages.

    Raises:
        FileNotFoundError: Images are missing, with ``strict``.
        ValueError: There are other problems, with ``strict``. Or no image is left, only some images
            have ``gt_score``, a transform needs boxes and there are none, or its items are of other
            classes.
    """
    if dataset.strict and problems.counts:
        error = FileNotFoundError if 'missing images' in problems.counts else ValueError
        lines = '\n    '.join(problems.lines())
        raise error(
            f'strict=True, but {dataset.ann_file} has problems. Fix them or set strict=False.\n'
            f'    {lines}'
        )
    if len({'gt_score' in data_info for data_info in data_list}) > 1:
        raise ValueError(
            f'{type(dataset).__name__} sets gt_score for some images only. Set it for all images '
            'or for none, because a batch is read in the same way as its first image.'
        )
    if not data_list:
        raise ValueError(
            'No usable images are left. Check the list and the image folder in this report.\n'
            f'{report}'
        )
    transforms = dataset.pipeline.transforms
    box_users = [type(t).__name__ for t in transforms if getattr(t, 'needs_boxes', False)]
    if box_users and not any(data_info['instances'] for data_info in data_list):
        raise ValueError(
            f'{" and ".join(box_users)} in the pipeline needs boxes, but no image has one. '
            'Labels are enough for configs/evidence_own.py and '
            'configs/baselines/resnet50_fpn_own.py. Of SXMNet, only Stage II trains without boxes: '
            'with gated fusion or neural labels, as in '
            f'configs/ablations/sxmnet_{{gated,mf-n}}_sixray_stage2.py.\n{report}'
        )
    for transform in transforms:
        if hasattr(transform, 'check_classes'):
            transform.check_classes(dataset.CLASSES)
