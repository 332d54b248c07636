"""The mapping of gray values and energies to pixels, one setting for all pipelines of a config.

``window = (low, high)`` and ``pseudo_color = 'opixray'`` are settings of a config. A checkpoint
contains its config, and therefore the mapping that its network was trained with.
"""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from mmsxm.engine.input_size import pipelines
from mmsxm.imaging.pixel_mapping import SETTINGS, PixelMapping
from mmsxm.io.safe_parsing import parse_setting

__all__ = [
    'LOADER',
    'adopt_trained_mapping',
    'config_mapping',
    'mapping_text',
    'require_trained_mapping',
    'set_pixel_mapping',
    'trained_mapping',
]

LOADER = 'mmsxm.LoadXrayImage'


def config_mapping(cfg: Config) -> PixelMapping:
    """Return the mapping of a config.

    Raises:
        ValueError: A setting is invalid.
    """
    return PixelMapping.from_dict({key: cfg[key] for key in SETTINGS if key in cfg})


def set_pixel_mapping(cfg: Config) -> None:
    """Give all pipelines of a config its ``window`` and ``pseudo_color``, in place.

    A default that the config sets also replaces a setting of the pipelines.

    Raises:
        ValueError: A setting is invalid, or is not the default and a pipeline does not have one
            LoadXrayImage.
    """
    if not any(name in cfg for name in SETTINGS):
        return
    settings = config_mapping(cfg).to_dict()
    for place, pipeline in pipelines(cfg).items():
        loaders = [transform for transform in pipeline or () if transform.type == LOADER]
        if settings and len(loaders) != 1:
            raise ValueError(
                f'The config sets {" and ".join(settings)}, so each pipeline needs exactly one '
                f'{LOADER}, but {place} has {len(loaders)}. Replace LoadImageFromFile with it. A '
                'wrapped dataset has its own pipeline.'
            )
        for loader in loaders:
            for name in SETTINGS:  # without the defaults, the digest stays that of earlier configs
                loader.pop(name, None)
            loader.update(settings)


def trained_mapping(meta: Mapping[str, Any]) -> PixelMapping | None:
    """Return the mapping in the ``meta`` of a checkpoint; None if it contains no readable config.

    Raises:
        ValueError: A setting is invalid.
    """
    text = meta.get('cfg')
    if not isinstance(text, str):
        return None
    settings = {}
    for name in SETTINGS:
        try:
            settings[name] = parse_setting(text, name)
        except KeyError:
            continue
        except ValueError:
            return None
    return PixelMapping.from_dict(settings)


def require_trained_mapping(
    cfg: Config, meta: Mapping[str, Any], config: str, checkpoint: str
) -> None:
    """Compare the mapping of a config with the one that a checkpoint was trained with.

    Args:
        cfg: Config.
        meta: ``meta`` of the checkpoint.
        config: Name of the config, for the message.
        checkpoint: Name of the checkpoint, for the message.

    Raises:
        ValueError: They differ.
    """
    trained, ours = trained_mapping(meta), config_mapping(cfg)
    if trained is not None and trained != ours:
        raise ValueError(
            f'{checkpoint} was trained with {mapping_text(trained)}, but {config} has '
            f'{mapping_text(ours)}. Use the config that it was trained with: the work directory of '
            'the training run contains a copy.'
        )


def adopt_trained_mapping(
    cfg: Config, meta: Mapping[str, Any], config: str, checkpoint: str
) -> None:
    """Give a config without a mapping the one of a checkpoint, in place.

    Raises:
        ValueError: The config has another mapping, see :func:`require_trained_mapping`.
    """
    if any(name in cfg for name in SETTINGS):
        require_trained_mapping(cfg, meta, config, checkpoint)
    elif trained := trained_mapping(meta):
        cfg.update(trained.to_dict())
        set_pixel_mapping(cfg)


def mapping_text(mapping: PixelMapping) -> str:
    """Return the settings of a mapping, for messages."""
    return ', '.join(f'{name}={getattr(mapping, name)!r}' for name in SETTINGS)
