"""Render the reference of all configs: what each is for, and what it inherits."""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FOLDERS = {
    '.': 'Networks',
    'baselines': 'Baselines',
    'ablations': 'Ablations and variants',
    'demo': 'Demo',
    'suites': 'Suites',
    '_base_/models': 'Bases: networks',
    '_base_/datasets': 'Bases: data',
    '_base_/schedules': 'Bases: schedules',
    '_base_': 'Bases: runtime',
}


class ConfigFile(NamedTuple):
    """A config file: its path below ``configs/``, its first comment and its bases."""

    path: str
    purpose: str
    bases: tuple[str, ...]


def read_config(path: Path, root: Path) -> ConfigFile:
    """Read what a config says about itself, without running it."""
    text = path.read_text(encoding='utf-8')
    comment = ' '.join(
        line.lstrip('# ')
        for line in text.split('\n_base_', 1)[0].splitlines()
        if line.startswith('#')
    )
    bases: list[str] = []
    # placeholders: an environment variable with its default, and a name of a base
    text = re.sub(r'\{\{\$\w+:([^}]*)\}\}', r'\1', text)
    text = re.sub(r'\{\{[^}]*\}\}', 'None', text)
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '_base_':
            value = ast.literal_eval(node.value)
            bases = [value] if isinstance(value, str) else value
    inside = [os.path.normpath(path.parent / base) for base in bases]
    return ConfigFile(
        path.relative_to(root).as_posix(),
        comment.split('. ')[0].rstrip('.') if text.startswith('#') else '',
        tuple(Path(base).relative_to(root).as_posix() for base in inside),
    )


def render_configs(root: Path) -> str:
    """Return the reference as Markdown: a table for each folder."""
    return '\n'.join(
        line
        for folder, title in FOLDERS.items()
        for line in [f'## {title}', '', *render_folder(root, folder)]
    )


def render_folder(root: Path, folder: str) -> Iterator[str]:
    """Yield the table of the configs in one folder."""
    yield from ['| config | what it is | inherits |', '|---|---|---|']
    for path in sorted((root / folder).glob('*.py')):
        config = read_config(path, root)
        bases = '<br>'.join(f'`{base}`' for base in config.bases)
        yield f'| `{config.path}` | {config.purpose.replace("|", chr(92) + "|")} | {bases} |'
    yield ''
