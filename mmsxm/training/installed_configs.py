"""Lookup of configs by the names that the documentation uses, from any folder."""

import difflib
import os
from pathlib import Path

from mmsxm import CONFIGS

__all__ = ['CONFIGS', 'find_config']


def find_config(name: str | os.PathLike[str]) -> Path:
    """Return the path of a config file or, if there is no such file, of the installed config.

    ``configs/demo/resnet18.py``, ``demo/resnet18.py`` and ``resnet18.py`` name the same config.

    Raises:
        FileNotFoundError: There is neither.
        ValueError: The file name does not end like that of a config.
    """
    path = Path(name)
    if path.is_file():
        if path.suffix not in ('.py', '.json', '.yaml', '.yml'):
            raise ValueError(f'{name} is not a config: its name must end in .py, .json or .yaml.')
        return path
    installed = [
        config.relative_to(CONFIGS.parent)
        for config in sorted(CONFIGS.rglob('*.py'))
        if '_base_' not in config.parts  # base files, several of which have the same name
    ]
    for config in installed:
        if config.parts[-len(path.parts) :] == path.parts:
            return CONFIGS.parent / config
    names = {config.name: config for config in installed}
    similar = difflib.get_close_matches(path.name, names, n=1)
    hint = (
        f' Did you mean {names[similar[0]]}?'
        if similar
        else ' Check the path. mmsxm --help shows the folder of the installed configs.'
    )
    raise FileNotFoundError(f'There is no config file {name}.{hint}')
