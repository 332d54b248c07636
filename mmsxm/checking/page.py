"""Report of a data check as a single self-contained HTML page with small pictures."""

import base64
import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from mmsxm.checking.findings import KINDS, SEVERITIES, Finding
from mmsxm.checking.report import CheckedList, Report
from mmsxm.datasets.annotations import Box
from mmsxm.imaging.images import ImageError, read_image
from mmsxm.imaging.pixel_mapping import UPPER_BITS, PixelMapping
from mmsxm.io.safe_parsing import escape_html
from mmsxm.visualization.overlays import BOX_COLOR

__all__ = ['check_page']

MAX_PICTURES = 12  # findings of a kind that are shown with pictures
MAX_LISTED = 100  # findings of a kind that are listed without pictures
SIDE = 220  # longer side of a picture, in pixels
COLORS = dict(zip(SEVERITIES, ('#b3261e', '#9a6700', '#57606a'), strict=True))
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1180px; padding: 0 1rem;
       color: #1f2328 }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin: 2rem 0 .2rem }
p { margin: .2rem 0 } small, .remedy { color: #57606a }
.badge { color: #fff; border-radius: 4px; padding: .05rem .45rem; font-size: .8rem }
.scroll { overflow-x: auto }
table { border-collapse: collapse; margin: .6rem 0; font-variant-numeric: tabular-nums }
th, td { border-bottom: 1px solid #d0d7de; padding: .25rem .7rem; text-align: right }
th:first-child, td:first-child { text-align: left }
.cards { display: flex; flex-wrap: wrap; gap: .8rem; margin: .6rem 0 }
figure { margin: 0; border: 1px solid #d0d7de; border-radius: 6px; padding: .5rem }
figure div { display: flex; gap: .4rem; align-items: flex-start }
figcaption { font-size: .8rem; overflow-wrap: anywhere; max-width: 450px }
li { font-size: .85rem; overflow-wrap: anywhere }
"""


def check_page(report: Report, mapping: PixelMapping = UPPER_BITS) -> str:
    """Render the report as HTML. Names of files and classes are always escaped as text.

    Args:
        report: The report.
        mapping: Mapping of the pictures to 8-bit pixels, as in training.
    """
    verdict = 'Training can start' if report.may_train else 'Fix the errors before training'
    found = report.by_kind()
    counts = ', '.join(
        f'{sum(f.severity == severity for f in report.findings):,} {severity}s'
        for severity in SEVERITIES
    )
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f'<title>Data check</title><style>{STYLE}</style></head><body>',
        f'<h1>{verdict}</h1><p>{counts}</p>',
        *_tables(report.lists),
        *(part for kind, findings in found.items() for part in _section(kind, findings, mapping)),
        '</body></html>',
    ]
    return '\n'.join(parts) + '\n'


def _tables(lists: Sequence[CheckedList]) -> Iterator[str]:
    head = ['list', 'rows', 'excluded by the config', 'usable', 'positives']
    rows = [
        [
            f'{checked.split}: {checked.dataset.ann_file}',
            *(
                f'{n:,}'
                for n in (checked.rows, checked.left_out, checked.usable, checked.positives)
            ),
        ]
        for checked in lists
    ]
    if any(checked.published is not None for checked in lists):  # only the public sets have one
        head.append('published')
        for row, checked in zip(rows, lists, strict=True):
            row.append('' if checked.published is None else f'{checked.published:,}')
    if not lists:
        return
    yield '<h2>Lists</h2>'
    yield _table(head, rows)
    yield '<h2>Images and boxes by class</h2>'
    classes = list(dict.fromkeys(name for checked in lists for name in checked.images))
    rows = [
        [
            name,
            *(f'{n.get(name, 0):,}' for checked in lists for n in (checked.images, checked.boxes)),
        ]
        for name in classes
    ]
    head = [f'{checked.split} {what}' for checked in lists for what in ('images', 'boxes')]
    yield _table(['class', *head], rows)
    for checked in lists:
        if checked.statistics:
            head = list(next(iter(checked.statistics.values())))
            rows = [
                [name, *(f'{values[key]:.4g}' for key in head)]
                for name, values in checked.statistics.items()
            ]
            yield f'<h2>Sizes in {escape_html(checked.split)}, pixels</h2>'
            yield _table(['', *head], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [''.join(f'<th>{escape_html(cell)}</th>' for cell in head)]
    lines += [''.join(f'<td>{escape_html(cell)}</td>' for cell in row) for row in rows]
    body = ''.join(f'<tr>{line}</tr>' for line in lines)
    return f'<div class="scroll"><table>{body}</table></div>'


def _section(kind: str, findings: Sequence[Finding], mapping: PixelMapping) -> Iterator[str]:
    severity, title, remedy = KINDS[kind]
    badge = f'<span class="badge" style="background:{COLORS[severity]}">{severity}</span>'
    yield f'<h2>{badge} {escape_html(title)}: {len(findings):,} '
    yield f'<small>{kind}</small></h2>'
    yield f'<p class="remedy">{escape_html(remedy)}</p>'
    pictured = [finding for finding in findings if finding.images][:MAX_PICTURES]
    if pictured:
        yield (
            '<div class="cards">'
            + ''.join(_card(finding, mapping) for finding in pictured)
            + '</div>'
        )
    drawn = set(map(id, pictured))
    others = [finding for finding in findings if id(finding) not in drawn]
    if others:
        items = ''.join(f'<li>{_caption(finding)}</li>' for finding in others[:MAX_LISTED])
        hidden = f'<p>{len(others) - MAX_LISTED:,} more</p>' if len(others) > MAX_LISTED else ''
        summary = f'{len(others):,} more' if pictured else 'places'
        yield f'<details{"" if pictured else " open"}><summary>{summary}</summary>'
        yield f'<ul>{items}</ul>{hidden}</details>'


def _card(finding: Finding, mapping: PixelMapping) -> str:
    first, *others = finding.images
    pictures = [_picture(first, finding.box, mapping)]
    pictures += [_picture(path, None, mapping) for path in others]
    caption = f'<figcaption>{_caption(finding)}</figcaption>'
    return f'<figure><div>{"".join(pictures)}</div>{caption}</figure>'


def _caption(finding: Finding) -> str:
    return f'{escape_html(finding.words)} <small>{escape_html(finding.split)}</small>'


def _picture(path: str, box: Box | None, mapping: PixelMapping) -> str:
    """Render a small picture of an image, or nothing if it is unreadable."""
    try:
        image = read_image(path, mapping=mapping)
    except (ImageError, OSError):
        return ''
    scale = min(SIDE / max(image.shape[:2]), 1)
    height, width = (max(round(side * scale), 1) for side in image.shape[:2])
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    if box is not None and all(map(math.isfinite, box)):
        limits = (width - 1, height - 1) * 2
        x1, y1, x2, y2 = (
            round(min(max(v * scale, 0), limit)) for v, limit in zip(box, limits, strict=True)
        )
        cv2.rectangle(image, (x1, y1), (x2, y2), BOX_COLOR[::-1], 2)
    data = np.asarray(cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, 80])[1])
    encoded = base64.b64encode(data.tobytes()).decode()
    return f'<img src="data:image/jpeg;base64,{encoded}" width="{width}" height="{height}" alt="">'
