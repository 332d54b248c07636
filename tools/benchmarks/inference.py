"""Compare MMPretrain's inferencer with ours and each of its backends.

The time from image files to results counts. All candidates read the same files, use random weights
of the same backbone, and alternate, so that other load affects all equally. Ours reads the whole
image, 256 x 256. MMPretrain's reads the same, or the center crop of 224 x 224 of the test pipeline.
"""

import argparse
import contextlib
import copy
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from turns import take_turns

from mmsxm.imaging.images import list_images
from mmsxm.inference.backends.torch_backend import load_network
from mmsxm.inference.export import to_onnx, write_openvino
from mmsxm.inference.inferencer import XrayInferencer
from mmsxm.io.files import atomic_write
from mmsxm.registry import MODELS
from mmsxm.simulation import write_sixray
from mmsxm.training.config import load_config

CONFIGS = {
    'ResNet-50': 'configs/baselines/resnet50_sixray.py',
    'MobileNetV2': 'configs/baselines/mobilenet-v2_sixray.py',
    'SXMNet on ResNet-50': 'configs/sxmnet_sixray_stage2.py',
    'class evidence on ResNet-50': 'configs/evidence_sixray.py',
    'SXMNet on MobileNetV2': 'configs/sxmnet_mobilenet-v2_sixray_stage2.py',
    'class evidence on MobileNetV2': 'configs/evidence_mobilenet-v2_sixray.py',
}
MMPRETRAIN = 'mmpretrain'
MMPRETRAIN_CENTER = 'mmpretrain, center crop'
# MMPretrain's inferencer reads images itself, and has no labels
LOADING = ('mmsxm.LoadXrayImage', 'LoadAnnotations')
SIZE = (954, 1225)  # size of simulated images, common in SIXray


def mmpretrain_inferencer(cfg: Config, skipped: Sequence[str]) -> Callable:
    """Build the network of a config, or MMPretrain's own classifier if it has no neck.

    Args:
        cfg: One of our configs.
        skipped: Transforms of its test pipeline to skip.
    """
    from mmpretrain import ImageClassificationInferencer

    cfg = copy.deepcopy(cfg)
    test = cfg.test_dataloader.dataset
    test.pipeline = [step for step in test.pipeline if step.type not in skipped]
    if cfg.model.neck is None:
        cfg.model = dict(
            type='ImageClassifier',
            backbone=cfg.model.backbone,
            neck=dict(type='GlobalAveragePooling'),
            head=dict(
                type='LinearClsHead',
                num_classes=cfg.model.head.num_classes,
                in_channels=cfg.model.head.in_channels[0],
            ),
        )
    return ImageClassificationInferencer(cfg, pretrained=False, device='cpu')


def inferencers(path: str, folder: Path, threads: int) -> dict[str, Callable]:
    """Load one network for all candidates. Exported files are written to the folder."""
    cfg = load_config(path)
    cfg.model.backbone.init_cfg = None
    checkpoint = folder / 'weights.pth'
    model = MODELS.build(dict(cfg.model, _scope_='mmpretrain'))
    model.init_weights()
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, checkpoint)
    candidates: dict[str, Callable] = {
        MMPRETRAIN: mmpretrain_inferencer(cfg, [*LOADING, 'mmsxm.CenterCrop']),
        MMPRETRAIN_CENTER: mmpretrain_inferencer(cfg, LOADING),
        'PyTorch': XrayInferencer(cfg, checkpoint, 'cpu', threads=threads),
    }
    network, info = load_network(cfg, checkpoint)
    onnx = to_onnx(network, info)
    atomic_write(folder / 'exported.onnx', onnx)
    for precision in ('f32', 'bf16'):
        write_openvino(onnx, info, folder / f'{precision}.xml', precision)
    candidates['ONNX Runtime'] = XrayInferencer(folder / 'exported.onnx', threads=threads)
    candidates['OpenVINO'] = XrayInferencer(folder / 'f32.xml', threads=threads)
    candidates['OpenVINO in bfloat16'] = XrayInferencer(folder / 'bf16.xml', threads=threads)
    return candidates


def report(row: dict) -> str:
    """Format a row as one line of text."""
    speeds = row['images_per_second']
    base = speeds[MMPRETRAIN]
    parts = (f'{name} {speed:.1f} ({speed / base:.2f} times)' for name, speed in speeds.items())
    return f'{row["network"]}, images per second: {", ".join(parts)}'


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--networks', nargs='+', choices=list(CONFIGS), default=list(CONFIGS))
    parser.add_argument(
        '--images', type=Path, help='folder of images; by default, bags are simulated'
    )
    parser.add_argument('--number', type=int, default=32, help='number of images')
    parser.add_argument('--batch', type=int, default=8, help='images per batch')
    parser.add_argument(
        '--rounds', type=int, default=5, help='rounds in which each candidate runs once'
    )
    parser.add_argument('--threads', type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument('--json', action='store_true', help='print a JSON line per network')
    args = parser.parse_args()

    MMLogger.get_instance('mmengine').setLevel('ERROR')
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        if args.images is None:
            args.images = Path(folder) / 'bags'
            with contextlib.redirect_stdout(sys.stderr):  # progress bars
                write_sixray(args.images, train=args.number, test=0, negatives=0, image_size=SIZE)
        images = list_images(args.images)[: args.number]
        for name in args.networks:
            with contextlib.redirect_stdout(sys.stderr):
                candidates = inferencers(CONFIGS[name], Path(folder), args.threads)
                turns = {
                    candidate: partial(infer, images, batch_size=args.batch)
                    for candidate, infer in candidates.items()
                }
                seconds = take_turns(turns, args.rounds)
            row = {
                'network': name,
                'images': len(images),
                'batch': args.batch,
                'threads': args.threads,
                'images_per_second': {key: round(len(images) / s, 2) for key, s in seconds.items()},
            }
            print(json.dumps(row) if args.json else report(row), flush=True)


if __name__ == '__main__':
    main()
