"""Record of a run: its result, its history, and the environment that it was made in."""

import json
import subprocess
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.device import get_device

from mmsxm.io.files import atomic_write, write_csv
from mmsxm.io.safe_parsing import is_number, parse_json, read_json, read_records

__all__ = [
    'AnyPath',
    'best_of',
    'by_epoch',
    'device_name',
    'last_step',
    'read_epochs',
    'read_history',
    'read_result',
    'revision',
    'stack',
    'write_epochs',
    'write_result',
]

AnyPath = Path | zipfile.Path  # a record is a folder on disk or in a zip file

RESULT = 'result.json'
EPOCHS = 'epochs.csv'
SCORES = 'scores.csv'
LOCALIZATION = 'localization.csv'  # in suites with folds


def read_result(folder: AnyPath) -> dict[str, Any] | None:
    """Return the result of a run, or None if it has none yet.

    Raises:
        ValueError: The file is not a JSON object.
    """
    path = folder / RESULT
    if not path.exists():
        return None
    result = read_json(path)
    if not isinstance(result, dict):
        raise ValueError(f'{path} is not a result of a run. Delete it to test the run again.')
    return result


def write_result(folder: Path, result: dict[str, Any]) -> None:
    """Write the result of a run, which marks the run as finished."""
    atomic_write(folder / RESULT, (json.dumps(result, indent=1) + '\n').encode())


def read_history(folder: Path) -> list[dict[str, Any]]:
    """Return the log lines of a run, including those before it was resumed.

    If an epoch was interrupted and trained again, its lines count once, as logged the last time.

    Raises:
        ValueError: A line is not a JSON object, or a value is not a number. The last line may be
            incomplete, because a run may have been interrupted there.
    """
    lines: dict[tuple[int, bool], dict[str, Any]] = {}
    for path in sorted(folder.glob('*/vis_data/scalars.json')):
        texts = path.read_bytes().splitlines()
        for number, text in enumerate(texts, start=1):
            try:
                line = _logged(text)
            except ValueError as error:
                if number == len(texts):  # the run was interrupted while it wrote the line
                    continue
                raise ValueError(f'{path}, line {number} is {error}') from error
            if 'step' in line:
                lines[line['step'], 'loss' in line] = line
    return [lines[key] for key in sorted(lines)]


def _logged(text: bytes) -> dict[str, Any]:
    line = parse_json(text)
    if not isinstance(line, dict):
        raise ValueError('not a JSON object')
    for key, value in line.items():
        if key in ('step', 'epoch'):
            valid = type(value) is int and is_number(value)
        else:  # a loss can be nan, and a metric can be undefined
            valid = value is None or type(value) is float or is_number(value)
        if not valid and key.startswith(('step', 'epoch', 'loss', 'xray/')):
            raise ValueError(f'not a log line of a run: {key} is not a number')
    return line


def by_epoch(history: Sequence[dict[str, Any]]) -> list[dict[str, float]]:
    """Summarize a history by epoch: the means of the losses, and the metrics of the test.

    Every row has ``epoch``, and of ``loss``, ``loss_cls``, ..., ``xray/mAP``, ... those that were
    logged.
    """
    values: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line in history:
        trained = 'loss' in line
        of_epoch = values[line['epoch'] if trained else line['step']]
        for key, value in line.items():
            if value is not None and key.startswith('loss' if trained else 'xray/'):
                of_epoch[key].append(value)
    return [
        {'epoch': epoch, **{key: float(np.mean(logged)) for key, logged in values[epoch].items()}}
        for epoch in sorted(values)
    ]


def write_epochs(folder: Path, epochs: Sequence[dict[str, float]]) -> None:
    """Write the rows of :func:`by_epoch` to the record of a run."""
    keys = dict.fromkeys(key for row in epochs for key in row)
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(
        folder / EPOCHS,
        [{key: f'{row[key]:.6g}' if key in row else '' for key in keys} for row in epochs],
    )


def read_epochs(folder: AnyPath) -> list[dict[str, float]]:
    """Read the rows of :func:`by_epoch` from the record or the work directory of a run.

    Raises:
        FileNotFoundError: The folder is neither.
        ValueError: A file is malformed.
    """
    path = folder / EPOCHS
    if path.exists():
        epochs = []
        for line, row in read_records(path)[1]:
            try:
                epochs.append({key: float(cell) for key, cell in row.items() if cell})
            except ValueError as error:
                raise ValueError(f'{path}:{line}: {error}') from error
            if 'epoch' not in epochs[-1]:
                raise ValueError(f'{path}:{line} has no epoch')
        return epochs
    try:
        epochs = by_epoch(read_history(folder)) if isinstance(folder, Path) else []
    except KeyError as error:
        raise ValueError(f'{folder}: a line in scalars.json has no {error}') from error
    if epochs:
        return epochs
    raise FileNotFoundError(
        f'{folder} has no {EPOCHS} and no */vis_data/scalars.json. Name the record of a run, or a '
        'work directory.'
    )


def best_of(history: Sequence[dict[str, Any]], key: str) -> dict[str, Any] | None:
    """Return the epoch with the highest test value, or None if no test has a value."""
    tested = [line for line in history if line.get(key) is not None]
    if not tested:
        return None
    best = max(tested, key=lambda line: line[key])
    return {'epoch': best['step'], key: best[key]}


def last_step(history: Sequence[dict[str, Any]]) -> int:
    """Return the last optimizer step that a run has logged."""
    return max((line['step'] for line in history if 'loss' in line), default=0)


def revision() -> str | None:
    """Return the commit of the code, followed by a plus if files differ from it."""
    root = Path(__file__).resolve().parents[2]
    try:
        commit = _git(root, 'rev-parse', 'HEAD')
        return commit + ('+' if _git(root, 'status', '--porcelain', '-uno') else '')
    except (OSError, subprocess.CalledProcessError):
        return None  # installed without its repository


def _git(root: Path, *args: str) -> str:
    process = subprocess.run(
        ['git', '-C', str(root), *args], capture_output=True, text=True, check=True
    )
    return process.stdout.strip()


def stack() -> dict[str, str]:
    """Return the versions of the packages that affect a result."""
    names = packages_distributions()
    packages = ('torch', 'numpy', 'mmengine', 'mmcv', 'mmpretrain')
    return {names[name][0]: version(names[name][0]) for name in packages if name in names}


def device_name() -> str:
    """Return the name of the GPU that networks are trained on, or else the device of mmengine."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else get_device()
