"""Datasets inside wrappers of mmengine, such as ``ConcatDataset`` and ``RepeatDataset``."""

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ['inner_configs', 'wrappers', 'xray_datasets']


def xray_datasets(dataset: object) -> Iterator[Any]:
    """Yield the datasets that take a seed, also inside wrappers.

    Other datasets are skipped.
    """
    if hasattr(dataset, 'set_epoch'):
        yield dataset
    else:
        for child in _children(dataset):
            yield from xray_datasets(child)


def wrappers(dataset: object) -> Iterator[Any]:
    """Yield the wrappers around datasets, the outer ones first."""
    children = _children(dataset)
    if children:
        yield dataset
    for child in children:
        yield from wrappers(child)


def _children(dataset: object) -> list[Any]:
    inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    return [child for child in inner if child is not None]


def inner_configs(config: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """Yield the configs of datasets, also inside wrappers; nothing without a config."""
    if not config:
        return
    inner = config.get('datasets') or config.get('dataset')
    if inner is None:
        yield config
    else:
        for child in inner if isinstance(inner, list | tuple) else [inner]:
            yield from inner_configs(child)
