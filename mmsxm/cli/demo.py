"""Run the whole pipeline in minutes: simulate bags, train both stages, test and draw pictures.

One bag in five is harmless, in both training and test.
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmsxm.cli.arguments import make_parser

if TYPE_CHECKING:
    from mmengine.runner import Runner

STAGE1, STAGE2 = 'configs/demo/sxmnet_stage1.py', 'configs/demo/sxmnet_stage2.py'
OUT = Path('work_dirs/demo')
SIDE = 128  # pixels, of a bag image
HARMLESS = 0.2  # share of bags without a prohibited item
THRESHOLD = 0.5  # for each class; every command uses it before calibration


def chance_average_precision(runner: 'Runner') -> float:
    """Return the mean share of positives in percent: the average AP of random scores."""
    import numpy as np

    dataset = runner.test_dataloader.dataset
    labels = [label for i in range(len(dataset)) for label in dataset.get_cat_ids(i)]
    shares = np.bincount(labels, minlength=len(dataset.metainfo['classes'])) / len(dataset)
    return float(100 * shares.mean())


def draw_predictions(runner: 'Runner', number: int = 12) -> Path:
    """Draw attention next to boxes for some of the tested images."""
    import mmcv
    import numpy as np
    import torch
    from mmengine.dataset import default_collate

    from mmsxm.visualization.overlays import sheet
    from mmsxm.visualization.pictures import picture, to_rgb

    dataset = runner.test_dataloader.dataset
    chosen = np.linspace(0, len(dataset) - 1, number).astype(int).tolist()
    batch = default_collate([dataset[i] for i in chosen])
    images = [to_rgb(image.numpy()) for image in batch['inputs']]
    with torch.no_grad():
        samples = runner.model.test_step(batch)
    pictures = [
        picture(image, sample.cpu(), dataset.metainfo['classes'])
        for image, sample in zip(images, samples, strict=True)
    ]
    out = OUT / 'attention.png'
    mmcv.imwrite(sheet(pictures)[..., ::-1], str(out))
    return out


def main(argv: Sequence[str] | None = None) -> None:
    """Run the demo."""
    parser = make_parser('demo', __doc__)
    parser.add_argument(
        '--train', type=int, default=1200, help='training bags with items (default: %(default)s)'
    )
    parser.add_argument(
        '--test', type=int, default=300, help='test bags with items (default: %(default)s)'
    )
    args = parser.parse_args(argv)

    from rich.console import Console
    from rich.table import Table

    from mmsxm.engine.runner_state import dismiss_workers
    from mmsxm.evaluation import alarm_curve, any_item, point_at, read_scores
    from mmsxm.simulation.dataset import write_sixray
    from mmsxm.training.config import load_config
    from mmsxm.training.test import add_metric, build_test
    from mmsxm.training.train import train

    started = time.monotonic()

    cfg, first = load_config(STAGE2), load_config(STAGE1)
    try:
        write_sixray(
            cfg.data_root,
            train=args.train,
            test=args.test,
            negatives=round((args.train + args.test) * HARMLESS / (1 - HARMLESS)),
            workers=2,
            image_size=(SIDE, SIDE),
            crowding='sparse',
            scanner='sixray_white',
        )
    except ValueError as error:  # the folder contains something else
        raise ValueError(f'{error} in DEMO_ROOT') from error
    train(first)
    train(cfg)
    test_cfg = load_config(STAGE2)
    add_metric(test_cfg, dict(type='mmsxm.ScoreTable', out=str(OUT / 'scores.csv')))
    runner = build_test(test_cfg, str(OUT / 'stage2'))
    metrics = runner.test()
    dismiss_workers(runner)
    seconds = time.monotonic() - started
    chance = chance_average_precision(runner)
    out = draw_predictions(runner)
    scores = read_scores(OUT / 'scores.csv')
    bags = alarm_curve(*any_item(scores.scores, scores.targets))
    alarms = point_at(bags, THRESHOLD)

    by_class = {
        key.removeprefix('xray/AP/'): value
        for key, value in metrics.items()
        if key.startswith('xray/AP/')
    }
    summary = {
        'mAP': metrics['xray/mAP'],
        'chance_mAP': chance,
        'AP': by_class,
        'pointing': metrics['xray/pointing'],
        'pointing_chance': metrics['xray/pointing_chance'],
        'threshold': THRESHOLD,
        'detection_rate': 100 * alarms.detection_rate,
        'false_alarm_rate': 100 * alarms.false_positive_rate,
        'seconds': round(seconds, 1),
    }
    (OUT / 'metrics.json').write_text(json.dumps(summary, indent=2) + '\n')

    table = Table('measure', '%', 'chance')
    for name, value in by_class.items():
        table.add_row(f'AP {name}', f'{value:.1f}')
    table.add_row('mAP', f'{summary["mAP"]:.1f}', f'{chance:.1f}')
    table.add_row('pointing', f'{summary["pointing"]:.1f}', f'{summary["pointing_chance"]:.1f}')
    console = Console()
    console.print(
        f'Tested on {bags.positives} simulated bags with items and {bags.negatives} harmless ones, '
        'from one scanner and less crowded than the default:'
    )
    console.print(table)
    console.print(
        f'At the default threshold of {THRESHOLD}, before calibration: '
        f'{summary["detection_rate"]:.1f} % of the bags with items raise an alarm (detection '
        f'rate), and so do {summary["false_alarm_rate"]:.1f} % of the harmless bags (false-alarm '
        'rate).'
    )
    console.print(
        f'Finished in {seconds:.0f} seconds. Pictures: {out}; numbers: {OUT / "metrics.json"}'
    )
