"""Registered classes and functions, and the parameters that they accept."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from mmengine import registry as mmengine_registry
from mmpretrain import registry as mmpretrain_registry

from mmsxm.registry import MODELS

__all__ = ['Parameters', 'find_model', 'find_types', 'read_defaults', 'read_parameters']

# the registries of mmpretrain replace their parents in mmengine, which have the same names
REGISTRIES = {
    node.name: node
    for module in (mmengine_registry, mmpretrain_registry)
    for node in vars(module).values()
    if isinstance(node, mmengine_registry.Registry)
}


class Parameters(NamedTuple):
    """Names of the parameters of a class or function; ``complete`` if it accepts no others."""

    names: set[str]
    complete: bool


def find_types(name: str) -> list[Callable[..., Any]]:
    """Return the classes and functions that registries have under a name, or a dotted path.

    The lookup imports the module of a dotted path, so use it only for trusted names.
    """
    found: list[Callable[..., Any]] = []
    for node in REGISTRIES.values():
        try:
            kind = node.get(name)
        except (KeyError, RuntimeError):  # mmengine raises these for unknown names
            continue
        if kind is not None and kind not in found:
            found.append(kind)
    return found


def find_model(name: str) -> Any:
    """Return the model class of a name without importing anything; None if there is none.

    Use it for names from untrusted checkpoints: the registry's own lookup imports the module of a
    dotted name.
    """
    name, registry = name.rsplit('.', 1)[-1], MODELS
    while registry is not None:
        if name in registry.module_dict:
            return registry.module_dict[name]
        registry = registry.parent
    return None


def read_defaults(kind: Any) -> dict[str, Any]:
    """Return the default values of a class or function, without those of base classes."""
    parameters = _signature(kind) or []
    return {each.name: each.default for each in parameters if each.default is not each.empty}


def read_parameters(kind: Callable[..., Any]) -> Parameters:
    """Return the parameters of a class or function.

    A class that accepts ``**kwargs`` may pass them on to its base classes, whose parameters are
    included.
    """
    functions: list[Any] = [kind]
    if inspect.isclass(kind):
        inits = [vars(base).get('__init__') for base in kind.__mro__ if base is not object]
        functions = [init for init in inits if init is not None]
    names: set[str] = set()
    for index, function in enumerate(functions):
        parameters = _signature(function)
        if parameters is None:
            return Parameters(names, False)
        names |= {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        if all(p.kind != p.VAR_KEYWORD for p in parameters):
            return Parameters(names - {'self'}, index == 0)
    return Parameters(names - {'self'}, not functions)


def _signature(function: Any) -> list[inspect.Parameter] | None:
    """Return the parameters of a function; None if it has no readable signature."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # not callable, or written in C
        return None
