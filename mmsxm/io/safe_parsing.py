"""Parsing of untrusted files to plain values, or to one ValueError that names the file.

Parsers of JSON, CSV and XML raise many kinds of errors for damaged files: decoding errors, too many
digits, and recursion errors for elements nested a thousand times.
"""

import ast
import csv
import html
import io
import json
import math
import os
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException, ElementTree

__all__ = [
    'escape_html',
    'is_number',
    'open_zip',
    'parse_json',
    'parse_setting',
    'printable',
    'read_bytes',
    'read_csv',
    'read_json',
    'read_records',
    'read_xml',
]

Path = str | os.PathLike[str]
File = Path | zipfile.Path  # on the disk, or in a zip file

DAMAGED_ZIP = (  # errors of zipfile
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,  # an offset before the start
    ValueError,
    RuntimeError,  # a password; NotImplementedError is one
)
MAX_CONFIG_LENGTH = 1_000_000  # characters; ours have about 20,000
MAX_DEPTH = 100  # maximum nesting of elements in an XML file


def parse_json(text: str | bytes) -> Any:
    """Parse JSON.

    Raises:
        ValueError: The text is not JSON. Never a subclass of ValueError.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'not valid JSON in UTF-8 ({error})') from error


def parse_setting(config: str, name: str) -> Any:
    """Return one top-level setting from the text of a config, without running the text.

    Configs in text style assign constants, lists, tuples, dicts and calls of ``dict``. Only these
    are read.

    Raises:
        KeyError: The text does not assign ``name``.
        ValueError: The text is not Python, or the value is another kind of expression.
    """
    if len(config) > MAX_CONFIG_LENGTH:
        raise ValueError(f'the config text is longer than {MAX_CONFIG_LENGTH:,} characters')
    try:
        for statement in ast.parse(config).body:
            if isinstance(statement, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == name for target in statement.targets
            ):
                return _plain_value(statement.value)
    except (SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(f'not valid config text ({error})') from error
    raise KeyError(name)


def _plain_value(node: ast.expr) -> Any:
    if isinstance(node, ast.List | ast.Tuple):
        values = [_plain_value(element) for element in node.elts]
        return tuple(values) if isinstance(node, ast.Tuple) else values
    if isinstance(node, ast.Dict) and None not in node.keys:
        pairs = [
            (_plain_value(key), _plain_value(value))
            for key, value in zip(node.keys, node.values, strict=True)
            if key is not None
        ]
        if not all(isinstance(key, str) for key, _ in pairs):
            raise ValueError(f'line {node.lineno} of the config has a key that is not a string')
        return dict(pairs)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict':
        arguments: dict[Any, Any] = {}
        for argument in node.args:
            arguments.update(_plain_value(argument))
        for keyword in node.keywords:
            arguments |= (
                _plain_value(keyword.value)
                if keyword.arg is None
                else {keyword.arg: _plain_value(keyword.value)}
            )
        return arguments
    try:
        return ast.literal_eval(node)
    except (TypeError, ValueError) as error:
        raise ValueError(f'line {node.lineno} of the config is not a plain value') from error


def is_number(value: Any) -> bool:
    """Return whether a JSON value is a finite number in the range of a float, and not a boolean."""
    if type(value) is int:  # unlimited in Python
        return abs(value) <= sys.float_info.max
    return type(value) is float and math.isfinite(value)


def open_zip(path: Path) -> zipfile.Path:
    """Open a zip file as a folder.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not a zip file, is damaged, or uses another compression than
            deflate.
    """
    try:
        opened = zipfile.Path(os.fspath(path))
    except FileNotFoundError:
        raise
    except DAMAGED_ZIP as error:
        raise ValueError(f'{os.fspath(path)} is not a zip file or is damaged: {error}') from error
    for member in opened.root.infolist():
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(
                f'{os.fspath(path)}: {member.filename} uses another compression than deflate. '
                'Create the zip file again with deflate.'
            )
    return opened


def read_bytes(path: File) -> bytes:
    """Read a file, which may be a member of :func:`open_zip`; ValueError if that is damaged."""
    if not isinstance(path, zipfile.Path):
        with open(path, 'rb') as file:
            return file.read()
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except DAMAGED_ZIP as error:
        raise ValueError(f'{path} cannot be unpacked: {error}') from error


def read_json(path: File) -> Any:
    """Read a JSON file.

    Raises:
        ValueError: The file is not JSON in UTF-8; the message names it.
    """
    data = read_bytes(path)
    try:
        return parse_json(data)
    except ValueError as error:
        raise ValueError(f'{_name(path)} is {error}') from error


def read_csv(path: File) -> Iterator[tuple[int, list[str]]]:
    """Yield the non-empty rows of a CSV file, each with the number of its last line.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not CSV in UTF-8.
    """
    try:
        with _open_text(path) as file:
            reader = csv.reader(file)
            for row in reader:
                if row:
                    yield reader.line_num, row
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f'{_name(path)} is not a CSV file in UTF-8: {error}') from error


def _open_text(path: File) -> io.TextIOWrapper:
    if not isinstance(path, zipfile.Path):
        return open(path, encoding='utf-8-sig', newline='')
    return io.TextIOWrapper(io.BytesIO(read_bytes(path)), encoding='utf-8-sig', newline='')


def _name(path: File) -> str:
    return str(path) if isinstance(path, zipfile.Path) else os.fspath(path)


def read_records(path: File) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """Read a CSV file with a header: its columns, and each row as a dict with its line number.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not CSV in UTF-8. While iterating: a row has the wrong number of
            values.
    """
    rows = read_csv(path)
    header = [column.strip() for column in next(rows, (1, []))[1]]

    def records() -> Iterator[tuple[int, dict[str, str]]]:
        for line, row in rows:
            if len(row) != len(header):
                raise ValueError(
                    f'{_name(path)}:{line}: {len(row)} values, but the header has '
                    f'{len(header)} columns'
                )
            yield line, dict(zip(header, row, strict=True))

    return header, records()


def read_xml(path: Path) -> Element:
    """Read an XML file without entities and return its root.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not XML, declares entities, or nests its elements too deeply.
    """
    with open(
        path, 'rb'
    ) as file:  # read at once: older versions of expat rescan a long name for each chunk
        data = file.read()
    try:
        root: Element = ElementTree.fromstring(data)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise ValueError(f'{os.fspath(path)} is not readable XML: {error}') from error
    level, depth = [root], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:  # recursive code would exceed Python's recursion limit
            raise ValueError(
                f'{os.fspath(path)} is not readable XML: its elements are nested more than '
                f'{MAX_DEPTH} deep'
            )
        level = [child for element in level for child in element]
    return root


def printable(text: str) -> str:
    r"""Return text for one line of a log or terminal, unprintable characters as in ``\x1b``."""
    return ''.join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def escape_html(text: str) -> str:
    """Escape text so that a page shows it literally and never executes it."""
    return html.escape(printable(text))
