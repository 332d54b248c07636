"""Localization of each class: pointing, energy inside boxes, and average precision of regions.

Ours, not in the paper, whose map is for all classes. The class-agnostic measures are in
:mod:`mmsxm.evaluation.attention_localization`. Here, the map of a class is compared with the boxes
of that class only: a gun's map that points at a knife is wrong.

Regions are evaluated as in object detection (:mod:`mmsxm.evaluation.region_precision`), but with an
IoU threshold of 0.3 instead of 0.5: maps are coarse, and half of a maximum is not the outline of an
item.
"""

import logging
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from mmengine.logging import print_log
from mmpretrain.structures import label_to_onehot

from mmsxm.evaluation.array_metric import ArrayMetric
from mmsxm.evaluation.attention_localization import (
    cells_in_boxes,
    energy_inside,
    pointing_hit,
)
from mmsxm.evaluation.mean_average_precision import with_mean
from mmsxm.evaluation.region_precision import (
    clip_to_view,
    interpolated_average_precision,
    match_regions,
    region_boxes,
)
from mmsxm.registry import METRICS

__all__ = ['ClassLocalization']


class _ClassMeasures(NamedTuple):
    """Measures of one class in one image; all but the number are nan if it has no box in view."""

    num_boxes: float  # that regions should detect: 0 if the image is left out of their precision
    pointing: float = math.nan
    pointing_chance: float = math.nan
    energy: float = math.nan


def _measure(
    class_map: np.ndarray, boxes: np.ndarray, image_size: tuple[int, int]
) -> _ClassMeasures:
    """Compare the map of a class ``(h, w)`` with its boxes ``(n, 4)`` that are in view."""
    if not len(boxes):
        return _ClassMeasures(0)
    return _ClassMeasures(
        num_boxes=len(boxes),
        pointing=pointing_hit(class_map, boxes, image_size),
        pointing_chance=float(cells_in_boxes(class_map.shape, boxes, image_size).mean()),
        energy=energy_inside(class_map, boxes, image_size),
    )


