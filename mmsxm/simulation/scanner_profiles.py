"""Built-in scanners that look like those of public datasets, and loading of custom ones.

Settings were tuned by eye next to the images of the datasets. The images of SIXray come from
machines with two different looks, about half of the images each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from mmsxm.imaging.pseudo_color_profiles import OPIXRAY, SIXRAY_GREY, SIXRAY_WHITE
from mmsxm.simulation.scanner import Scanner

_SIXRAY_WHITE = Scanner(
    **vars(SIXRAY_WHITE),
    energies=(50, 100),
    photons=20_000,
    dark_noise=4e-6,
    line_noise=0.001,
    blur_cm=0.04,
    heights=(430, 720),
    widths=(520, 840),
    view_cm=(46, 62),
    jpeg_quality=92,
)
_SIXRAY_GREY = Scanner(
    **vars(SIXRAY_GREY),
    energies=(50, 100),
    photons=60_000,
    dark_noise=4e-6,
    line_noise=0.003,
    blur_cm=0.07,
    heights=(340, 760),
    widths=(340, 780),
    view_cm=(64, 90),
    jpeg_quality=88,
)
_OPIXRAY = Scanner(
    **vars(OPIXRAY),
    energies=(50, 100),
    photons=6_000,
    dark_noise=3e-7,
    line_noise=0.001,
    blur_cm=0.03,
    heights=(954, 954),
    widths=(1225, 1225),
    view_cm=(101, 105),
    jpeg_quality=95,
)
# A name refers to one scanner, or to several that are chosen by weight.
SCANNERS: dict[str, tuple[Scanner, ...]] = {
    'sixray': (_SIXRAY_WHITE, _SIXRAY_GREY),
    'sixray_white': (_SIXRAY_WHITE,),
    'sixray_grey': (_SIXRAY_GREY,),
    'opixray': (_OPIXRAY,),
}
_PAIRS = ('energies', 'heights', 'widths', 'view_cm')


def known_scanners(scanner: str | Sequence[Scanner]) -> tuple[Scanner, ...]:
    """Return the scanners of a name, or the given scanners.

    Raises:
        ValueError: The name is unknown, or no scanner has a weight above 0.
    """
    if not isinstance(scanner, str):
        if sum(machine.weight for machine in scanner) <= 0:
            raise ValueError(
                f'none of {len(scanner)} scanners has a weight above 0. Set the weight of at least '
                'one.'
            )
        return tuple(scanner)
    if scanner not in SCANNERS:
        raise ValueError(f'scanner {scanner!r} is unknown. Choose one of {", ".join(SCANNERS)}.')
    return SCANNERS[scanner]


def scanner_from(text: str) -> tuple[Scanner, ...]:
    """Return the scanners of a key of SCANNERS or of a config file.

    Raises:
        ValueError: The text is neither, or `load_scanners` raises it.
    """
    if text in SCANNERS:
        return SCANNERS[text]
    if not Path(text).is_file():
        raise ValueError(
            f'scanner {text!r} is unknown. Choose one of {", ".join(SCANNERS)} or name an existing '
            'config file.'
        )
    return load_scanners(text)


def load_scanners(path: str) -> tuple[Scanner, ...]:
    """Load scanners from a config file: `scanner = dict(base='sixray_grey', photons=50_000)`.

    `base` is a key of SCANNERS. All other keys override its settings. If the base has several
    scanners, they are overridden in each. A list of such dicts defines several scanners, which are
    chosen by weight.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not readable or does not define a scanner, or a base, setting or
            value is invalid.
    """
    described = _config(path).get('scanner')
    changes: list[Any] = described if isinstance(described, list) else [described]
    if not changes or not all(isinstance(change, dict) for change in changes):
        raise ValueError(
            f"{path} does not define a scanner. It needs scanner = dict(base='sixray', ...) with "
            'the settings that differ from the base.'
        )
    settings = [field.name for field in fields(Scanner)]
    machines: list[Scanner] = []
    for change in changes:
        overrides = {key: _frozen(value) for key, value in change.items() if key != 'base'}
        unknown = [key for key in overrides if key not in settings]
        if unknown:
            raise ValueError(
                f'{path}: scanners do not have the settings {", ".join(unknown)}. Choose from '
                f'{", ".join(settings)}.'
            )
        try:
            bases = known_scanners(str(change.get('base', 'none')))
            for key, value in overrides.items():
                example = getattr(bases[0], key)
                if not _has_type_of(value, example) or (key in _PAIRS and len(value) != 2):
                    raise ValueError(f'{key}={value!r} must have the form of {example!r}.')
            machines += [replace(base, **overrides) for base in bases]
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from error
    return tuple(machines)


def _config(path: str) -> Mapping[str, Any]:
    from mmengine.config import Config

    try:
        config: Config = Config.fromfile(path)
    except FileNotFoundError:
        raise
    except Exception as error:  # a config is code and may raise anything
        reason = ' '.join(f'{type(error).__name__}: {error}'.split())
        raise ValueError(f'{path} is not a readable config file ({reason}). Fix it.') from error
    return config


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list | tuple) else value


def _has_type_of(value: Any, example: Any) -> bool:
    """Return whether both are numbers, both are strings, or both are sequences of the same type."""
    if isinstance(example, tuple):
        return isinstance(value, tuple) and all(_has_type_of(v, example[0]) for v in value)
    if isinstance(example, str):
        return isinstance(value, str)
    return isinstance(value, int | float)
