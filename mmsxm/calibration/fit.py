"""Fit thresholds and score scaling on a validation set, and store both in a checkpoint."""

import io
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.logging import print_log
from mmengine.runner import CheckpointLoader

import mmsxm.registry  # noqa: F401, makes checkpoint loading safe
from mmsxm.engine.checkpoints import checkpoint_classes
from mmsxm.evaluation import Scores, alarm_curve, any_item
from mmsxm.evaluation.alarm_curve import bag_name
from mmsxm.evaluation.bootstrap import percentile_interval
from mmsxm.evaluation.score_scaling import fit_scaling, log_loss, to_logits, to_scores
from mmsxm.evaluation.thresholds import BestF1, Criterion, cut_threshold, wilson_interval
from mmsxm.inference.calibration import KEY, Calibration
from mmsxm.io.files import atomic_write

__all__ = ['Achieved', 'Calibrated', 'calibrate', 'store_calibration']

DRAWS = 1000


class Achieved(NamedTuple):
    """Performance of a threshold on the validation set, with 95% confidence intervals.

    The interval of a threshold comes from the bootstrap over images, those of the rates are
    Wilson's. ``any_item`` is the bag as a whole, which raises an alarm as soon as one class does.
    It has no threshold of its own. Undefined values are nan.
    """

    name: str
    positives: int
    negatives: int
    threshold: float
    threshold_interval: tuple[float, float]
    detection_rate: float
    detection_interval: tuple[float, float]
    false_positive_rate: float
    false_positive_interval: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, with None for undefined ones."""
        return {
            key: [_plain(v) for v in value] if isinstance(value, tuple) else _plain(value)
            for key, value in self._asdict().items()
            if key != 'name'
        }


class Calibrated(NamedTuple):
    """Calibration with the performance of its thresholds: one row per class, ``any_item`` last."""

    calibration: Calibration
    rows: list[Achieved]


def calibrate(
    scores: Scores,
    criterion: Criterion,
    scaling: str | None = None,
    origin: dict[str, Any] | None = None,
    seed: int = 0,
    exceptions: Mapping[str, Criterion] | None = None,
) -> Calibrated:
    """Choose a threshold for each class on scaled scores.

    Log a warning if there are too few images without any item.

    Args:
        scores: Unscaled scores of a validation set.
        criterion: Criterion that the threshold of each class must meet.
        scaling: ``temperature`` fits one slope for all classes, ``platt`` a slope and an offset for
            each. None does not scale.
        origin: Information to store with the calibration, such as the source of the images.
        seed: Seed of the bootstrap.
        exceptions: Criteria of single classes, in place of ``criterion``.

    Raises:
        ValueError: A class of ``exceptions`` does not exist. Or a class has too few positives or
            negatives for the criterion or the scaling, or its scores fall. The message names the
            class.
    """
    criteria = _by_class(scores.classes, criterion, exceptions or {})
    description = _describe(criterion, exceptions or {})
    _refuse_small_classes(scores, criteria, description)
    slope, offset = _fit(scores, scaling)
    values = scores.scores  # (n, C)
    if scaling:
        values = to_scores(slope * to_logits(values) + offset)
    values = values.astype(np.float32).astype(np.float64)  # the precision of a station
    rng = np.random.default_rng(seed)
    rows = [
        _achieve(name, values[:, i], scores.targets[:, i], criteria[name], rng)
        for i, name in enumerate(scores.classes)
    ]
    _refuse_extremes(rows, to_scores(slope * to_logits(np.zeros(1)) + offset) if scaling else None)
    thresholds = [row.threshold for row in rows]
    rows.append(_any_item(bag_name(scores.classes), values, scores.targets, thresholds))
    _warn_of_few_harmless_bags(rows[-1], max(criteria.values(), key=lambda one: one.needs()[1]))
    calibration = Calibration(
        thresholds={row.name: row.threshold for row in rows[:-1]},
        slope=dict(zip(scores.classes, slope.tolist(), strict=True)),
        offset=dict(zip(scores.classes, offset.tolist(), strict=True)),
        origin={
            **(origin or {}),
            'images': len(values),
            'criterion': description,
            'scaling': scaling,
            'log_loss_before': log_loss(scores.scores, scores.targets),
            'log_loss_after': log_loss(values, scores.targets),
            'achieved': {row.name: row.to_dict() for row in rows},
        },
    )
    return Calibrated(calibration, rows)


def store_calibration(source: Path, calibration: Calibration, out: Path) -> None:
    """Write a checkpoint with a calibration in its meta and otherwise unchanged content.

    Raises:
        FileNotFoundError: The checkpoint does not exist.
        ValueError: The checkpoint has other classes, or is not an mmengine checkpoint.
    """
    checkpoint = CheckpointLoader.load_checkpoint(str(source), map_location='cpu')
    if 'state_dict' not in checkpoint:
        raise ValueError(
            f'{source} has no state_dict, so it is not a training checkpoint. Use a checkpoint '
            'written by mmsxm train.'
        )
    meta = checkpoint.setdefault('meta', {})
    classes = checkpoint_classes(meta) or tuple(calibration.thresholds)
    Calibration.from_dict(calibration.to_dict(), classes)
    meta[KEY] = calibration.to_dict()
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    atomic_write(out, buffer.getvalue())


def _by_class(
    classes: Sequence[str], criterion: Criterion, exceptions: Mapping[str, Criterion]
) -> dict[str, Criterion]:
    """Return the criterion of each class."""
    if unknown := [name for name in exceptions if name not in classes]:
        raise ValueError(
            f'The network has no class {", ".join(unknown)}. The classes are {", ".join(classes)}.'
        )
    return {name: exceptions.get(name, criterion) for name in classes}


def _describe(criterion: Criterion, exceptions: Mapping[str, Criterion]) -> str:
    others = ' and '.join(f'{one} for {name}' for name, one in exceptions.items())
    return f'{criterion}, but {others}' if others else str(criterion)


def _refuse_small_classes(
    scores: Scores, criteria: Mapping[str, Criterion], description: str
) -> None:
    short = [
        f'{name} has {count} {kind} and needs {criteria[name].needs()[place]}'
        for place, (target, kind) in enumerate(((1, 'positives'), (0, 'negatives')))
        for name, count in zip(scores.classes, (scores.targets == target).sum(axis=0), strict=True)
        if count < criteria[name].needs()[place]
    ]
    if short:
        others = '' if BestF1() in criteria.values() else ', choose another rate, or use --best-f1'
        raise ValueError(
            f'There are too few images for {description}: {"; ".join(short)}. Add images{others}.'
        )


def _warn_of_few_harmless_bags(bag: Achieved, criterion: Criterion) -> None:
    """Warn if the images are too few to measure how often a harmless bag raises an alarm.

    Negatives of a class may contain items of other classes. There can therefore be enough of them
    even if each image contains an item.
    """
    needed = max(1, criterion.needs()[1])
    if bag.negatives >= needed:
        return
    rate = 'unknown' if not bag.negatives else 'uncertain'
    print_log(
        f'{bag.negatives:,} images are without any item, but {criterion} needs at least '
        f'{needed:,}. The false-alarm rate of {bag.name} is {rate}. Add images of harmless bags, '
        'or set positives_only=False if the config skips them.',
        logger='current',
        level=logging.WARNING,
    )


def _refuse_extremes(rows: Sequence[Achieved], smallest: np.ndarray | None) -> None:
    """Reject thresholds that scores at the limits of float32 would not respect."""
    for i, row in enumerate(rows):
        if row.threshold >= 1:
            raise ValueError(
                f'{row.name}: scores of 1 would still be alarms, and images without the item have '
                'them. No threshold meets the criterion. Choose another one.'
            )
        if smallest is not None and row.threshold <= smallest[i]:
            raise ValueError(
                f'{row.name}: the threshold would lie among scores too close to 0 to be '
                'distinguished. Choose a lower detection rate, or no scaling.'
            )


def _fit(scores: Scores, scaling: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Fit slope and offset of each class, (C,) each."""
    slope, offset = np.ones(len(scores.classes)), np.zeros(len(scores.classes))
    if scaling is None:
        return slope, offset
    logits = to_logits(scores.scores)
    if scaling == 'temperature':
        slope[:], _ = fit_scaling(logits, scores.targets, with_offset=False)
        return slope, offset
    if scaling != 'platt':
        raise ValueError(f"scaling must be 'temperature', 'platt' or None, not {scaling!r}.")
    for i, name in enumerate(scores.classes):
        try:
            slope[i], offset[i] = fit_scaling(logits[:, i], scores.targets[:, i], with_offset=True)
        except ValueError as error:
            raise ValueError(f'{name}: {error}') from None
    return slope, offset


