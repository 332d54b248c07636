"""Average precision by class and its mean, the measure of all tables of the paper.

It is the plain, non-interpolated one. The stock metric depends on the order of rows whose scores
are equal, and gives 0 to a class without positives.
"""

import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmsxm.registry import METRICS

from .alarm_curve import alarm_curve

__all__ = ['MeanAveragePrecision', 'average_precision', 'score_row', 'with_mean']


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
    if not np.isin(targets, (1, 0, -1)).all():
        others = np.setdiff1d(targets, (1, 0, -1))
        raise ValueError(f'targets must be 1, 0 or -1, but hold {others[:5].tolist()}')
    nans = np.isnan(scores).sum(axis=0)
    if nans.any():
        counts = ', '.join(f'{nans[i]} in class {i}' for i in np.flatnonzero(nans))
        raise ValueError(f'scores of {len(scores)} rows hold nan: {counts}')
    columns = zip(scores.T, targets.T, strict=True)
    return np.array([_class_average_precision(*column) for column in columns], dtype=np.float64)


def _class_average_precision(scores: np.ndarray, targets: np.ndarray) -> float:
    curve = alarm_curve(scores, targets)
    if not curve.positives:
        return float('nan')
    return float(np.sum(curve.precision * np.diff(curve.hits, prepend=0)) / curve.positives)


def with_mean(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Append the mean of those that are defined, nan where none is: (C,) -> (C + 1,)."""
    return np.append(values, np.nan if np.isnan(values).all() else np.nanmean(values))


def score_row(sample: dict) -> np.ndarray:
    """The scores and targets (1, 0, or -1 for ignored) of an image, (2, C).

    Raises:
        KeyError: It has no ``pred_score``, as in Stage I, or no label.
    """
    if 'pred_score' not in sample:
        raise KeyError(
            "metrics of scores need 'pred_score', which a model without a classification head "
            '(Stage I) does not give: leave them out of the evaluator'
        )
    scores = sample['pred_score'].float().cpu()
    if 'gt_score' in sample:
        targets = sample['gt_score'].float().cpu()
    elif 'gt_label' in sample:
        targets = torch.zeros_like(scores)
        targets[sample['gt_label'].long().cpu()] = 1
    else:
        raise KeyError("metrics of scores need 'gt_score' or 'gt_label' of each image")
    return torch.stack((scores, targets)).numpy()


@METRICS.register_module()
class MeanAveragePrecision(BaseMetric):
    """``mAP`` and ``AP/<class>``, in percent.

    A class without positives is undefined (None) and left out of the mean, with a warning. The
    targets are ``gt_score``, where -1 is ignored, or without it ``gt_label``.

    Args:
        collect_device: ``cpu`` or ``gpu``, by which the ranks' results are gathered.
        prefix: Put before the names of the metrics.
    """

    default_prefix = 'xray'

    def __init__(self, collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self._warned_of: set[str] = set()

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep one row of scores and targets, (2, C), of each image.

        Raises:
            KeyError: See :func:`score_row`.
        """
        self.results += [score_row(sample) for sample in data_samples]

    def compute_metrics(self, results: list[np.ndarray]) -> dict[str, float | None]:
        """``mAP`` and ``AP/<class>`` of all images, in percent."""
        classes = (self.dataset_meta or {}).get('classes')
        if classes is None:
            raise KeyError("MeanAveragePrecision needs the names of the data set's classes")
        rows = np.stack(results)  # (N, 2, C)
        if rows.shape[2] != len(classes):
            raise ValueError(
                f'the model scores {rows.shape[2]} classes, but the data set has {len(classes)}: '
                f'{", ".join(classes)}'
            )
        percent = 100 * average_precision(rows[:, 0], rows[:, 1])
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
