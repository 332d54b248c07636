"""Run the whole pipeline in minutes: simulate bags, train class evidence, test and draw pictures.

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

CONFIG = 'configs/demo/evidence.py'
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


def draw_verdicts(runner: 'Runner', checkpoint: Path, number: int = 12) -> Path:
    """Draw verdicts on some of the tested bags, with what each bag contains below."""
    import mmcv
    import numpy as np

    from mmsxm.imaging.images import read_image
    from mmsxm.inference.inferencer import XrayInferencer
    from mmsxm.inference.verdict_picture import draw_verdict
    from mmsxm.visualization.overlays import caption, map_to_draw, sheet

    dataset = runner.test_dataloader.dataset
    classes = dataset.metainfo['classes']
    chosen = np.linspace(0, len(dataset) - 1, number).astype(int).tolist()
    files = [dataset.get_data_info(i)['img_path'] for i in chosen]
    contents = [[classes[label] for label in dataset.get_cat_ids(i)] for i in chosen]

    station = XrayInferencer(runner.cfg, checkpoint).station
    results = [result for batch in station.batches(files) for result in station.judge(batch)]
    pictures = []
    for file, result, content in zip(files, results, contents, strict=True):
        image = read_image(file)[..., ::-1]  # (H, W, 3), RGB
        drawn = map_to_draw(result.attention_map, result.class_maps)
        picture = draw_verdict(image, result.verdict._asdict(), drawn, result.view.window)
        pictures.append(
            caption(picture, 'contains: ' + (', '.join(content) or 'no prohibited item'))
        )
    out = OUT / 'verdicts.png'
    mmcv.imwrite(sheet(pictures)[..., ::-1], str(out))
    return out


def main(argv: Sequence[str] | None = None) -> None:
    """Run the demo."""
    parser = make_parser('demo', __doc__)
    parser.add_argument(
        '--train', type=int, default=4000, help='training bags with items (default: %(default)s)'
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

    cfg = load_config(CONFIG)
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
    train(cfg)
    test_cfg = load_config(CONFIG)
    add_metric(test_cfg, dict(type='mmsxm.ScoreTable', out=str(OUT / 'scores.csv')))
    runner = build_test(test_cfg, cfg.work_dir)
    metrics = runner.test()
    dismiss_workers(runner)
    seconds = time.monotonic() - started
    chance = chance_average_precision(runner)
    out = draw_verdicts(runner, Path(cfg.work_dir))
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
        'class_pointing': metrics['xray/class_pointing'],
        'class_pointing_chance': metrics['xray/class_pointing_chance'],
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
    for name in ('pointing', 'class_pointing'):
        table.add_row(name, f'{summary[name]:.1f}', f'{summary[f"{name}_chance"]:.1f}')
    console = Console()
    console.print(
        f'Tested on {bags.positives} simulated bags with items and {bags.negatives} harmless ones, '
        'from one scanner and less crowded than the default:'
    )
    console.print(table)
    console.print(
        f'At the default threshold of {THRESHOLD}, before calibration: '
        f'{summary["detection_rate"]:.1f}% of the bags with items raise an alarm (detection '
        f'rate), and so do {summary["false_alarm_rate"]:.1f}% of the harmless bags (false-alarm '
        'rate).'
    )
    console.print(
        f'Finished in {seconds:.0f} seconds. Pictures: {out}; numbers: {OUT / "metrics.json"}'
    )
