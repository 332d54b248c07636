"""HTML of the parts of the review page. Names are escaped: shown literally and never executed."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

from mmsxm.io.safe_parsing import escape_html
from mmsxm.visualization.overlays import place_names, relative_map

__all__ = [
    'Bar',
    'QueueRow',
    'bars_html',
    'escape_html',
    'image_html',
    'queue_html',
    'regions_css',
    'tile_html',
]

LONGEST = 1600  # pixels, the maximum of the longer side of an image on the page
NAME_HEIGHT = 1 / 40  # of a class name on a region, as a share of the longer side of the image
LETTER_WIDTH = 0.6  # average width of a letter, as a share of its height


class QueueRow(NamedTuple):
    """Row of the queue; ``note`` is the reason if not screened, ``verdict`` is '' if undecided."""

    number: int
    name: str
    labels: Sequence[str]
    note: str
    verdict: str


class Bar(NamedTuple):
    """Named bar of a value in [0, 1], with an optional mark; ``strong`` bars are highlighted."""

    name: str
    value: float
    mark: float | None = None
    strong: bool = False


def queue_html(rows: Iterable[QueueRow], selected: int, hidden: int = 0) -> str:
    """Return the HTML of the queue: file names without folders, alarms and verdicts.

    Args:
        rows: Rows from top to bottom.
        selected: Index of the open row.
        hidden: Number of rows that are not listed.
    """
    lines = []
    for rank, row in enumerate(rows, start=1):
        tags = ''.join(f'<b class="alarm">{escape_html(label)}</b>' for label in row.labels)
        if row.note:
            tags = f'<b class="unseen">not screened</b>{tags}'
        name = escape_html(row.name.replace('\\', '/').rsplit('/', 1)[-1])
        lines.append(
            f'<button type="button" data-index="{row.number}" title="{escape_html(row.name)}" '
            f'aria-current="{str(row.number == selected).lower()}" '
            f'class="{escape_html(row.verdict)}">'
            f'<i>{rank}</i><span>{name}</span>'
            f'<u>{escape_html(row.verdict)}</u><em>{tags or "<s>no alarm</s>"}</em></button>'
        )
    if hidden:
        lines.append(f'<p>{hidden:,} more images of lower risk are not listed</p>')
    return '<div class="queue">' + ''.join(lines or ['<p>no images</p>']) + '</div>'


def image_html(
    image: np.ndarray,
    attention_map: np.ndarray | None,
    window: Sequence[int],
    regions: Sequence[Mapping[str, Any]],
    classes: Sequence[str] = (),
) -> str:
    """Return the HTML of an image below attention and candidate regions, which the page can fade.

    Regions with a class have its name. :func:`regions_css` hides those without an alarm.

    Args:
        image: BGR ``(H, W, 3)`` uint8.
        attention_map: ``(h, w)``, shown relative to its maximum.
        window: Part of the image that the map covers, xyxy.
        regions: Dicts of ``bbox``, xyxy in image pixels, and perhaps ``label``, as in a record.
        classes: Class names, in the order of the scores on the page.
    """
    height, width = image.shape[:2]
    left, top, right, bottom = window
    layers = [_layer(_encode(_shrink(image)), 0, 0, width, height, 'bag')]
    if attention_map is not None:
        data = _encode(_red(attention_map))
        layers.append(_layer(data, left, top, right - left, bottom - top, 'attention'))
    size = NAME_HEIGHT * max(width, height)
    names = [region.get('label', '') for region in regions]
    boxes = np.array([region['bbox'] for region in regions], dtype=np.float64).reshape(-1, 4)
    widths = [LETTER_WIDTH * size * len(name) for name in names]
    places = place_names(boxes, widths, size, (height, width))
    for (x1, y1, x2, y2), name, (x, y) in zip(boxes.tolist(), names, places, strict=True):
        rect = (
            f'<rect class="region" x="{x1:.1f}" y="{y1:.1f}" width="{x2 - x1:.1f}" '
            f'height="{y2 - y1:.1f}"/>'
        )
        if name:
            rect = (
                f'<g data-class="{classes.index(name)}">{rect}<text class="region" x="{x:.1f}" '
                f'y="{y - size / 5:.1f}" font-size="{size:.1f}">{escape_html(name)}</text></g>'
            )
        layers.append(rect)
    return f'<svg class="bag-view" viewBox="0 0 {width} {height}">{"".join(layers)}</svg>'


def _layer(data: str, x: int, y: int, width: int, height: int, name: str) -> str:
    return (
        f'<image class="{name}" href="data:image/png;base64,{data}" x="{x}" y="{y}" '
        f'width="{width}" height="{height}" preserveAspectRatio="none"/>'
    )


def _shrink(image: np.ndarray) -> np.ndarray:
    scale = LONGEST / max(image.shape[:2])
    if scale >= 1:
        return image
    height, width = (max(round(side * scale), 1) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)  # (h, w, 3)


def _red(attention_map: np.ndarray) -> np.ndarray:
    """Return a red layer, BGRA ``(h, w, 4)`` uint8, with the map as its opacity."""
    result = np.zeros((*attention_map.shape, 4), dtype=np.uint8)  # (h, w, 4)
    result[..., 2] = 255
    result[..., 3] = (255 * relative_map(attention_map)).clip(0, 255).round()
    return result


def _encode(image: np.ndarray) -> str:
    _, data = cv2.imencode('.png', image)
    return base64.b64encode(data.tobytes()).decode()


def regions_css(classes: int) -> str:
    """Return CSS that hides the regions of a class whose score, on the page, is not an alarm."""
    return ''.join(
        f'.gradio-container:has(#scores .bar:nth-child({number + 1}):not(.strong)) '
        f'[data-class="{number}"] {{ display: none; }}\n'
        for number in range(classes)
    )


def bars_html(bars: Iterable[Bar]) -> str:
    """Return the HTML of bars, one below the other."""
    rows = []
    for bar in bars:
        mark = '' if bar.mark is None else f'<mark style="left:{100 * bar.mark:.2f}%"></mark>'
        rows.append(
            f'<div class="bar{" strong" if bar.strong else ""}">'
            f'<span>{escape_html(bar.name)}</span>'
            f'<div><b style="width:{100 * bar.value:.2f}%"></b>{mark}</div>'
            f'<span>{bar.value:.2f}</span></div>'
        )
    return f'<div class="bars">{"".join(rows)}</div>'


def tile_html(name: str, alarms: int, calibrated_alarms: int, calibrated: float) -> str:
    """Return the HTML of a class above its slider: alarms now and at the calibrated threshold."""
    change = alarms - calibrated_alarms
    return (
        f'<div class="tile"><span>{escape_html(name)}</span><b>{alarms:,}</b>'
        f'<i>{f"{change:+,}" if change else ""}</i>'
        f'<small>calibrated {calibrated:.3f}: {calibrated_alarms:,} alarms</small></div>'
    )
