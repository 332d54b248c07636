"""Targets of class-wise maps: the ellipses of Stage I (Sec. 3.2), drawn for each class separately.

Ours, not in the paper, which draws one map for all classes.
"""

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform

from mmsxm.datasets.class_names import check_num_classes
from mmsxm.datasets.transforms.targets import draw_ellipses, heatmap_size
from mmsxm.registry import TRANSFORMS

__all__ = ['ClassHeatmap']


@TRANSFORMS.register_module()
class ClassHeatmap(BaseTransform):
    """Draw the ellipses of each class on a map of its own.

    The map of a class with label 0 is empty. The map of a class contains -1 everywhere, which
    the loss ignores, if one of its items has no box, or if its label is ignored and it has no box
    left. An image without boxes thus still teaches where the classes that it lacks are not.

    A class with an ignored label and a box has an ellipse. ``ItemCrop`` ignores the label of an
    item that is partly visible: it is unclear whether it counts, but not where it is.

    **Required Keys:** img_shape, gt_bboxes, gt_bboxes_labels, gt_label, gt_score (optional),
    unboxed_labels (optional).

    **Modified Keys:** none.

    **Added Keys:** gt_heatmap, a float32 tensor ``(C, h, w)`` in [0, 1], or -1 in unknown maps.

    Args:
        num_classes: Number of labels, C.
        stride: Stride of the finest map.
    """

    def __init__(self, num_classes: int, stride: int = 8) -> None:
        if stride not in (8, 4, 2):
            raise ValueError(f'stride={stride} is not a stride of class maps: set it to 8, 4 or 2.')
        self.num_classes = num_classes
        self.stride = stride

    def check_classes(self, classes: Sequence[str]) -> None:
        """Compare ``num_classes`` with the classes of a dataset.

        Raises:
            ValueError: They differ.
        """
        check_num_classes(type(self).__name__, self.num_classes, classes)

    def transform(self, results: dict) -> dict:
        """Draw the ellipses of one image."""
        image_size = tuple(results['img_shape'][:2])
        size = heatmap_size(image_size, self.stride)
        heatmap = np.zeros((self.num_classes, *size), dtype=np.float32)  # (C, h, w)
        if 'gt_score' in results:
            absent = np.asarray(results['gt_score']) == 0
        else:
            absent = np.isin(np.arange(self.num_classes), results['gt_label'], invert=True)
        heatmap[~absent] = -1
        labels = results['gt_bboxes_labels']
        for label in np.unique(labels):
            boxes = results['gt_bboxes'][labels == label]
            heatmap[label] = draw_ellipses(boxes, image_size, size)
        # their items without boxes may be anywhere
        heatmap[list(results.get('unboxed_labels', ()))] = -1
        heatmap[absent] = 0  # labels count, whatever the boxes are
        results['gt_heatmap'] = torch.from_numpy(heatmap)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(num_classes={self.num_classes}, stride={self.stride})'
