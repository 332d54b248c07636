"""Validation of records: lines of a results file of mmsxm screen, one per image file.

docs/screening.md describes the fields.
"""

import sys
from collections.abc import Callable, Container
from typing import Any

from mmsxm.conventions import MAX_LEVELS
from mmsxm.imaging.pixel_mapping import PixelMapping
from mmsxm.inference.records import Record
from mmsxm.io.safe_parsing import is_number, parse_json

__all__ = ['configs_differ', 'read_record']


def read_record(line: bytes) -> Record | None:
    """Parse a line to a valid record; return None if any field is invalid."""
    try:
        record = parse_json(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and _is_valid(record) else None


def configs_differ(digest: str | None, other: str | None) -> bool:
    """Return whether two config digests differ; a missing one, as in old files, matches any."""
    return bool(digest and other and digest != other)


def _is_valid(record: Record) -> bool:
    get: Callable[[str], Any] = record.get
    texts = [get('path'), get('time'), get('model'), record.get('config_digest', '')]
    if not (_are_texts(texts) and all(digest.isprintable() for digest in texts[2:])):
        return False
    try:
        PixelMapping.from_dict(record)
    except ValueError:
        return False
    if 'error' in record:
        return isinstance(record['error'], str) and _are_texts([record['error']])
    labels, scores, thresholds = get('labels'), get('scores'), get('thresholds')
    regions, weights = get('regions'), get('level_weights')
    return (
        _are_texts(labels)
        and _are_shares(scores)
        and _are_shares(thresholds)
        and scores.keys() == thresholds.keys() >= set(labels)
        and isinstance(regions, list)
        and all(_is_region(region, scores) for region in regions)
        and _are_numbers(weights)
        and len(weights) <= MAX_LEVELS
    )


def _are_texts(values: Any) -> bool:
    """Return whether values are a list of strings; only surrogates of file names are allowed."""
    try:
        ''.join(values).encode('utf-8', sys.getfilesystemencodeerrors())
    except (TypeError, UnicodeEncodeError):
        return False
    return isinstance(values, list)


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(map(is_number, values))


def _are_shares(values: Any) -> bool:
    """Return whether values are a dict of numbers from 0 to 1."""
    return isinstance(values, dict) and all(
        is_number(value) and 0 <= value <= 1 for value in values.values()
    )


def _is_region(region: Any, classes: Container[str]) -> bool:
    """Return whether a region is valid; its class is missing for a network with a single map."""
    if not (isinstance(region, dict) and is_number(region.get('score'))):
        return False
    if 'label' in region and not (isinstance(region['label'], str) and region['label'] in classes):
        return False
    box: Any = region.get('bbox')
    return _are_numbers(box) and len(box) == 4
