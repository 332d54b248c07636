"""Records: the result of one image file in plain values, as screening and the service return it."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from mmsxm.conventions import utc_now
from mmsxm.imaging.preprocessing import View
from mmsxm.imaging.reading import PreprocessedFile, Unreadable
from mmsxm.inference.backends import Backend, ModelInfo, Prediction
from mmsxm.inference.verdict import judge
from mmsxm.visualization.overlays import map_to_draw

__all__ = ['Record', 'Screened', 'screen_files']

Record = dict[str, Any]


class Screened(NamedTuple):
    """Record of a file, with the map to draw ``(h, w)`` over its view."""

    record: Record
    drawn_map: np.ndarray | None = None
    view: View | None = None


def screen_files(
    backend: Backend, files: Sequence[PreprocessedFile | Unreadable]
) -> list[Screened]:
    """Run the network on readable files, and record the error of unreadable ones.

    Records contain ``path``, ``labels``, ``scores``, ``thresholds``, ``regions`` and
    ``level_weights``, or ``path`` and ``error``; then ``model``, ``config_digest`` (missing for
    files exported before it existed), ``window`` and ``pseudo_color`` (if the network has them) and
    ``time``. See docs/screening.md.
    """
    info = backend.info
    readable = [file for file in files if isinstance(file, PreprocessedFile)]
    screened: Iterator[Screened] = iter(())
    if readable:
        images = np.stack([file.image for file in readable])  # (N, h, w, 3)
        outputs = backend(images)
        screened = iter(
            [_screened(info, file, outputs.image(i)) for i, file in enumerate(readable)]
        )
    return [
        _failed(info, file.path, file.error) if isinstance(file, Unreadable) else next(screened)
        for file in files
    ]


def _screened(info: ModelInfo, file: PreprocessedFile, prediction: Prediction) -> Screened:
    outputs = [output for output in prediction if output is not None]
    if not all(np.isfinite(numbers).all() for numbers in outputs):  # NaN never raises an alarm
        return _failed(info, file.path, 'the network returned values that are not finite numbers')
    verdict = judge(info, prediction, file.view)
    record = {'path': file.path, **verdict._asdict(), **_provenance(info)}
    drawn = map_to_draw(prediction.attention_maps, prediction.class_maps)
    return Screened(record, drawn, file.view)


def _failed(info: ModelInfo, path: str, error: str) -> Screened:
    return Screened({'path': path, 'error': error, **_provenance(info)})


def _provenance(info: ModelInfo) -> dict[str, Any]:
    config = {'config_digest': info.config_digest} if info.config_digest else {}
    mapping = info.preprocessing.mapping.to_dict()
    if 'window' in mapping:
        mapping['window'] = list(mapping['window'])  # as JSON returns it
    return {'model': info.digest, **config, **mapping, 'time': utc_now()}
