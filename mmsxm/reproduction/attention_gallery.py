"""Fig. 5 of the paper: where networks look in bags of the test set."""

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
from mmsxm.engine.checkpoints import latest_checkpoint
from mmsxm.evaluation.attention_localization import pointing_hit, visible_boxes
from mmsxm.io.files import write_csv
from mmsxm.registry import DATASETS
from mmsxm.reproduction.finished_runs import finished_runs
from mmsxm.reproduction.reproduction import Reproduction, Run
from mmsxm.reproduction.rows import SXMNET
from mmsxm.visualization.gallery import Exhibit, draw_gallery
from mmsxm.visualization.pictures import to_rgb

__all__ = ['draw_attention']

NUMBER = 6  # of bags


def draw_attention(reproduction: Reproduction, seeds: Sequence[int], out: Path) -> list[Path]:
    """Draw bags, evenly spread over the test set, with the maps of both stages and level weights.

    Writes ``figure5.png`` and ``.csv``, with the columns image, labels, predicted, the levels,
    and for both stages whether the map's maximum lies in a box, and the map's mean.

    Args:
        reproduction: A suite, whose SXMNet is drawn.
        seeds: Of them the first that is finished.
        out: The folder for the files. Bags that are not simulated may not be given away: they
            go to the suite's work directory instead.

    Raises:
        FileNotFoundError: The network is not trained, or its weights are no longer there.
    """
    config = SXMNET[reproduction.suite.family]
    run = finished_runs(reproduction, [Run(config, seed) for seed in seeds], '4')[0]
    first = reproduction.needs(run)[0]
    cfg = reproduction.config(run)
    init_default_scope(cfg.default_scope)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    chosen = np.linspace(0, len(dataset) - 1, min(NUMBER, len(dataset))).astype(int)
    bags = [dataset[index] for index in chosen.tolist()]
    attended = _predict(reproduction.config(first), reproduction.folder(first), bags)
    predicted = _predict(cfg, reproduction.folder(run), bags)
    classes = dataset.metainfo['classes']
    exhibits, rows = [], []
    for bag, before, after in zip(bags, attended, predicted, strict=True):
        image = to_rgb(bag['inputs'].numpy())
        boxes = np.asarray(bag['data_samples'].gt_bboxes, dtype=np.float32).reshape(-1, 4)
        boxes = visible_boxes(boxes, image.shape[:2])
        maps = {'Stage I': before.attention_map.numpy(), 'Stage II': after.attention_map.numpy()}
        weights = dict(zip(LEVELS, after.level_weights.tolist(), strict=True))
        has = ', '.join(classes[i] for i in after.gt_label.tolist()) or 'nothing'
        says = ', '.join(classes[i] for i in after.pred_label.tolist()) or 'nothing'
        exhibits.append(Exhibit([f'has: {has}', f'says: {says}'], image, boxes, maps, weights))
        row = {'image': Path(after.img_path).stem, 'labels': has, 'predicted': says}
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
    """What the latest weights of a work directory say of packed images."""
    checkpoint = latest_checkpoint(folder)
    if checkpoint is None:
        raise FileNotFoundError(f'there are no weights in {folder}: delete the record of the run')
    model = get_model(cfg, pretrained=checkpoint, device='cpu')
    return model.test_step(default_collate(copy.deepcopy(bags)))  # it writes into the samples