@METRICS.register_module()
class ClassLocalization(ArrayMetric):
    """Metric of how well ``class_maps`` point at the boxes of their class, in percent.

    These are averages over the images with a box of the class in view:

    - ``class_pointing/<class>``: how often the maximum of the map lies in a box of the class;
    - ``class_pointing_chance/<class>``: the same for a random cell of the map;
    - ``class_energy/<class>``: the share of the sum of the map inside the boxes of the class.

    ``region_AP30/<class>`` is the average precision of regions at IoU 0.3 (``iou``). Regions are
    connected parts of the map at or above half of its maximum. Their confidence is the score of the
    class in ``pred_score`` times the highest value of the map in the region, like the confidence of
    YOLO: the score ranks images, the map ranks regions within an image. In Stage I, which does not
    predict scores, it is the value of the map. Boxes are cut at the edge of the view.

    Regions in images without the class are false positives. An image is left out of the average
    precision of a class if its label is ignored, with or without a box, or if it is positive and
    none of its boxes, in or out of view, has this class. The metric does not get
    ``unboxed_labels``: if an item has no box and another item of its class has one, regions on the
    first are false positives.

    ``class_pointing``, ``class_pointing_chance``, ``class_energy`` and ``region_mAP30`` are the
    means over classes. A class without a box in view is undefined (None) and left out of them, with
    a warning.

    Boxes are ``gt_bboxes`` in pixels of the network's input, ``img_shape``, and their classes
    ``gt_bboxes_labels``. A box that the test crop cuts off entirely does not count. Neither does
    one whose class has label 0. The labels of the image are ``gt_score`` or ``gt_label``.

    Args:
        iou: Least intersection over union of a region and the box that it detects.
        max_regions: Number of regions that are kept per image and class, the strongest first.
            Weaker ones are dropped, as COCO does, so that each image has the same number of values.
        collect_device: ``cpu`` or ``gpu``, by which the results of the ranks are gathered.
        prefix: Prefix of the names of the metrics.

    Attributes:
        reads_attention: Marks metrics for which averaged scores are not enough.
    """

    reads_attention = True

    def __init__(
        self,
        iou: float = 0.3,
        max_regions: int = 10,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if not 0 < iou <= 1:
            raise ValueError(f'iou={iou} is not an IoU threshold: set it above 0 and up to 1.')
        if max_regions < 1:
            raise ValueError(f'max_regions={max_regions} keeps no regions: set it to 1 or more.')
        self.iou = iou
        self.max_regions = max_regions
        self._warned_of: set[str] = set()

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep the measures and regions of each class in each image.

        Raises:
            KeyError: An image lacks ``class_maps``, its boxes, their labels, or its own labels.
            ValueError: A map or score is nan, or the numbers of maps, scores and labels differ.
        """
        rows = [self._image_row(sample) for sample in data_samples]  # (C * W,) each
        self.results.append(np.stack(rows))  # (n, C * W)

    def _image_row(self, sample: dict) -> np.ndarray:
        """Return the measures, region scores and hits of each class: ``(C * W,)``.

        W is the number of measures plus twice ``max_regions``; scores without a region are nan.
        """
        maps, scores = _predictions(sample)  # (C, h, w) and (C,)
        boxes, labels = _annotations(sample, len(maps))  # (m, 4) and (m,)
        targets = _targets(sample, len(maps))  # (C,)
        boxes, labels = boxes[targets[labels] != 0], labels[targets[labels] != 0]
        # items of these classes may be in the image but have no boxes
        unknown = targets != 0  # (C,)
        unknown[labels] = targets[labels] == -1
        image_size = tuple(sample['img_shape'][:2])
        width = len(_ClassMeasures._fields)
        row = np.full((len(maps), width + 2 * self.max_regions), np.nan)  # (C, W)
        for label, class_map in enumerate(maps):
            in_view = clip_to_view(boxes[labels == label], image_size)  # (m_c, 4)
            row[label, :width] = _measure(class_map, in_view, image_size)
            if unknown[label]:
                row[label, 0] = 0  # num_boxes
                continue
            regions, peaks = region_boxes(class_map, image_size)
            regions, peaks = regions[: self.max_regions], peaks[: self.max_regions]
            row[label, width : width + len(peaks)] = scores[label] * peaks
            start = width + self.max_regions
            row[label, start : start + len(peaks)] = match_regions(regions, in_view, self.iou)
        return row.ravel()

    def compute_metrics(self, results: np.ndarray) -> dict[str, float | None]:
        """Return the measures of each class and their means, in percent."""
        classes = (self.dataset_meta or {}).get('classes')
        if classes is None:
            raise KeyError('ClassLocalization needs the class names of the dataset (metainfo).')
        width = len(_ClassMeasures._fields) + 2 * self.max_regions
        if results.shape[1] != width * len(classes):
            raise ValueError(
                f'The model predicts {results.shape[1] // width} class maps, but the dataset has '
                f'{len(classes)} classes ({", ".join(classes)}). Set num_classes={len(classes)}.'
            )
        table = results.T.reshape(len(classes), width, -1)  # (C, W, N)
        by_class = np.array([self._class_values(values) for values in table])  # (C, 4)
        undefined = np.isnan(by_class).any(axis=1)
        self._warn_once([name for name, u in zip(classes, undefined, strict=True) if u])
        percent = str(round(100 * self.iou))
        names = (
            ('class_pointing', 'class_pointing'),
            ('class_pointing_chance', 'class_pointing_chance'),
            ('class_energy', 'class_energy'),
            (f'region_mAP{percent}', f'region_AP{percent}'),
        )
        metrics: dict[str, float | None] = {}
        for (mean_name, name), values in zip(names, by_class.T, strict=True):
            keys = [*(f'{name}/{class_name}' for class_name in classes), mean_name]
            for key, value in zip(keys, 100 * with_mean(values), strict=True):
                metrics[key] = None if np.isnan(value) else float(value)
        return metrics

    def _class_values(self, values: np.ndarray) -> tuple[float, float, float, float]:
        """Return pointing, chance, energy and average precision of a class from ``(W, N)``."""
        width = len(_ClassMeasures._fields)
        num_boxes, pointing, chance, energy = values[:width]  # (N,) each
        boxed = ~np.isnan(pointing)  # (N,)
        if not boxed.any():
            return math.nan, math.nan, math.nan, math.nan
        scores, hits = values[width:].reshape(2, -1)  # (max_regions * N,) each
        kept = ~np.isnan(scores)
        return (
            float(pointing[boxed].mean()),
            float(chance[boxed].mean()),
            float(energy[boxed].mean()),
            interpolated_average_precision(scores[kept], hits[kept], int(num_boxes.sum())),
        )

    def _warn_once(self, classes: list[str]) -> None:
        new = [name for name in classes if name not in self._warned_of]
        if new:
            self._warned_of.update(new)
            print_log(
                f'There are no boxes of {", ".join(new)} in view. Their localization is undefined '
                'and left out of the means.',
                logger='current',
                level=logging.WARNING,
            )


def _predictions(sample: dict) -> tuple[np.ndarray, np.ndarray]:
    """Return the maps ``(C, h, w)`` of an image and the scores ``(C,)``, 1 in Stage I."""
    if 'class_maps' not in sample:
        raise KeyError(
            "ClassLocalization needs 'class_maps', which a network with one map for all classes "
            'does not predict. Remove it from the evaluator, or use AttentionLocalization.'
        )
    maps = sample['class_maps'].float().cpu().numpy()
    if np.isnan(maps).any():
        raise ValueError(f'The class maps of {sample.get("img_path")} contain nan.')
    if 'pred_score' not in sample:
        return maps, np.ones(len(maps))
    scores = sample['pred_score'].float().cpu().numpy()
    if len(scores) != len(maps):
        raise ValueError(f'The model predicts {len(maps)} class maps, but {len(scores)} scores.')
    if np.isnan(scores).any():
        raise ValueError(f'The scores of {sample.get("img_path")} contain nan.')
    return maps, scores


def _annotations(sample: dict, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the boxes ``(m, 4)`` of an image and their classes ``(m,)``."""
    missing = [key for key in ('gt_bboxes', 'gt_bboxes_labels') if key not in sample]
    if missing:
        raise KeyError(
            f'ClassLocalization needs {" and ".join(missing)}. Load them '
            '(LoadAnnotations(with_bbox=True, with_label=True)) and pack them (algorithm_keys of '
            'PackInputs).'
        )
    boxes = np.asarray(sample['gt_bboxes'], dtype=np.float64).reshape(-1, 4)
    labels = np.asarray(sample['gt_bboxes_labels'], dtype=np.int64)
    if len(boxes) != len(labels):
        raise ValueError(
            f'{sample.get("img_path")} has {len(boxes)} gt_bboxes, but {len(labels)} '
            'gt_bboxes_labels. Check the transforms: one of them changes only the boxes.'
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < num_classes:
        raise ValueError(
            f'The model predicts {num_classes} class maps, but gt_bboxes_labels of '
            f'{sample.get("img_path")} contains {labels.tolist()}. Set num_classes of the model to '
            'the number of classes of the dataset.'
        )
    return boxes, labels


def _targets(sample: dict, num_classes: int) -> np.ndarray:
    """Return the labels ``(C,)`` of an image: 1, 0, or -1 if ignored."""
    if 'gt_score' in sample:
        targets = torch.as_tensor(sample['gt_score']).cpu().numpy()
    elif 'gt_label' in sample:
        label = torch.as_tensor(sample['gt_label']).cpu().long()
        targets = label_to_onehot(label, num_classes).numpy()
    else:
        raise KeyError("ClassLocalization needs 'gt_score' or 'gt_label' of each image.")
    if len(targets) != num_classes:
        raise ValueError(
            f'The model predicts {num_classes} class maps, but gt_score has {len(targets)} values. '
            f'Set num_classes={len(targets)}.'
        )
    return targets
