"""Average precision (AP) of each class and its mean, the metric of all tables of the paper.

AP is not interpolated. MMPretrain's own metric depends on the order of rows with equal scores, and
gives 0 to a class without positives.
"""

import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from mmengine.logging import print_log
from mmpretrain.structures import label_to_onehot

from mmsxm.evaluation.array_metric import ArrayMetric
from mmsxm.registry import METRICS

__all__ = ['MeanAveragePrecision', 'average_precision', 'score_rows', 'with_mean']


def average_precision(scores: npt.ArrayLike, targets: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Compute the average precision of each class.

    It is the sum over thresholds of precision times the gain in recall. Rows with equal scores
    share one threshold, so their order does not matter.

    Args:
        scores: ``(N, C)``, higher is more likely.
        targets: ``(N, C)`` of 1 (positive), 0 (negative) or -1 (ignored).

    Returns:
        ``(C,)`` in [0, 1], nan if a class has no positives.

    Raises:
        ValueError: The shapes differ, a score is nan, or a target is another number.
    """
    scores, targets = np.asarray(scores), np.asarray(targets)
    if scores.ndim != 2 or scores.shape != targets.shape:
        raise ValueError(
            'scores and targets must have the same shape (N, C), not '
            f'{scores.shape} and {targets.shape}.'
        )
    if not ((targets == 1) | (targets == 0) | (targets == -1)).all():
        others = np.setdiff1d(targets, (1, 0, -1))
        raise ValueError(f'targets must be 1, 0 or -1, but contain {others[:5].tolist()}.')
    nans = np.isnan(scores).sum(axis=0)  # (C,)
    if nans.any():
        counts = ', '.join(f'{nans[i]} in class {i}' for i in np.flatnonzero(nans))
        raise ValueError(
            f'The scores of {len(scores)} rows contain nan: {counts}. Check whether training '
            'diverged.'
        )
    columns = zip(scores.T, targets.T, strict=True)
    return np.array([_class_average_precision(*column) for column in columns], dtype=np.float64)


def _class_average_precision(scores: np.ndarray, targets: np.ndarray) -> float:
    """Average the precision at the score of each positive.

    Sorting positives and negatives separately is faster than an argsort of all scores.
    """
    positives = np.sort(scores[targets == 1])
    if not len(positives):
        return float('nan')
    negatives = np.sort(scores[targets == 0])
    hits = len(positives) - np.searchsorted(positives, positives)
    false_alarms = len(negatives) - np.searchsorted(negatives, positives)
    return float(np.mean(hits / (hits + false_alarms)))


def with_mean(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Append the mean of the defined values, or nan if there are none: ``(C,)`` -> ``(C + 1,)``."""
    return np.append(values, np.nan if np.isnan(values).all() else np.nanmean(values))


def score_rows(samples: Sequence[dict]) -> np.ndarray:
    """Concatenate the scores and the targets of a batch of n images: ``(n, 2 C)``.

    Targets are 1, 0 or -1 (ignored). Both are transferred from a GPU at once.

    Raises:
        KeyError: An image has no ``pred_score``, as in Stage I, or no label.
        ValueError: The labels have another number of classes.
    """
    if not all('pred_score' in sample for sample in samples):
        raise KeyError(
            "Metrics of scores need 'pred_score', which a model without a classification head "
            '(Stage I) does not output. Remove these metrics from the evaluator.'
        )
    scores = torch.stack([sample['pred_score'] for sample in samples]).float()  # (n, C)
    classes = scores.shape[1]
    targets = torch.stack(
        [s['gt_score'] if 'gt_score' in s else _one_hot(s, classes) for s in samples]
    ).to(scores)  # (n, C)
    if targets.shape != scores.shape:
        raise ValueError(
            f'The model scores {classes} classes, but gt_score has {targets.shape[1]}. Use a '
            'dataset with the classes of the model.'
        )
    return torch.cat((scores, targets), dim=1).cpu().numpy()  # (n, 2 C)


def _one_hot(sample: dict, classes: int) -> torch.Tensor:
    """Return 1 at the labels of an image and 0 elsewhere, ``(C,)``."""
    if 'gt_label' not in sample:
        raise KeyError(
            "Metrics of scores need 'gt_score' or 'gt_label' of each image. Add the label to the "
            'keys of PackInputs.'
        )
    label = sample['gt_label'].long()
    if len(label) and int(label.max()) >= classes:
        raise ValueError(
            f'The model scores {classes} classes, but gt_label contains {int(label.max())}. Use a '
            'dataset with the classes of the model.'
        )
    return label_to_onehot(label, classes).float()  # (C,)


@METRICS.register_module()
class MeanAveragePrecision(ArrayMetric):
    """Metric that reports ``mAP`` and ``AP/<class>``, in percent.

    The AP of a class without positives is undefined (None) and excluded from the mean, with a
    warning. Targets are ``gt_score``, where -1 is ignored, or ``gt_label`` if there is no
    ``gt_score``.

    Args:
        collect_device: Device for gathering the results of all ranks, ``cpu`` or ``gpu``.
        prefix: Prefix of the metric names.
    """

    def __init__(self, collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self._warned_of: set[str] = set()

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Store the scores and targets of each image, see :func:`score_rows`."""
        self.results.append(score_rows(data_samples))

    def compute_metrics(self, results: np.ndarray) -> dict[str, float | None]:
        """Return ``mAP`` and ``AP/<class>`` of all images, in percent."""
        classes = (self.dataset_meta or {}).get('classes')
        if classes is None:
            raise KeyError(
                'MeanAveragePrecision needs the names of the classes. Set classes in the metainfo '
                'of the dataset.'
            )
        scores, targets = np.split(results, 2, axis=1)  # (N, C) each
        if scores.shape[1] != len(classes):
            raise ValueError(
                f'The model scores {scores.shape[1]} classes, but the dataset has {len(classes)}: '
                f'{", ".join(classes)}. Set the number of classes of the head accordingly.'
            )
        percent = 100 * average_precision(scores, targets)  # (C,)
        defined = ~np.isnan(percent)
        self._warn_once([name for name, ok in zip(classes, defined, strict=True) if not ok])
        metrics: dict[str, float | None] = {
            'mAP': float(percent[defined].mean()) if defined.any() else None
        }
        for name, value, ok in zip(classes, percent, defined, strict=True):
            metrics[f'AP/{name}'] = float(value) if ok else None
        return metrics

    def _warn_once(self, classes: list[str]) -> None:
        new = [name for name in classes if name not in self._warned_of]
        if new:
            self._warned_of.update(new)
            print_log(
                f'No image is a positive of {", ".join(new)}. The AP of these classes is undefined '
                'and excluded from mAP.',
                logger='current',
                level=logging.WARNING,
            )
