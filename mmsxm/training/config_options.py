"""Options of the command line: validated, then merged into a config.

mmengine merges any option. A misspelled option then fails deep inside a class, or has no effect.
"""

import difflib
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log

from mmsxm.training.config_schema import MARKS, ConfigSchema, Path, value_at

__all__ = ['merge_options']

TYPO_SIMILARITY = 0.85  # names this similar are taken for a typo, even if other names may be valid
MAX_SHOWN = 4  # places in a message


def merge_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Merge options such as ``{'train_cfg.max_epochs': 30}`` into a config, in place.

    Where an option replaces a type, settings that the new class does not accept are dropped.

    Raises:
        ValueError: Nothing reads the setting of an option.
    """
    values = dict(_leaves(options))
    schema = ConfigSchema(cfg.to_dict(), values)
    check = _OptionCheck(schema)
    for path in values:
        check.reject_unread(path)
    outdated = {path[:-1]: schema.outdated(path[:-1]) for path in values if path[-1] == 'type'}
    for path in values:
        _replace_none(cfg, path)
    cfg.merge_from_dict(dict(options))
    for place, names in outdated.items():
        node = value_at(cfg, place)
        for name in names:
            del node[name]
        if names:
            print_log(
                f'{".".join(place)}: dropped {", ".join(names)}, which {node["type"]} does not '
                'accept.',
                'current',
            )


def _leaves(options: Mapping[str, Any], place: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the path and value of each option; names are split at dots, and dicts into settings."""
    for name, value in options.items():
        path = (*place, *name.split('.'))
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, path)
        else:
            yield path, value


def _replace_none(cfg: Config, path: Path) -> None:
    """Replace each None on the way to a setting by a dict, because mmengine merges only dicts."""
    for depth in range(1, len(path)):
        parent, key = value_at(cfg, path[: depth - 1]), path[depth - 1]
        if isinstance(parent, dict | Config) and key in parent and parent[key] is None:
            parent[key] = {}


class _OptionCheck:
    """Check that each option sets something that is read."""

    def __init__(self, schema: ConfigSchema) -> None:
        self.schema = schema

    def reject_unread(self, path: Path) -> None:
        """Follow an option through the config.

        Raises:
            ValueError: Nothing reads the setting.
        """
        option = '.'.join(path)
        for depth, key in enumerate(path):
            place, name = path[:depth], '.'.join(path[:depth])
            node = value_at(self.schema.cfg, place)
            if isinstance(node, list) or (node is None and key.isdigit()):
                self._check_entry(path, depth, node or [])
                continue
            if node is not None and not isinstance(node, Mapping):
                raise ValueError(
                    f'{option}: {name} is {node!r}, which has no settings. Set {name} itself.'
                )
            settings = self.schema.settings(place)
            present = set() if node is None or self.schema.replaces(place) else set(node)
            if not place and key in present - settings.names:
                self._reject_variable(path)
            if key in present | settings.names:
                continue
            cutoff = 0.6 if settings.closed else TYPO_SIMILARITY
            similar = difflib.get_close_matches(key, present | settings.names, n=1, cutoff=cutoff)
            if settings.closed or similar:
                raise ValueError(
                    f'{option}: {settings.owner} has no setting {key}. '
                    + self._hint(path, depth, similar, settings.names - MARKS)
                )

    def _check_entry(self, path: Path, depth: int, entries: Sequence[Any]) -> None:
        """Check an option that changes the entry of a list at ``path[depth]``.

        Raises:
            ValueError: There is no such entry, or it is a dict and the option sets all of it.
        """
        option, key = '.'.join(path), path[depth]
        if not (key.isdigit() and int(key) < len(entries)):
            raise ValueError(
                f'{option}: {".".join(path[:depth])} has {len(entries)} entries. Options can '
                'change an existing entry by its number, counted from 0, but not add one.'
            )
        entry, value = entries[int(key)], self.schema.options[path]
        is_last = depth == len(path) - 1
        if is_last and isinstance(entry, Mapping) and not isinstance(value, Mapping):
            raise ValueError(
                f'{option}: this entry has several settings. Set one of them, such as '
                f'{option}.{next(iter(entry), "type")}.'
            )

    def _hint(self, path: Path, depth: int, similar: Sequence[str], names: set[str]) -> str:
        if similar and (depth or similar[0] in names):
            places = ['.'.join((*path[:depth], similar[0], *path[depth + 1 :]))]
        else:  # settings in other places, perhaps made from a variable with a similar name
            places = self._places(similar[0] if similar else path[depth])
        if places:
            return f'Did you mean {" or ".join(places[:MAX_SHOWN])}?'
        return f'Its settings are {", ".join(sorted(names))}.' if names else 'It has no settings.'

    def _reject_variable(self, path: Path) -> None:
        """Reject a variable that a config file uses only to build other settings.

        Raises:
            ValueError: The config contains settings built from the variable.
        """
        option, (name, *rest) = '.'.join(path), path
        value = self.schema.cfg[name]
        if places := self._places(name, value):
            if isinstance(value, dict):
                places = ['.'.join((place, *rest)) for place in places]
            raise ValueError(
                f'{option}: {name} is a variable of the config file. Its value is already in use, '
                f'so changing it has no effect. Set {", ".join(places[:MAX_SHOWN])} instead.'
            )
        print_log(
            f'{option} may have no effect: neither mmengine nor another setting reads {name}.',
            'current',
            logging.WARNING,
        )

    def _places(self, name: str, value: Any = None) -> list[str]:
        """Return the places of settings that have a name, or that were built from a value.

        Only places that a runner reads are included.
        """
        parts = [part for part in (value if isinstance(value, list) else ()) if part]

        def walk(node: Any, place: Path) -> Iterator[Path]:
            entries: Any = enumerate(node) if isinstance(node, list) else ()
            for key, each in node.items() if isinstance(node, dict) else entries:
                path = (*place, str(key))
                if path in self.schema.options:
                    continue
                if key == name or _is_built_from(each, value):
                    yield path
                elif isinstance(each, dict) and each in parts:  # a list may have other parts too
                    yield path if len(parts) == 1 else place
                else:
                    yield from walk(each, path)

        read = self.schema.settings(()).names
        found = walk({key: each for key, each in self.schema.cfg.items() if key in read}, ())
        return list(dict.fromkeys('.'.join(path) for path in found))


def _is_built_from(node: Any, value: Any) -> bool:
    """Return whether a node equals a list or dict, or is a dict that contains it (``**value``)."""
    if not value or not isinstance(value, dict | list):
        return False
    if isinstance(node, dict) and isinstance(value, dict):
        return all(key in node and node[key] == each for key, each in value.items())
    return bool(node == value)
