"""JSON of a review page: rows of the list and single cases.

Texts from files are made printable: browsers show them as text, and JSON can encode them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmsxm.conventions import level_names
from mmsxm.imaging.images import ImageError, read_size
from mmsxm.io.safe_parsing import printable
from mmsxm.review.cases import Case, base_name
from mmsxm.review.worklist import Worklist
from mmsxm.visualization.overlays import place_names

__all__ = ['case_payload', 'place_regions', 'row_payload', 'short_name']

NAME_HEIGHT = 1 / 40  # of a class name on a region, as a share of the longer side of the image
LETTER_WIDTH = 0.6  # average width of a letter, as a share of its height


def short_name(case: Case) -> str:
    """Return the name of a file without folders."""
    return printable(base_name(case.name))


def row_payload(worklist: Worklist, index: int) -> dict[str, Any]:
    """Return a row of the list: name, alarms, and the verdict on the case, '' if undecided."""
    case = worklist.case(index)
    return {
        'index': index,
        'name': short_name(case),
        'labels': [printable(label) for label in worklist.labels(index)],
        'unreadable': 'error' in case.record,
        'verdict': worklist.review.verdicts.get(index, ''),
    }


def case_payload(worklist: Worklist, index: int) -> dict[str, Any]:
    """Return what the page shows about a case.

    Raises:
        LookupError: There is no such case, or it is hidden.
    """
    case = worklist.case(index)
    record = case.record
    labels = worklist.labels(index)
    payload = row_payload(worklist, index) | {
        'path': printable(case.name),
        'screened': printable(record['time']),
        'network': printable(worklist.session.name),
        'history': [
            {
                'time': printable(decision.time),
                'operator': printable(decision.operator),
                'decision': decision.decision,
                'comment': printable(decision.comment),
            }
            for decision in worklist.review.history.get(index, ())
        ],
    }
    if 'error' in record:
        return payload | {'problem': f'Not screened: {printable(record["error"])}'}
    payload |= {
        'scores': [
            {
                'name': printable(name),
                'value': record['scores'][name],
                'threshold': threshold,
                'alarm': name in labels,
            }
            for name, threshold in zip(
                worklist.session.classes, worklist.session.calibrated, strict=True
            )
        ],
        'levels': [
            {'name': name, 'value': weight}
            for name, weight in zip(
                level_names(len(record['level_weights'])), record['level_weights'], strict=True
            )
        ],
    }
    try:
        height, width = read_size(case.path)
    except (ImageError, OSError, ValueError) as error:
        return payload | {'problem': f'Cannot show this image: {printable(str(error))}'}
    return payload | {
        'width': width,
        'height': height,
        'regions': place_regions(record['regions'], labels, (height, width)),
    }


def place_regions(
    regions: Sequence[Mapping[str, Any]], labels: Sequence[str], image_size: tuple[int, int]
) -> list[dict[str, Any]]:
    """Return the regions of classes with an alarm, and those without a class, to be drawn.

    Args:
        regions: Dicts of ``bbox``, xyxy in image pixels, and perhaps ``label``, as in a record.
        labels: Classes with an alarm.
        image_size: (h, w) of the image.

    Returns:
        Dicts of ``box`` (x, y, width, height), ``label``, ``place`` (x, y of the lower left corner
        of the label) and ``size`` (height of the label), in image pixels. The box lies in the
        image. Labels do not cover each other.
    """
    shown = [region for region in regions if region.get('label') in (None, *labels)]
    height, width = image_size
    boxes = np.array([region['bbox'] for region in shown], dtype=np.float64).reshape(-1, 4)
    boxes = boxes.clip(0, [width, height, width, height])  # (n, 4)
    names = [printable(region.get('label', '')) for region in shown]
    size = NAME_HEIGHT * max(width, height)
    widths = [LETTER_WIDTH * size * len(name) for name in names]
    places = place_names(boxes, widths, size, image_size)
    return [
        {
            'box': [x1, y1, max(x2 - x1, 0), max(y2 - y1, 0)],
            'label': name,
            'place': list(place),
            'size': size,
        }
        for (x1, y1, x2, y2), name, place in zip(boxes.tolist(), names, places, strict=True)
    ]
