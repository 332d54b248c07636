"""Options of the command line: checked against what they set, then merged into a config.

mmengine merges whatever it is given. A misspelled option then fails deep inside of a class, or
changes nothing at all.
"""

import difflib
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mmengine import registry as mmengine_registry
from mmengine import runner as mmengine_runner
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from mmpretrain import registry as mmpretrain_registry
from torch.utils.data import DataLoader

__all__ = ['merge_options']

Path = tuple[str, ...]
Runner, TrainLoop = mmengine_runner.Runner, mmengine_runner.EpochBasedTrainLoop

# mmpretrain's registries replace their parents in mmengine, which have the same names
REGISTRIES = {
    node.name: node
    for module in (mmengine_registry, mmpretrain_registry)
    for node in vars(module).values()
    if isinstance(node, mmengine_registry.Registry)
}
# what is built from a place without a type
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
# what is read from a place beside the parameters of its class
ALSO_READ: dict[type, tuple[str, ...]] = {
    Runner: (
        'activation_checkpointing',
        'compile',
        'custom_imports',
        'efficient_conv_bn_eval',
        'find_unused_parameters',
        'input_size',
        'model_wrapper_cfg',
        'sync_bn',
        'tta_model',
        'tta_pipeline',
    ),
    OptimWrapper: ('constructor', 'optimizer', 'paramwise_cfg'),
    TrainLoop: ('by_epoch',),
    mmengine_runner.IterBasedTrainLoop: ('by_epoch',),
    DataLoader: ('disable_subprocess_warning', 'num_batch_per_epoch'),
    Hook: ('priority',),
}
MARKS = {'type', '_scope_', '_delete_'}  # of any place
BY_EPOCH = ('train_cfg', 'by_epoch')
CLOSE = 0.85  # similarity of names from which it is a typo, though other names may be valid
SHOWN = 4  # places in a message


def merge_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Merge ``{'train_cfg.max_epochs': 30}`` and the like into a config, in place.

    Where an option replaces a type, settings that the new class does not take are dropped.

    Raises:
        ValueError: An option sets something that nothing reads.
    """
    given = dict(_leaves(options))
    check = _Check(cfg.to_dict(), given)
    for path in given:
        check.refuse_unread(path)
    outdated = {path[:-1]: check.outdated(path[:-1]) for path in given if path[-1] == 'type'}
    for path in given:
        _replace_none(cfg, path)
    cfg.merge_from_dict(dict(options))
    for place, names in outdated.items():
        node = _at(cfg, place)
        for name in names:
            del node[name]
        if names:
            print_log(
                f'{".".join(place)}: dropped {", ".join(names)}, which {node["type"]} does not '
                'take.',
                'current',
            )


def _leaves(options: Mapping[str, Any], place: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Split names of options at their dots, and dicts among their values."""
    for name, value in options.items():
        path = (*place, *name.split('.'))
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, path)
        else:
            yield path, value


def _at(cfg: Any, path: Sequence[str]) -> Any:
    """Return what is at a path of a config, None if there is nothing."""
    for key in path:
        if isinstance(cfg, list) and key.isdigit() and int(key) < len(cfg):
            cfg = cfg[int(key)]
        elif isinstance(cfg, Mapping | Config):
            cfg = cfg.get(key)
        else:
            return None
    return cfg


def _replace_none(cfg: Config, path: Path) -> None:
    """Make each None on the way to a setting a dict: mmengine merges into nothing else."""
    for depth in range(1, len(path)):
        above, key = _at(cfg, path[: depth - 1]), path[depth - 1]
        if isinstance(above, dict | Config) and key in above and above[key] is None:
            above[key] = {}


class _Settings(NamedTuple):
    """What a place of a config may set; nothing else if ``closed``."""

    owner: str
    names: set[str]
    closed: bool