def _achieve(
    name: str,
    scores: np.ndarray,
    targets: np.ndarray,
    criterion: Criterion,
    rng: np.random.Generator,
) -> Achieved:
    curve = alarm_curve(scores, targets)
    cut = criterion.cut(curve)
    return _row(
        name,
        hits=int(curve.hits[cut - 1]) if cut else 0,
        positives=curve.positives,
        false_alarms=int(curve.false_alarms[cut - 1]) if cut else 0,
        negatives=curve.negatives,
        threshold=float(cut_threshold(curve, np.array(cut))),
        threshold_interval=percentile_interval(
            cut_threshold(curve, criterion.cuts(curve, DRAWS, rng))
        ),
    )


def _any_item(
    name: str, scores: np.ndarray, targets: np.ndarray, thresholds: Sequence[float]
) -> Achieved:
    alarm = np.asarray((scores >= thresholds).any(axis=1))
    _, whole = any_item(scores, targets)
    return _row(
        name,
        hits=int(alarm[whole == 1].sum()),
        positives=int((whole == 1).sum()),
        false_alarms=int(alarm[whole == 0].sum()),
        negatives=int((whole == 0).sum()),
        threshold=math.nan,
        threshold_interval=(math.nan, math.nan),
    )


def _row(
    name: str,
    hits: int,
    positives: int,
    false_alarms: int,
    negatives: int,
    threshold: float,
    threshold_interval: tuple[float, float],
) -> Achieved:
    return Achieved(
        name,
        positives,
        negatives,
        threshold,
        threshold_interval,
        hits / positives if positives else math.nan,
        wilson_interval(hits, positives),
        false_alarms / negatives if negatives else math.nan,
        wilson_interval(false_alarms, negatives),
    )


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
