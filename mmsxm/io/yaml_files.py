"""Parsing of untrusted YAML to text, lists and dicts. Needs PyYAML, which both stacks install."""

import os
from typing import Any, NoReturn

import yaml
from yaml.constructor import ConstructorError
from yaml.error import Mark
from yaml.events import AliasEvent
from yaml.nodes import MappingNode, Node, ScalarNode

__all__ = ['MAX_YAML_BYTES', 'parse_yaml', 'read_yaml']

MAX_YAML_BYTES = 100_000  # a data.yaml with a thousand classes has about 30,000
MAX_DEPTH = 20


class _TextLoader(yaml.BaseLoader):
    """Loader without tags, so that no file can create objects, and without types.

    A class named ``no`` stays text. Aliases are refused, because a short file can expand to
    gigabytes with them. So are repeated keys, one of which would be lost.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        if self.check_event(AliasEvent):
            self._refuse('aliases (*name) are not supported', self.peek_event().start_mark)
        if self._depth == MAX_DEPTH:
            self._refuse(f'values are nested more than {MAX_DEPTH} deep', None)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, ScalarNode):
                if key.value in seen:
                    self._refuse(f'the key {key.value!r} repeats', key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)

    def _refuse(self, reason: str, mark: Mark | None) -> NoReturn:
        raise ConstructorError(None, None, reason, mark)


def parse_yaml(data: bytes, place: str) -> Any:
    """Parse YAML to dicts, lists and text; numbers and booleans stay text, too.

    Raises:
        ValueError: The data are not YAML in UTF-8, are too long, use aliases, or repeat a key. The
            message starts with ``place``.
    """
    if len(data) > MAX_YAML_BYTES:
        raise ValueError(f'{place} is longer than {MAX_YAML_BYTES:,} bytes.')
    try:
        return yaml.load(data.decode('utf-8-sig'), Loader=_TextLoader)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        reason = ' '.join(str(error).split())
        raise ValueError(f'{place} is not readable YAML in UTF-8: {reason}') from error


def read_yaml(path: str | os.PathLike[str]) -> Any:
    """Read a YAML file with :func:`parse_yaml`. Raise FileNotFoundError if it does not exist."""
    with open(path, 'rb') as file:
        return parse_yaml(file.read(MAX_YAML_BYTES + 1), os.fspath(path))