class _Check:
    """Options beside the config that they are merged into.

    Args:
        cfg: The config, as plain dicts and lists.
        given: The options' values by path.
    """

    def __init__(self, cfg: dict[str, Any], given: Mapping[Path, Any]) -> None:
        self.cfg = cfg
        self.given = given
        self.by_epoch = given.get(BY_EPOCH, _at(cfg, BY_EPOCH)) is not False

    def refuse_unread(self, path: Path) -> None:
        """Follow an option through the config.

        Raises:
            ValueError: It leads to something that nothing reads.
        """
        option = '.'.join(path)
        for depth, key in enumerate(path):
            place, name = path[:depth], '.'.join(path[:depth])
            node = _at(self.cfg, place)
            if isinstance(node, list) or (node is None and key.isdigit()):
                entries = node or []
                if not (key.isdigit() and int(key) < len(entries)):
                    raise ValueError(
                        f'{option}: {name} has {len(entries)} entries. Options can change an '
                        'existing entry by its number, counted from 0, but not add one.'
                    )
                if (
                    depth == len(path) - 1
                    and isinstance(entries[int(key)], Mapping)
                    and not isinstance(self.given[path], Mapping)
                ):
                    raise ValueError(
                        f'{option}: this entry has settings of its own. Set one of them, such as '
                        f'{option}.{next(iter(entries[int(key)]), "type")}.'
                    )
                continue
            if node is not None and not isinstance(node, Mapping):
                raise ValueError(
                    f'{option}: {name} is {node!r}, which has no settings. Set {name} itself.'
                )
            settings = self.settings(place)
            present = set() if node is None or self.replaces(place) else set(node)
            if not place and key in present - settings.names:
                self._refuse_variable(path)
            if key in present | settings.names:
                continue
            cutoff = 0.6 if settings.closed else CLOSE
            close = difflib.get_close_matches(key, present | settings.names, n=1, cutoff=cutoff)
            if settings.closed or close:
                raise ValueError(
                    f'{option}: {settings.owner} has no setting {key}. '
                    + self._hint(path, depth, close, settings.names - MARKS)
                )

    def _hint(self, path: Path, depth: int, close: Sequence[str], names: set[str]) -> str:
        if close and (depth or close[0] in names):
            places = ['.'.join((*path[:depth], close[0], *path[depth + 1 :]))]
        else:  # what stands elsewhere, perhaps by a variable of nearly that name
            places = self.places(close[0] if close else path[depth])
        if places:
            return f'Did you mean {" or ".join(places[:SHOWN])}?'
        return f'Its settings are {", ".join(sorted(names))}.' if names else 'It has no settings.'

    def _refuse_variable(self, path: Path) -> None:
        """Refuse what a config file only puts other settings together from."""
        option, (name, *rest) = '.'.join(path), path
        value = self.cfg[name]
        if places := self.places(name, value):
            if isinstance(value, dict):
                places = ['.'.join((place, *rest)) for place in places]
            raise ValueError(
                f'{option}: {name} is a variable of the config file. It is already in place, and '
                f'changing it has no effect: set {", ".join(places[:SHOWN])}.'
            )
        print_log(
            f'{option} may have no effect: neither mmengine nor another setting reads {name}.',
            'current',
            logging.WARNING,
        )

    def places(self, name: str, value: Any = None) -> list[str]:
        """List where the settings that a runner reads have this name, or were made from a value."""
        parts = [part for part in (value if isinstance(value, list) else ()) if part]

        def walk(node: Any, place: Path) -> Iterator[Path]:
            entries: Any = enumerate(node) if isinstance(node, list) else ()
            for key, each in node.items() if isinstance(node, dict) else entries:
                path = (*place, str(key))
                if path in self.given:
                    continue
                if key == name or _is_made_from(each, value):
                    yield path
                elif isinstance(each, dict) and each in parts:  # of a list beside other parts
                    yield path if len(parts) == 1 else place
                else:
                    yield from walk(each, path)

        read = self.settings(()).names
        found = walk({key: each for key, each in self.cfg.items() if key in read}, ())
        return list(dict.fromkeys('.'.join(path) for path in found))

    def type_of(self, place: Path) -> Any:
        """Return the type that a place will have, None if it has none."""
        node = _at(self.cfg, place)
        before = node.get('type') if isinstance(node, Mapping) else None
        return self.given.get((*place, 'type'), before)

    def replaces(self, place: Path) -> bool:
        """Whether options put something else in a place than the config has there."""
        node = _at(self.cfg, place)
        before = node.get('type') if isinstance(node, Mapping) else None
        other = before is not None and before != self.type_of(place)
        return other or bool(self.given.get((*place, '_delete_')))

    def outdated(self, place: Path) -> list[str]:
        """List what a place sets and its new type does not take."""
        settings, node = self.settings(place), _at(self.cfg, place)
        if not self.replaces(place) or not settings.closed or (*place, '_delete_') in self.given:
            return []
        return [key for key in node if key not in settings.names]

    def settings(self, place: Path) -> _Settings:
        """Return what a place may set, by the class that is built from it."""
        name = '.'.join(place)
        kind = self.type_of(place) or DEFAULT_TYPES.get(name)
        if kind is TrainLoop and not self.by_epoch:
            kind = mmengine_runner.IterBasedTrainLoop
        kinds = _registered(kind) if isinstance(kind, str) else [kind] if kind else []
        names, closed = set(MARKS), bool(kinds)
        for each in kinds:
            own, complete = _parameters(each)
            names |= own
            closed &= complete
            for base, also in ALSO_READ.items():
                if inspect.isclass(each) and issubclass(each, base):
                    names |= set(also)
        owner = name or 'the config'
        if place and kinds and inspect.isclass(kinds[0]):
            owner = kinds[0].__name__
        return _Settings(owner, names, closed)


def _is_made_from(node: Any, value: Any) -> bool:
    """Whether a list or dict is another one, or a dict holds all of it, as by ``**value``."""
    if not value or not isinstance(value, dict | list):
        return False
    if isinstance(node, dict) and isinstance(value, dict):
        return all(key in node and node[key] == each for key, each in value.items())
    return bool(node == value)


def _registered(name: str) -> list[Callable[..., Any]]:
    """Find the classes and functions that registries have under a name, or a path of modules."""
    found: list[Callable[..., Any]] = []
    for node in REGISTRIES.values():
        try:
            kind = node.get(name)
        except (KeyError, RuntimeError):  # mmengine's, for names that it cannot look up
            continue
        if kind is not None and kind not in found:
            found.append(kind)
    return found


def _parameters(kind: Callable[..., Any]) -> tuple[set[str], bool]:
    """Return the parameters of a class or function, and whether it takes no others.

    A class that takes ``**kwargs`` may pass them on to its bases, whose parameters count too.
    """
    makers: list[Any] = [kind]
    if inspect.isclass(kind):
        inits = [vars(base).get('__init__') for base in kind.__mro__ if base is not object]
        makers = [init for init in inits if init is not None]
    names: set[str] = set()
    for number, maker in enumerate(makers):
        try:
            found = inspect.signature(maker).parameters.values()
        except (TypeError, ValueError):  # has none, or is written in C
            return names, False
        names |= {p.name for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        if all(p.kind != p.VAR_KEYWORD for p in found):
            return names - {'self'}, number == 0
    return names - {'self'}, not makers
