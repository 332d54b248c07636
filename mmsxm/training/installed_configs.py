"""Configs by the names that the documentation gives them, wherever a command runs."""

import difflib
import os
from pathlib import Path

from mmsxm import CONFIGS

__all__ = ['CONFIGS', 'find_config']


def find_config(name: str | os.PathLike[str]) -> Path:
    """The file of that name or, where there is none, the installed config.

    ``configs/demo/resnet18.py``, ``demo/resnet18.py`` and ``resnet18.py`` name the same one.

    Raises:
        FileNotFoundError: There is neither.
        ValueError: The file is not a config by its name.
    """
    path = Path(name)
    if path.is_file():
        if path.suffix not in ('.py', '.json', '.yaml', '.yml'):
            raise ValueError(f'{name} is not a config: its name must end in .py, .json or .yaml.')
        return path
    installed = [
        config.relative_to(CONFIGS.parent)
        for config in sorted(CONFIGS.rglob('*.py'))
        if '_base_' not in config.parts  # parts of configs, which share their names
    ]
    for config in installed:
        if config.parts[-len(path.parts) :] == path.parts:
            return CONFIGS.parent / config
    names = {config.name: config for config in installed}
    close = difflib.get_close_matches(path.name, names, n=1)
    hint = f' Did you mean {names[close[0]]}?' if close else ''
    raise FileNotFoundError(f'There is no config file {name}.{hint}')
