"""What a stranger may have written, as plain values or as one ValueError that names the file.

Readers of JSON, csv and XML raise many things over broken files: errors of decoding, of too many
digits, and of recursion where something lies in itself a thousand times.
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

DAMAGED_ZIP = (  # what zipfile raises
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,  # a place before the start
    ValueError,
    RuntimeError,  # a password; NotImplementedError is one
)
DEEPEST = 100  # elements of an XML file in each other


def parse_json(text: str | bytes) -> Any:
    """Parse JSON; ValueError, and no class below it, where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'no JSON in UTF-8 ({error})') from error


def parse_setting(config: str, name: str) -> Any:
    """Return one top-level setting from the text of a config, without running the text.

    Configs in text style consist of assignments of constants, lists, tuples, dicts and calls of
    ``dict``; only these are read.

    Raises:
        KeyError: The text does not assign ``name``.
        ValueError: The text is not Python, or the value is an expression of another kind.
    """
    try:
        for statement in ast.parse(config).body:
            if isinstance(statement, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == name for target in statement.targets
            ):
                return _plain_value(statement.value)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f'not the text of a config ({error})') from error
    raise KeyError(name)


def _plain_value(node: ast.expr) -> Any:
    if isinstance(node, ast.List | ast.Tuple):
        values = [_plain_value(each) for each in node.elts]
        return tuple(values) if isinstance(node, ast.Tuple) else values
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {
            _plain_value(key): _plain_value(value)
            for key, value in zip(node.keys, node.values, strict=True)
            if key is not None
        }
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict':
        given: dict[Any, Any] = {}
        for each in node.args:
            given.update(_plain_value(each))
        for keyword in node.keywords:
            given |= (
                _plain_value(keyword.value)
                if keyword.arg is None
                else {keyword.arg: _plain_value(keyword.value)}
            )
        return given
    try:
        return ast.literal_eval(node)
    except (TypeError, ValueError) as error:
        raise ValueError(f'not a plain value in line {node.lineno} of a config') from error


def is_number(value: Any) -> bool:
    """Whether a value of JSON is a finite number that a float can hold; true and false are none."""
    if type(value) is int:  # which have no end
        return abs(value) <= sys.float_info.max
    return type(value) is float and math.isfinite(value)


def open_zip(path: Path) -> zipfile.Path:
    """Open a zip file as a folder.

    Raises:
        FileNotFoundError: Without the file.
        ValueError: It is not a zip file, is damaged, or is compressed by another method than
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
                f'{os.fspath(path)}: {member.filename} is compressed by another method than '
                'deflate: compress it again'
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
    """Read a JSON file; ValueError with its name where it is none."""
    data = read_bytes(path)
    try:
        return parse_json(data)
    except ValueError as error:
        raise ValueError(f'{_name(path)} is {error}') from error


def read_csv(path: File) -> Iterator[tuple[int, list[str]]]:
    """Read a csv file: the rows that hold anything, each with the number of its last line.

    Raises:
        FileNotFoundError: Without the file.
        ValueError: It is no csv in UTF-8.
    """
    try:
        with _open_text(path) as file:
            reader = csv.reader(file)
            for row in reader:
                if row:
                    yield reader.line_num, row
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f'{_name(path)} is no csv file in UTF-8: {error}') from error


def _open_text(path: File) -> io.TextIOWrapper:
    if not isinstance(path, zipfile.Path):
        return open(path, encoding='utf-8-sig', newline='')
    return io.TextIOWrapper(io.BytesIO(read_bytes(path)), encoding='utf-8-sig', newline='')


def _name(path: File) -> str:
    return str(path) if isinstance(path, zipfile.Path) else os.fspath(path)


def read_records(path: File) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """Read a csv file with a header: its columns, and rows by column with their line.

    Raises:
        FileNotFoundError: Without the file.
        ValueError: It is no csv in UTF-8 or, while rows are read, one has another number of values.
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
    """Read an XML file without entities; gives its root.

    Raises:
        FileNotFoundError: Without the file.
        ValueError: It is no XML, declares entities, or its elements lie too deep in each other.
    """
    with open(path, 'rb') as file:  # at once: older expats read a long name anew with every part
        data = file.read()
    try:
        root: Element = ElementTree.fromstring(data)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise ValueError(f'{os.fspath(path)} is no readable XML: {error}') from error
    level, depth = [root], 0
    while level:
        depth += 1
        if depth > DEEPEST:  # whoever walks through them would run out of Python's stack
            raise ValueError(
                f'{os.fspath(path)} is no readable XML: more than {DEEPEST} elements in each other'
            )
        level = [child for element in level for child in element]
    return root


def printable(text: str) -> str:
    r"""A text on one line of a log or a terminal: what can't be printed is written as ``\x1b``."""
    return ''.join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


TEMPLATE = str.maketrans({c: f'&#{ord(c)};' for c in '{}$`'})  # gradio's HTML is a template


def escape_html(text: str) -> str:
    """Return a printable text that a page shows as it is and never runs."""
    return html.escape(printable(text)).translate(TEMPLATE)
