"""Ways to make files that were valid once: bytes, JSON, CSV, zip archives and PNG with damage.

Each gives a function from a source of random numbers to a file's content, so that hypothesis may
choose the numbers, and look for a smaller case, or a plain generator, which is quicker.
"""

import copy
import csv
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

Damage = Callable[[Random], bytes]

BYTES = (
    *(b'\0', b'\xff', b'\n', b'\r', b'"', b"'", b'\\', b',', b';', b' ', b'-', b'\x1a', b'\x1b[2J'),
    *(b'\0\0\0\0', b'\xff\xff\xff\xff', b'\x7f\xff\xff\xff', b'\xff\xff\xff\x7f', b'\x80\0\0\0'),
    *(b'\xef\xbb\xbf', b'\xff\xfe', b'\xc0\x80', b'\xed\xa0\x80', '\u2028'.encode()),
    *(b'NaN', b'-Infinity', b'1e999', b'9' * 5000, b'1_0', b'0x10', '\u0664'.encode()),
    *(b'../../x', b'/etc/passwd', b'<b>', b'[/red]', b'{x}', b'%s', b'x' * 200_000),
)
# what JSON can say and Python's writer can't
RAW = {'@deep@': '[' * 100_000, '@deep object@': '{"a":' * 100_000, '@long@': '9' * 5000}
VALUES = (
    *(None, True, False, 0, 1, -1, 2, 0.5, -0.0, 10**400, 2**63, 2**31, 1e308),
    *(float('nan'), float('inf'), float('-inf')),
    *('', 'a', '1', '\0', '\ud800', 'a\n"<b>', '\x1b[2J[/red]', '../../x', '/etc/passwd'),
    *([], {}, [[]], [None], [0.5, 0.5, 0.5], [1, 2], {'a': 1}, {'': []}, *RAW),
)
CELLS = (
    *('', ' ', '0', '1', '-1', '2', '0.5', 'nan', 'inf', '-inf', '1e999', '1e308', '1_0'),
    *('9' * 5000, '-' + '9' * 400, '0x10', '\u0664', 'a', 'A,b', '"', 'a\nb', 'a\0b', '\ufeff'),
    *('../../x', '/etc/passwd', '\x1b[2J', '[/red]', '=1+1', 'x' * 200_000),
)


def one_of(*ways: Damage) -> Damage:
    """Damage in one of several ways."""
    return lambda random: random.choice(ways)(random)


def noise(random: Random) -> bytes:
    """Any bytes, a few."""
    return bytes(random.randrange(256) for _ in range(random.randrange(40)))


def damaged(seeds: Sequence[bytes], tokens: Sequence[bytes] = (), longest: int = 200_000) -> Damage:
    """One of the seeds, cut, flipped, doubled, and with tokens put in of that length at most."""
    words = [word for word in (*tokens, *BYTES) if len(word) <= longest]

    def damage(random: Random) -> bytes:
        data = random.choice(seeds)
        for _ in range(random.randrange(5)):
            place = random.randrange(len(data) + 1)
            kind = random.choice(('flip', 'insert', 'overwrite', 'drop', 'double', 'cut'))
            if kind == 'flip':
                data = data[:place] + bytes([random.randrange(256)]) + data[place + 1 :]
            elif kind == 'cut':
                data = data[:place]
            elif kind in ('insert', 'overwrite'):
                word = random.choice(words)
                rest = place if kind == 'insert' else place + len(word)
                data = data[:place] + word + data[rest:]
            else:
                end = place + 1 + random.randrange(64)
                data = data[:end] + data[place:] if kind == 'double' else data[:place] + data[end:]
        return data

    return damage


def damaged_json(*seeds: Any) -> Damage:
    """JSON of one of the seeds in which parts are others, gone or new."""

    def damage(random: Random) -> bytes:
        root = [copy.deepcopy(random.choice(seeds))]
        for _ in range(1 + random.randrange(3)):
            parent, key = random.choice(_places(root))
            kind = random.choice(('replace', 'replace', 'delete', 'add'))
            value = copy.deepcopy(random.choice(VALUES))
            if kind == 'replace' or parent is root:
                parent[key] = value
            elif kind == 'delete':
                del parent[key]
            elif isinstance(parent, list):
                parent.insert(key, value)
            else:
                parent[random.choice(('', 'new', 'a\0', '\ud800'))] = value
        text = json.dumps(root[0])
        for word, raw in RAW.items():
            text = text.replace(f'"{word}"', raw)
        return text.encode()

    return damage


def _places(value: Any) -> list[tuple[Any, Any]]:
    """All parts of a value of JSON's types, each as what holds it and the key there."""
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, part in parts:
        found.append((value, key))
        if isinstance(part, dict | list):
            found += _places(part)
    return found


def damaged_csv(seed: bytes) -> Damage:
    """A table in which cells are others, gone or new, and rows empty or there twice."""
    table = list(csv.reader(io.StringIO(seed.decode())))

    def damage(random: Random) -> bytes:
        rows = [list(row) for row in table]
        for _ in range(1 + random.randrange(3)):
            number = random.randrange(len(rows))
            row = list(rows[number])
            column = random.randrange(len(row) + 1)
            kind = random.choice(('replace', 'replace', 'delete', 'add', 'again', 'empty'))
            if kind == 'replace':
                row[column : column + 1] = [random.choice(CELLS)]
            elif kind == 'delete':
                del row[column : column + 1]
            elif kind == 'add':
                row.insert(column, random.choice(CELLS))
            elif kind == 'empty':
                row = []
            rows[number : number + (kind != 'again')] = [row]
        text = io.StringIO()
        csv.writer(text, lineterminator=random.choice(('\n', '\r\n'))).writerows(rows)
        return text.getvalue().encode()

    return damage


def damaged_zip(seed: bytes, tokens: Sequence[bytes] = (), longest: int = 200_000) -> Damage:
    """An archive that is whole, with damage in what it holds."""
    with zipfile.ZipFile(io.BytesIO(seed)) as archive:
        whole = {name: archive.read(name) for name in archive.namelist()}

    def damage(random: Random) -> bytes:
        members = dict(whole)
        name = random.choice(sorted(members))
        if random.randrange(8):
            members[name] = damaged([members[name]], tokens, longest)(random)
        else:
            del members[name]
        buffer = io.BytesIO()
        packed = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
        with zipfile.ZipFile(buffer, 'w', packed) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return buffer.getvalue()

    return damage


def damaged_png(seeds: Sequence[bytes], tokens: Sequence[bytes] = ()) -> Damage:
    """A PNG whose chunks have the checksums that they should, so that readers look into them."""

    def damage(random: Random) -> bytes:
        data = damaged(seeds, tokens)(random)
        place, out = 8, data[:8]
        while place + 12 <= len(data):
            length = int.from_bytes(data[place : place + 4], 'big')
            body = data[place + 4 : place + 8 + length]
            out += data[place : place + 4] + body + zlib.crc32(body).to_bytes(4, 'big')
            place += 12 + length
        return out + data[place:]

    return damage
