"""Registries of ``mmsxm``, each a child of the registry of mmpretrain.

Configs set ``default_scope='mmpretrain'`` and write our types with their scope, as in
``type='mmsxm.SXMNet'``. A lookup from any registry in the tree then finds them, and types of
mmpretrain, mmcv and mmengine keep their plain names.
"""

import logging
import warnings
from typing import Any

from mmsxm import compat

compat.apply()  # before mmpretrain, which imports torchvision

from mmengine.logging import print_log  # noqa: E402
from mmengine.registry import Registry  # noqa: E402
from mmpretrain import registry as mmpretrain_registry  # noqa: E402

__all__ = [
    'DATASETS',
    'HOOKS',
    'METRICS',
    'MODELS',
    'OPTIM_WRAPPERS',
    'OPTIM_WRAPPER_CONSTRUCTORS',
    'TRANSFORMS',
    'keep_old_name',
]

MODELS = Registry(
    'model', parent=mmpretrain_registry.MODELS, scope='mmsxm', locations=['mmsxm.models']
)
DATASETS = Registry(
    'dataset', parent=mmpretrain_registry.DATASETS, scope='mmsxm', locations=['mmsxm.datasets']
)
TRANSFORMS = Registry(
    'transform',
    parent=mmpretrain_registry.TRANSFORMS,
    scope='mmsxm',
    locations=['mmsxm.datasets.transforms'],
)
METRICS = Registry(
    'metric', parent=mmpretrain_registry.METRICS, scope='mmsxm', locations=['mmsxm.evaluation']
)
HOOKS = Registry(
    'hook', parent=mmpretrain_registry.HOOKS, scope='mmsxm', locations=['mmsxm.engine']
)
OPTIM_WRAPPERS = Registry(
    'optimizer wrapper',
    parent=mmpretrain_registry.OPTIM_WRAPPERS,
    scope='mmsxm',
    locations=['mmsxm.engine'],
)
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    'optimizer wrapper constructor',
    parent=mmpretrain_registry.OPTIM_WRAPPER_CONSTRUCTORS,
    scope='mmsxm',
    locations=['mmsxm.engine'],
)


def keep_old_name(registry: Registry, old: str, cls: type) -> None:
    """Register a renamed class under its old name as well, for one release.

    User configs may contain the old name. Building the class by that name logs a warning.
    """

    def warn_and_build(self: Any, *args: Any, **kwargs: Any) -> None:
        message = f'mmsxm.{old} is now called mmsxm.{cls.__name__}. Change the type in your config.'
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        print_log(message, 'current', logging.WARNING)  # Python hides the warning from users
        cls.__init__(self, *args, **kwargs)  # type: ignore[misc]

    registry.register_module(name=old, module=type(old, (cls,), {'__init__': warn_and_build}))
