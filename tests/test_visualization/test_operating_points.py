"""Plots of curves and reliability, also if half of them is undefined."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes

from mmsxm.evaluation import OperatingPoints
from mmsxm.evaluation.thresholds import wilson_interval
from mmsxm.visualization.operating_points import plot_operating_points, plot_reliability


@pytest.mark.parametrize('kind', ['all', 'positives', 'negatives'])
def test_only_defined_curves_are_plotted(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(0)
    metric = OperatingPoints(out=str(tmp_path))
    metric.dataset_meta = {'classes': ('Gun',)}
    for _ in range(40):
        target = {'all': rng.random() < 0.5, 'positives': True, 'negatives': False}[kind]
        score = torch.tensor([rng.random()])
        sample = {'pred_score': score, 'gt_score': torch.tensor([float(target)])}
        metric.process(None, [sample | {'img_shape': (8, 8)}])
    metric.evaluate(40)
    colored_pixels = {}
    for path in plot_operating_points(tmp_path):
        image = cv2.imread(str(path)).astype(int)
        colored_pixels[path.stem] = int((image.max(axis=2) - image.min(axis=2) > 60).sum())
    drawn = {name for name, pixels in colored_pixels.items() if pixels > 100}
    assert (
        drawn
        == {
            'all': {'roc', 'precision_recall', 'reliability'},
            'positives': {'precision_recall', 'reliability'},
            'negatives': {'reliability'},
        }[kind]
    )


def test_reliability_is_plotted_with_the_interval_of_calibration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    monkeypatch.setattr(Axes, 'errorbar', lambda *_, yerr, **__: drawn.append(yerr))
    table = {
        'mean_score': np.array([0.2, 0.7]),
        'images': np.array([10.0, 40.0]),
        'positives': np.array([5.0, 30.0]),
    }
    plot_reliability({'Gun': table}, tmp_path / 'reliability.png')
    low, high = np.transpose([wilson_interval(5, 10), wilson_interval(30, 40)])
    share = np.array([0.5, 0.75])
    assert np.allclose(drawn[0], (share - low, high - share), rtol=0, atol=1e-12)
