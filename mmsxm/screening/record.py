"""A line of a file of results: what mmsxm screen says of one file (docs/screening.md)."""

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from mmsxm.io.safe_parsing import is_number, parse_json

__all__ = ['Record', 'differs', 'now', 'read_record']

Record = dict[str, Any]


def now() -> str:
    """Return the time: ISO 8601 in UTC, to the millisecond."""
    return datetime.now(timezone.utc).isoformat(timespec='milliseconds')


def read_record(line: bytes) -> Record | None:
    """Read a line; None when it is none, so that whoever takes it can rely on all that it holds."""
    try:
        record = parse_json(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and _is_whole(record) else None


def differs(one: str | None, other: str | None) -> bool:
    """Whether two config digests differ; files written before they existed have none."""
    return bool(one and other and one != other)


def _is_whole(record: Record) -> bool:
    said: Callable[[str], Any] = record.get
    texts = [said('path'), said('time'), said('model'), record.get('config_digest', '')]
    if not (_are_texts(texts) and all(digest.isprintable() for digest in texts[2:])):
        return False
    if 'error' in record:
        return isinstance(record['error'], str) and _are_texts([record['error']])
    labels, scores, thresholds = said('labels'), said('scores'), said('thresholds')
    regions, weights = said('regions'), said('level_weights')
    return (
        _are_texts(labels)
        and _are_shares(scores)
        and _are_shares(thresholds)
        and scores.keys() == thresholds.keys() >= set(labels)
        and isinstance(regions, list)
        and all(map(_is_region, regions))
        and _are_numbers(weights)
        and len(weights) <= 3
    )


def _are_texts(values: Any) -> bool:
    """Whether they are texts, which may hold bytes of file names but no other half characters."""
    try:
        ''.join(values).encode('utf-8', 'surrogateescape')
    except (TypeError, UnicodeEncodeError):
        return False
    return isinstance(values, list)


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(map(is_number, values))


def _are_shares(values: Any) -> bool:
    """Whether they are numbers from 0 to 1, by name."""
    return isinstance(values, dict) and all(
        is_number(value) and 0 <= value <= 1 for value in values.values()
    )


def _is_region(region: Any) -> bool:
    if not (isinstance(region, dict) and is_number(region.get('score'))):
        return False
    box: Any = region.get('bbox')
    return _are_numbers(box) and len(box) == 4
