"""Compare loading of training images: MMPretrain's stock pipeline, ours, and ours from a copy.

All candidates return batches of 224 x 224 in this process. MMPretrain's pipeline, from its configs
for ImageNet and VOC, has labels only. Ours is that of Stage I, with boxes and heatmaps, from the
original files and from a copy of tools/prepare_data.py. The candidates alternate, and only their
processor time counts, without other load and disk waits. Without folders, bags are simulated.
"""

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import torch
from mmengine.dataset import BaseDataset, default_collate
from mmengine.registry import init_default_scope
from PIL import Image
from torch.utils.data import DataLoader
from turns import take_turns

from mmsxm.datasets import XrayDataset
from mmsxm.preparing.copies import prepare_data
from mmsxm.registry import DATASETS
from mmsxm.simulation import write_opixray, write_sixray
from mmsxm.training.config import load_config

MMPRETRAIN, RAW, PREPARED = 'mmpretrain', 'ours', 'ours prepared'
STOCK = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=224),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
SIMULATE: dict[str, Callable[..., int]] = {'sixray': write_sixray, 'opixray': write_opixray}
# (h, w) of simulated images: median of some positives of SIXray, and size of all images of OPIXray
SIZES = {'sixray': (572, 645), 'opixray': (954, 1225)}


def open_set(layout: str, root: Path, number: int) -> XrayDataset:
    """Build the training set of Stage I."""
    cfg = load_config(f'configs/sxmnet_{layout}_stage1.py').train_dataloader.dataset
    return DATASETS.build(cfg | {'data_root': str(root), 'indices': number})


def stock_set(dataset: XrayDataset, folder: Path) -> BaseDataset:
    """Build MMPretrain's own dataset with the same images and labels. Its list is in the folder."""
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    images = [
        {'img_path': str(Path(info['img_path']).absolute()), 'gt_label': info['gt_label']}
        for info in infos
    ]
    classes = list(dataset.CLASSES)
    path = folder / 'stock.json'
    path.write_text(json.dumps({'metainfo': {'classes': classes}, 'data_list': images}))
    return DATASETS.build(dict(type='MultiLabelDataset', ann_file=str(path), pipeline=STOCK))


def read_all(dataset: BaseDataset, batch_size: int) -> None:
    """Read a dataset once, in batches."""
    for _ in DataLoader(dataset, batch_size, collate_fn=default_collate):
        pass


def report(row: dict) -> str:
    """Format a row as one line of text."""
    speeds = row['images_per_second']
    base = speeds[MMPRETRAIN]
    parts = (f'{name} {speed:.0f} ({speed / base:.1f} times)' for name, speed in speeds.items())
    height, width = row['size']
    return f'{row["layout"]}, {width} x {height}, images per second and core: {", ".join(parts)}'


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    for layout in SIZES:
        parser.add_argument(
            f'--{layout}',
            type=Path,
            nargs=2,
            metavar=('RELEASE', 'COPY'),
            help='folders of a set and of its prepared copy; only named sets are measured',
        )
    parser.add_argument(
        '--number', type=int, default=64, help='number of images; default: %(default)s'
    )
    parser.add_argument(
        '--batch', type=int, default=64, help='images per batch; default: %(default)s'
    )
    parser.add_argument(
        '--rounds', type=int, default=9, help='rounds in which each candidate runs once'
    )
    parser.add_argument('--json', action='store_true', help='print a JSON line per set')
    args = parser.parse_args()

    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    init_default_scope('mmpretrain')
    named = {layout: getattr(args, layout) for layout in SIZES if getattr(args, layout)}
    for layout in named or SIZES:
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
            release, copy = named.get(layout) or (Path(folder) / 'release', Path(folder) / 'copy')
            if not named:
                SIMULATE[layout](release, train=args.number, test=1, image_size=SIZES[layout])
                prepare_data(layout, release, copy)
            raw, prepared = (open_set(layout, root, args.number) for root in (release, copy))
            candidates = {MMPRETRAIN: stock_set(raw, Path(folder)), RAW: raw, PREPARED: prepared}
            turns = {
                name: partial(read_all, dataset, args.batch) for name, dataset in candidates.items()
            }
            seconds = take_turns(turns, args.rounds, clock=time.process_time)
            paths = (raw.get_data_info(index)['img_path'] for index in range(len(raw)))
            sizes = [Image.open(path).size for path in paths]
        width, height = (round(statistics.median(sides)) for sides in zip(*sizes, strict=True))
        row = {
            'layout': layout,
            'images': len(raw),
            'size': [height, width],
            'batch': args.batch,
            'images_per_second': {name: round(len(raw) / s, 1) for name, s in seconds.items()},
        }
        print(json.dumps(row) if args.json else report(row), flush=True)


if __name__ == '__main__':
    main()
