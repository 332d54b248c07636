"""Fig. 5 of the paper: attention maps for bags of the test set."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmengine.registry import init_default_scope
from mmpretrain import get_model
from mmpretrain.structures import DataSample

from mmsxm.conventions import LEVELS
from mmsxm.engine.checkpoints import find_checkpoint
from mmsxm.evaluation.attention_localization import pointing_hit, visible_boxes
from mmsxm.io.files import write_csv
from mmsxm.registry import DATASETS
from mmsxm.reproduction.finished_runs import finished_runs
from mmsxm.reproduction.reproduction import Reproduction, Run
from mmsxm.reproduction.rows import SXMNET
from mmsxm.visualization.gallery import Exhibit, draw_gallery
from mmsxm.visualization.pictures import to_rgb

__all__ = ['draw_attention']

BAGS = 6  # number of bags in the figure


def draw_attention(reproduction: Reproduction, seeds: Sequence[int], out: Path) -> list[Path]:
    """Draw bags, evenly spread over the test set, with the maps of both stages and level weights.

    It writes ``figure5.png`` and ``.csv``. The columns are image, labels, predicted and the levels,
    and for both stages whether the maximum of the map lies in a box, and the mean of the map.

    Args:
        reproduction: Suite whose SXMNet is drawn.
        seeds: Seeds of the runs, of which the first finished one is drawn.
        out: Folder of the files. Bags that are not simulated must not be redistributed, so they
            are written to the work directory of the suite instead.

    Raises:
        FileNotFoundError: The network is not trained, or its weights no longer exist.
    """
    config = SXMNET[reproduction.suite.family]
    run = finished_runs(reproduction, [Run(config, seed) for seed in seeds], '4')[0]
    first = reproduction.needs(run)[0]
    cfg = reproduction.config(run)
    init_default_scope(cfg.default_scope)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    chosen = np.linspace(0, len(dataset) - 1, min(BAGS, len(dataset))).astype(int)
    bags = [dataset[index] for index in chosen.tolist()]
    stage1_predictions = _predict(reproduction.config(first), reproduction.folder(first), bags)
    stage2_predictions = _predict(cfg, reproduction.folder(run), bags)
    classes = dataset.metainfo['classes']
    exhibits, rows = [], []
    for bag, stage1, stage2 in zip(bags, stage1_predictions, stage2_predictions, strict=True):
        image = to_rgb(bag['inputs'].numpy())
        boxes = np.asarray(bag['data_samples'].gt_bboxes, dtype=np.float32).reshape(-1, 4)
        boxes = visible_boxes(boxes, image.shape[:2])
        maps = {'Stage I': stage1.attention_map.numpy(), 'Stage II': stage2.attention_map.numpy()}
        weights = dict(zip(LEVELS, stage2.level_weights.tolist(), strict=True))
        labels, predicted = (
            ', '.join(classes[i] for i in indices.tolist())
            for indices in (stage2.gt_label, stage2.pred_label)
        )
        lines = [f'label: {labels or "none"}', f'pred: {predicted or "none"}']
        exhibits.append(Exhibit(lines, image, boxes, maps, weights))
        row = {
            'image': Path(stage2.img_path).stem,
            'labels': labels or 'nothing',
            'predicted': predicted or 'nothing',
        }
        row |= {level: f'{weight:.4f}' for level, weight in weights.items()}
        for stage, attention_map in maps.items():
            hit = pointing_hit(attention_map, boxes, image.shape[:2]) if len(boxes) else None
            row[f'pointing, {stage}'] = '' if hit is None else f'{hit:.2f}'
            row[f'map mean, {stage}'] = f'{attention_map.mean():.4f}'
        rows.append(row)
    if 'simulate' not in reproduction.suite:
        out = reproduction.work_dir
    out.mkdir(parents=True, exist_ok=True)
    draw_gallery(exhibits, out / 'figure5.png')
    write_csv(out / 'figure5.csv', rows)
    return [out / 'figure5.png', out / 'figure5.csv']


@torch.no_grad()
def _predict(cfg: Config, folder: Path, bags: Sequence[dict[str, Any]]) -> list[DataSample]:
    """Return the predictions for packed images of the latest checkpoint in a work directory."""
    advice = 'To train the network again, delete the record of the run and run mmsxm reproduce.'
    checkpoint = find_checkpoint(folder, advice)
    model = get_model(cfg, pretrained=checkpoint, device='cpu')
    return model.test_step(default_collate(copy.deepcopy(bags)))  # test_step changes the samples
