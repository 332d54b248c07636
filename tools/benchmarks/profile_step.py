"""Profile a training step: a table of where the time is spent, and a trace for Perfetto or Chrome.

Steps use the runner and random pixels in memory. Parts of the network are timed in their forward
pass. The backward pass is timed as a whole.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mmengine.runner import Runner
from rich.console import Console
from rich.table import Table
from steps import bare_config, batches_in_memory, begin, number_of_maps
from torch.autograd.profiler_util import EventList
from torch.profiler import ProfilerActivity, profile, record_function

from mmsxm.conventions import CROPPED

PARTS = ('data_preprocessor', 'backbone', 'neck', 'attention_head', 'refinement', 'head')


def label(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function so that it has a name in the trace."""

    def labeled(*args: Any, **kwargs: Any) -> Any:
        with record_function(name):
            return function(*args, **kwargs)

    return labeled


def label_parts(runner: Runner) -> list[str]:
    """Name the parts of a step in the trace, and return their names."""
    present = [name for name in PARTS if getattr(runner.model, name, None) is not None]
    for name in present:
        part = getattr(runner.model, name)
        part.forward = label(name, part.forward)
    wrapper = runner.optim_wrapper
    wrapper.backward = label('backward', wrapper.backward)
    wrapper.step = label('optimizer', wrapper.step)
    return [*present, 'backward', 'optimizer']


def milliseconds(event: Any, steps: int, exclusive: bool = False) -> float:
    """Return the time per step, on the GPU if there is one, otherwise on all CPU threads."""
    device = 'device' if torch.cuda.is_available() else 'cpu'
    return getattr(event, f'{"self_" if exclusive else ""}{device}_time_total') / 1000 / steps


def summarize(events: EventList, parts: list[str], steps: int) -> dict[str, dict[str, float]]:
    """Return milliseconds per step by part, and by operator without the operators it calls."""
    by_name = {event.key: event for event in events}
    by_part = {name: milliseconds(by_name[name], steps) for name in parts if name in by_name}
    whole = milliseconds(by_name['step'], steps)
    by_part['rest'] = whole - sum(by_part.values())
    operators = {
        event.key: milliseconds(event, steps, exclusive=True)
        for event in events
        if event.key not in (*parts, 'step')
    }
    largest = sorted(operators, key=operators.__getitem__, reverse=True)[:10]
    return {'parts': by_part, 'operators': {name: operators[name] for name in largest}}


def main() -> None:
    """Run the profiler."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', nargs='?', default='configs/sxmnet_sixray_stage2.py')
    parser.add_argument(
        '--batch', type=int, default=16, help='images per step; default: %(default)s'
    )
    parser.add_argument('--size', type=int, default=CROPPED, help='side of the images in pixels')
    parser.add_argument(
        '--steps', type=int, default=3, help='steps to profile; default: %(default)s'
    )
    parser.add_argument('--amp', action='store_true', help='train in bfloat16')
    parser.add_argument(
        '--trace',
        default='work_dirs/profile/trace.json',
        help='file of the trace; default: %(default)s',
    )
    parser.add_argument('--json', action='store_true', help='print one JSON line')
    args = parser.parse_args()

    activities = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(ProfilerActivity.CUDA)
    with tempfile.TemporaryDirectory() as work_dir:
        cfg = bare_config(args.config, work_dir, args.amp)
        runner = begin(
            cfg, batches_in_memory(args.steps + 1, args.batch, args.size, number_of_maps(cfg))
        )
        parts = label_parts(runner)
        runner.train_loop.step()  # warm-up
        with profile(activities=activities) as profiler:
            for _ in range(args.steps):
                with record_function('step'):
                    runner.train_loop.step()
    Path(args.trace).parent.mkdir(parents=True, exist_ok=True)
    profiler.export_chrome_trace(args.trace)

    result = summarize(profiler.key_averages(), parts, args.steps)
    whole = sum(result['parts'].values())
    if args.json:
        print(json.dumps({'config': args.config, 'batch': args.batch, 'step_ms': whole, **result}))
        return
    table = Table(title=f'{args.config}, {args.batch} images of {args.size} pixels: {whole:.0f} ms')
    for column in ('', 'ms', 'share'):
        table.add_column(column, justify='left' if not column else 'right')
    for kind, rows in result.items():
        table.add_section()
        table.add_row(f'[bold]{kind}')
        for name, value in rows.items():
            table.add_row(name, f'{value:.1f}', f'{value / whole:.1%}')
    Console().print(table)
    print(f'trace: {args.trace}')


if __name__ == '__main__':
    main()
