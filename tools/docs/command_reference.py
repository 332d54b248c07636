"""Render the reference of all commands from their parsers."""

import argparse
import importlib
import re
from collections.abc import Iterator
from typing import Any, NoReturn
from unittest import mock

from mmsxm.cli.main import GROUPS, description, find_module

# a default that depends on the machine that builds the site
OF_THIS_MACHINE = re.compile(r'\(default on this machine: [^)]*\)')


class _Parser(BaseException):
    """Carry the parser out of a command."""


def parser_of(name: str) -> argparse.ArgumentParser | None:
    """Return the parser of a command; None if it reads no options.

    It is taken where the command begins to read its command line, so nothing of the command runs.
    """
    path = find_module(name)
    if path.suffix != '.py' or 'make_parser' not in path.read_text(encoding='utf-8'):
        return None

    def carry(parser: argparse.ArgumentParser, *args: Any, **kwargs: Any) -> NoReturn:
        raise _Parser(parser)

    module = importlib.import_module(f'mmsxm.cli.{path.stem}')
    with mock.patch.object(argparse.ArgumentParser, 'parse_args', carry):
        try:
            module.main([])
        except _Parser as carried:
            return carried.args[0]
    raise AssertionError(f'{name} reads no command line')


def render_commands() -> str:
    """Return the reference as Markdown: a section for each command, by group."""
    return '\n'.join(
        line
        for title, names in GROUPS.items()
        for line in [f'## {title}', '', *(line for name in names for line in render_command(name))]
    )


def render_command(name: str) -> Iterator[str]:
    """Yield the lines of a command's section."""
    yield from [f'### mmsxm {name}', '']
    parser = parser_of(name)
    if parser is None:
        yield from [*describe(description(find_module(name))), '']
        return
    yield from [*describe(parser.description or ''), '']
    yield from render_parser(parser)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from [f'#### {child.prog}', '', *describe(child.description or ''), '']
                yield from render_parser(child)


def describe(text: str) -> Iterator[str]:
    """Yield the lines of a description, with example commands as code."""
    for paragraph in filter(None, text.strip().split('\n\n')):
        if paragraph.lstrip().startswith(('mmsxm ', 'python ', 'bash ')):
            yield from ['```bash', *(line.strip() for line in paragraph.splitlines()), '```', '']
        else:
            yield from [escape(paragraph.replace('``', '`')), '']


def render_parser(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the usage of a parser and a table of its arguments."""
    usage = re.sub(r'\s+', ' ', parser.format_usage().removeprefix('usage: ')).strip()
    yield from ['```text', *wrap(usage), '```', '']
    rows = [row_of(action, parser) for action in parser._actions if is_documented(action)]
    if rows:
        yield from ['| argument | meaning |', '|---|---|', *rows, '']


def wrap(usage: str, width: int = 78) -> Iterator[str]:
    """Break a usage at its arguments."""
    line = ''
    for part in re.findall(r'\[[^\]]*\]+|\S+', usage):
        if line and len(line) + len(part) + 1 > width:
            yield line
            line = '   '
        line = f'{line} {part}' if line else part
    yield line


def is_documented(action: argparse.Action) -> bool:
    """Return whether an argument belongs in the table."""
    hidden = isinstance(action, argparse._HelpAction | argparse._SubParsersAction)
    return not hidden and action.help != argparse.SUPPRESS


def row_of(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    """Return the table row of an argument."""
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if action.choices is not None:
        metavar = '{' + ','.join(map(str, action.choices)) + '}'
    values = '' if action.nargs == 0 else f' {metavar}'
    names = [f'`{flag}{values}`' for flag in action.option_strings] or [f'`{action.dest}`']
    text = parser._get_formatter()._expand_help(action) if action.help else ''
    text = OF_THIS_MACHINE.sub('(default: depends on the machine)', text)
    if not action.option_strings and action.choices is not None:
        text = f'{text} `{metavar}`'.strip()
    return f'| {", ".join(names)} | {escape(text)} |'.replace('{|', '{\\|')


def escape(text: str) -> str:
    """Escape what Markdown would read as markup, outside code spans."""
    parts = re.split(r'(`[^`]*`)', text)
    parts[::2] = [re.sub(r'([<>*_|])', r'\\\1', part) for part in parts[::2]]
    return ''.join(parts)
