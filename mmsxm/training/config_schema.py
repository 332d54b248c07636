"""Settings that each place of a config may contain, by the class that is built from it."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mmengine import runner as mmengine_runner
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from torch.utils.data import DataLoader

from mmsxm.engine.signatures import find_types, read_parameters

__all__ = ['MARKS', 'ConfigSchema', 'Path', 'Settings', 'value_at']

Path = tuple[str, ...]
Runner, TrainLoop = mmengine_runner.Runner, mmengine_runner.EpochBasedTrainLoop

# types of the places that have none in configs
DEFAULT_TYPES: dict[str, Any] = {
    '': Runner,
    'model.data_preprocessor': 'ClsDataPreprocessor',
    'optim_wrapper': OptimWrapper,
    'train_cfg': TrainLoop,
    'val_cfg': mmengine_runner.ValLoop,
    'test_cfg': mmengine_runner.TestLoop,
    'train_dataloader': DataLoader,
    'val_dataloader': DataLoader,
    'test_dataloader': DataLoader,
    'log_processor': mmengine_runner.LogProcessor,
    'randomness': Runner.set_randomness,
}
# settings that are read from a place in addition to the parameters of its class
ALSO_READ: dict[type, tuple[str, ...]] = {
    Runner: (
        'activation_checkpointing',
        'compile',
        'custom_imports',
        'efficient_conv_bn_eval',
        'find_unused_parameters',
        'input_size',
        'model_wrapper_cfg',
        'pseudo_color',
        'sync_bn',
        'tta_model',
        'tta_pipeline',
        'window',
    ),
    OptimWrapper: ('constructor', 'optimizer', 'paramwise_cfg'),
    TrainLoop: ('by_epoch',),
    mmengine_runner.IterBasedTrainLoop: ('by_epoch',),
    DataLoader: ('disable_subprocess_warning', 'num_batch_per_epoch'),
    Hook: ('priority',),
}
MARKS = {'type', '_scope_', '_delete_'}  # valid in every place
BY_EPOCH = ('train_cfg', 'by_epoch')


def value_at(cfg: Any, path: Sequence[str]) -> Any:
    """Return the value at a path of a config; None if there is none."""
    for key in path:
        if isinstance(cfg, list) and key.isdigit() and int(key) < len(cfg):
            cfg = cfg[int(key)]
        elif isinstance(cfg, Mapping | Config):
            cfg = cfg.get(key)
        else:
            return None
    return cfg


class Settings(NamedTuple):
    """Names of the settings that a place of a config may contain; others are invalid if ``closed``.

    ``owner`` names the class or place in messages.
    """

    owner: str
    names: set[str]
    closed: bool


class ConfigSchema:
    """Schema of a config after options are merged into it.

    Args:
        cfg: The config, as plain dicts and lists.
        options: The values of the options by path.
    """

    def __init__(self, cfg: dict[str, Any], options: Mapping[Path, Any]) -> None:
        self.cfg = cfg
        self.options = options
        self.by_epoch = options.get(BY_EPOCH, value_at(cfg, BY_EPOCH)) is not False

    def type_of(self, place: Path) -> Any:
        """Return the type that a place will have; None if it has none."""
        return self.options.get((*place, 'type'), self._current_type(place))

    def replaces(self, place: Path) -> bool:
        """Return whether the options replace the contents of a place."""
        current = self._current_type(place)
        is_new_type = current is not None and current != self.type_of(place)
        return is_new_type or bool(self.options.get((*place, '_delete_')))

    def outdated(self, place: Path) -> list[str]:
        """Return the current settings of a place that its new type does not accept."""
        settings, node = self.settings(place), value_at(self.cfg, place)
        is_deleted = (*place, '_delete_') in self.options
        if not self.replaces(place) or not settings.closed or is_deleted:
            return []
        return [key for key in node if key not in settings.names]

    def settings(self, place: Path) -> Settings:
        """Return the settings that a place may contain."""
        name = '.'.join(place)
        kind = self.type_of(place) or DEFAULT_TYPES.get(name)
        if kind is TrainLoop and not self.by_epoch:
            kind = mmengine_runner.IterBasedTrainLoop
        kinds = find_types(kind) if isinstance(kind, str) else [kind] if kind else []
        names, closed = set(MARKS), bool(kinds)
        for each in kinds:
            parameters = read_parameters(each)
            names |= parameters.names
            closed &= parameters.complete
            for base, more in ALSO_READ.items():
                if inspect.isclass(each) and issubclass(each, base):
                    names |= set(more)
        owner = name or 'the config'
        if place and kinds and inspect.isclass(kinds[0]):
            owner = kinds[0].__name__
        return Settings(owner, names, closed)

    def _current_type(self, place: Path) -> Any:
        node = value_at(self.cfg, place)
        return node.get('type') if isinstance(node, Mapping) else None
