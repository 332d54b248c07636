"""Linear classifier on ImageNet features that tells two sets of X-ray images apart.

It nearly always tells simulated and real bags apart. Which view of the images it needs for that
shows where they differ (:data:`VIEWS`).
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from mmsxm.comparison.set_comparison import BACKGROUND_STEP, Picture, background_level, read_image

FOLDS = 5


def _gray(image: Picture) -> Picture:
    return np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)


def _blurred(image: Picture) -> Picture:
    return cv2.GaussianBlur(image, (0, 0), 4.0)


def _white_background(image: Picture) -> Picture:
    level = background_level(image)
    image = (image * (255 / level)).clip(0, 255).astype(np.uint8)
    image[image.min(2) > 255 - BACKGROUND_STEP] = 255
    return image


def _without_margins(image: Picture) -> Picture:
    image = _white_background(image)
    rows, columns = (np.flatnonzero((image.min(2) < 200).any(axis)) for axis in (1, 0))
    if not len(rows):
        return image
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _silhouette(image: Picture) -> Picture:
    dark = _white_background(image).min(2) < 255 - BACKGROUND_STEP
    return np.repeat(np.where(dark, 0, 255).astype(np.uint8)[..., None], 3, 2)


VIEWS: dict[str, Callable[[Picture], Picture]] = {
    'as it is': lambda image: image,
    'background made white': _white_background,
    'white, margins cut': _without_margins,
    'white, margins cut, grey': lambda image: _gray(_without_margins(image)),
    'white, margins cut, blurred': lambda image: _blurred(
        cv2.resize(_without_margins(image), (256, 256), interpolation=cv2.INTER_AREA)
    ),
    'silhouette': _silhouette,
}


@torch.no_grad()
def features(
    backbone: nn.Module, images: Sequence[Path], view: Callable[[Picture], Picture], side: int = 224
) -> npt.NDArray[np.float32]:
    """Compute the pooled last feature map of a backbone for each image, (n, channels).

    Args:
        backbone: Backbone that returns a tuple of feature maps. It is set to evaluation mode.
        images: Paths of the images.
        view: Function that turns an image into what the backbone sees.
        side: Side of the square that images are scaled to, in pixels.
    """
    backbone.eval()
    mean, std = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
    rows = []
    for path in images:
        view_of_image = cv2.resize(
            view(read_image(path)), (side, side), interpolation=cv2.INTER_AREA
        )
        normalized = torch.from_numpy((view_of_image - mean) / std).float()  # (side, side, 3)
        batch = normalized.permute(2, 0, 1)[None]  # (1, 3, side, side)
        rows.append(backbone(batch)[-1].mean((2, 3))[0].numpy())  # (channels,)
    return np.stack(rows)  # (n, channels)


def separability(
    a: npt.NDArray[np.float32], b: npt.NDArray[np.float32], seed: int = 0
) -> tuple[float, npt.NDArray[np.float64]]:
    """Measure how well a linear classifier tells two sets of features apart.

    Returns:
        The cross-validated area under the ROC curve, 0.5 for indistinguishable sets. Also the score
        of each row of ``a``, then of ``b``, high for ``b``, from a classifier that was not trained
        on that row.

    Raises:
        ValueError: A set has fewer than the 5 images that cross-validation needs.
    """
    if min(len(a), len(b)) < FOLDS:
        raise ValueError(
            f'{min(len(a), len(b))} images are too few to tell the sets apart. Use at least '
            f'{FOLDS}.'
        )
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = np.concatenate([a, b]), np.repeat([0, 1], [len(a), len(b)])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=500))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    scores = cross_val_predict(model, x, y, cv=folds, method='decision_function')
    return float(roc_auc_score(y, scores)), scores
