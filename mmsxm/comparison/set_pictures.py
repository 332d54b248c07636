"""Pictures that show how two sets of images differ."""

from pathlib import Path
from typing import Any

import mmcv
import numpy as np
from mmengine.logging import MMLogger
from rich.progress import track
from torch import nn

from mmsxm.comparison.set_comparison import ImageSet, distance, measured, read_image, shared_classes
from mmsxm.comparison.set_probe import VIEWS, features, separability
from mmsxm.registry import MODELS
from mmsxm.training.config import load_config
from mmsxm.visualization.distributions import plot_distributions
from mmsxm.visualization.overlays import caption, sheet

__all__ = ['draw_sheet', 'plot_boxes', 'pretrained_backbone', 'probe']

PICTURE_SIDE = 320
MEASURES = {'size': 'square root of the share of the image', 'aspect': 'width / height'}


def draw_sheet(names: list[str], chosen: list[list[Path]], out: Path) -> None:
    """Draw images of both sets side by side, three columns for each set."""
    pictures = []
    for row in range(0, min(map(len, chosen)), 3):
        for name, paths in zip(names, chosen, strict=True):
            pictures += [caption(_small(path), name) for path in paths[row : row + 3]]
    mmcv.imwrite(sheet(pictures, columns=6)[..., ::-1], str(out))


def plot_boxes(a: ImageSet, b: ImageSet, out: Path) -> None:
    """Plot the sizes and aspects of the items of both sets, class by class."""
    panels = []
    for measure, label in MEASURES.items():
        row = []
        for name in shared_classes(a, b):
            groups = [measured(image_set, name, measure) for image_set in (a, b)]
            row.append((f'{name}, KS {distance(*groups):.2f}', label, groups))
        panels.append(row)
    plot_distributions(panels, [a.name, b.name], out)


def pretrained_backbone(config: str) -> nn.Module:
    """Build the backbone of a config with its pretrained weights.

    Raises:
        ValueError: The backbone starts from random weights.
    """
    settings = load_config(config).model.backbone
    if (settings.get('init_cfg') or {}).get('type') != 'Pretrained':
        raise ValueError(
            f'The backbone of {config} has no pretrained weights to tell the sets apart. Choose a '
            'config with pretrained weights.'
        )
    MMLogger.get_instance('mmengine', log_level='WARNING')  # otherwise, each weight logs a line
    backbone: nn.Module = MODELS.build(settings)
    backbone.init_weights()  # type: ignore[operator]
    return backbone


def probe(backbone: nn.Module, chosen: list[list[Path]], out: Path) -> list[dict[str, Any]]:
    """Tell the sets apart by features, view by view, and draw the clearest cases of both."""
    rows = []
    for name, view in track(VIEWS.items(), 'Telling the sets apart'):
        feature_sets = [features(backbone, paths, view) for paths in chosen]
        area, scores = separability(feature_sets[0], feature_sets[1])
        rows.append({'seen': name, 'area under the ROC curve': area})
        if name == 'as it is':
            paths = [path for group in chosen for path in group]
            order = np.argsort(scores)
            pictures = [_small(paths[i]) for i in (*order[:6], *order[-6:])]
            mmcv.imwrite(sheet(pictures, columns=6)[..., ::-1], str(out))
    return rows


def _small(path: Path) -> np.ndarray:
    """Read an image as RGB and scale it for a sheet."""
    image = read_image(path)
    return mmcv.imrescale(image, PICTURE_SIDE / max(image.shape[:2]))
