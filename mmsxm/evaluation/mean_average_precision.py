"""Average precision by class and its mean, the measure of all tables of the paper.

It is the plain, non-interpolated one. The stock metric depends on the order of rows whose scores
are equal, and gives 0 to a class without positives.
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
    """Average precision of each class.

    It is the sum over thresholds of precision times the gain in recall. Rows whose scores are
    equal share one threshold, so their order has no influence.

    Args:
        scores: (N, C), higher is more likely.
        targets: (N, C) of 1 (positive), 0 (negative) or -1 (ignored).

    Returns:
        (C,) in [0, 1], nan where a class has no positive.

    Raises:
        ValueError: When the shapes differ, a score is nan, or a target is another number.
    """
    scores, targets = np.asarray(scores), np.asarray(targets)
    if scores.ndim != 2 or scores.shape != targets.shape:
        raise ValueError(
            'scores and targets must have one shape (N, C), but have '
            f'{scores.shape} and {targets.shape}'
        )
    if not ((targets == 1) | (targets == 0) | (targets == -1)).all():
        others = np.setdiff1d(targets, (1, 0, -1))
        raise ValueError(f'targets must be 1, 0 or -1, but hold {others[:5].tolist()}')
    nans = np.isnan(scores).sum(axis=0)
    if nans.any():
        counts = ', '.join(f'{nans[i]} in class {i}' for i in np.flatnonzero(nans))
        raise ValueError(f'scores of {len(scores)} rows hold nan: {counts}')
    columns = zip(scores.T, targets.T, strict=True)
    return np.array([_class_average_precision(*column) for column in columns], dtype=np.float64)


def _class_average_precision(scores: np.ndarray, targets: np.ndarray) -> float:
    """The mean over positives of the precision at their own scores.

    Sorting both kinds of scores apart is quicker than an argsort of all.
    """
    positives = np.sort(scores[targets == 1])
    if not len(positives):
        return float('nan')
    negatives = np.sort(scores[targets == 0])
    hits = len(positives) - np.searchsorted(positives, positives)
    false_alarms = len(negatives) - np.searchsorted(negatives, positives)
    return float(np.mean(hits / (hits + false_alarms)))


def with_mean(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Append the mean of those that are defined, nan where none is: (C,) -> (C + 1,)."""
    return np.append(values, np.nan if np.isnan(values).all() else np.nanmean(values))


def score_rows(samples: Sequence[dict]) -> np.ndarray:
    """The scores and then the targets (1, 0, or -1 for ignored) of a batch of n images, (n, 2 C).

    From a GPU they come in one transfer.

    Raises:
        KeyError: An image has no ``pred_score``, as in Stage I, or no label.
        ValueError: The labels are of another number of classes.
    """
    if not all('pred_score' in sample for sample in samples):
        raise KeyError(
            "metrics of scores need 'pred_score', which a model without a classification head "
            '(Stage I) does not give: leave them out of the evaluator'
        )
    scores = torch.stack([sample['pred_score'] for sample in samples]).float()
    classes = scores.shape[1]
    targets = torch.stack(
        [s['gt_score'] if 'gt_score' in s else _one_hot(s, classes) for s in samples]
    ).to(scores)
    if targets.shape != scores.shape:
        raise ValueError(f'the model scores {classes} classes, but gt_score has {targets.shape[1]}')
    return torch.cat((scores, targets), dim=1).cpu().numpy()


def _one_hot(sample: dict, classes: int) -> torch.Tensor:
    """1 at the labels of an image and 0 elsewhere, (C,)."""
    if 'gt_label' not in sample:
        raise KeyError("metrics of scores need 'gt_score' or 'gt_label' of each image")
    label = sample['gt_label'].long()
    if len(label) and int(label.max()) >= classes:
        raise ValueError(
            f'the model scores {classes} classes, but gt_label has the {int(label.max())}'
        )
    return label_to_onehot(label, classes).float()


@METRICS.register_module()
class MeanAveragePrecision(ArrayMetric):
    """``mAP`` and ``AP/<class>``, in percent.

    A class without positives is undefined (None) and left out of the mean, with a warning. The
    targets are ``gt_score``, where -1 is ignored, or without it ``gt_label``.

    Args:
        collect_device: ``cpu`` or ``gpu``, by which the ranks' results are gathered.
        prefix: Put before the names of the metrics.
    """

    def __init__(self, collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self._warned_of: set[str] = set()

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep the scores and targets of each image, see :func:`score_rows`."""
        self.results.append(score_rows(data_samples))

    def compute_metrics(self, results: np.ndarray) -> dict[str, float | None]:
        """``mAP`` and ``AP/<class>`` of all images, in percent."""
        classes = (self.dataset_meta or {}).get('classes')
        if classes is None:
            raise KeyError("MeanAveragePrecision needs the names of the data set's classes")
        scores, targets = np.split(results, 2, axis=1)
        if scores.shape[1] != len(classes):
            raise ValueError(
                f'the model scores {scores.shape[1]} classes, but the data set has {len(classes)}: '
                f'{", ".join(classes)}'
            )
        percent = 100 * average_precision(scores, targets)
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
                f'no positive of {", ".join(new)} among the images: their AP is undefined, and '
                'left out of mAP',
                logger='current',
                level=logging.WARNING,
            )
