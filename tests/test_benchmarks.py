"""Parts of the benchmarks that depend on other libraries and are otherwise run only by hand."""

from pathlib import Path

import numpy as np
from inference import LOADING, mmpretrain_inferencer

from mmsxm.training.config import load_config

ROOT = Path(__file__).resolve().parents[1]


def test_the_inferencer_of_mmpretrain_reads_the_pipelines_of_the_configs() -> None:
    cfg = load_config(ROOT / 'configs/evidence_mobilenet-v2_sixray.py')
    cfg.model.backbone.init_cfg = None
    inferencer = mmpretrain_inferencer(cfg, [*LOADING, 'mmsxm.CenterCrop'])
    (result,) = inferencer(np.full((90, 120, 3), 200, np.uint8))
    assert result['pred_scores'].shape == (5,)
