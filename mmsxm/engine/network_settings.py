"""Which settings of a config's ``model`` decide the results of a trained network.

Weights of one network may fit another, tensor by tensor, and give other scores there: the plain
product and the normalized refinement have the same keys. Training stores its config in the
checkpoint as text, so inference can compare.
"""

import contextlib
import hashlib
import inspect
import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.logging import print_log
from torch import Tensor, nn

from mmsxm.engine.checkpoints import unused_keys
from mmsxm.io.safe_parsing import parse_setting, printable
from mmsxm.registry import MODELS

__all__ = [
    'TRAINING_ONLY',
    'complete_model',
    'differing_settings',
    'require_no_unused_weights',
    'require_same_settings',
    'result_settings',
    'settings_digest',
    'trained_model',
    'without_pretrained_weights',
]

# settings that a trained network does not read when it predicts, wherever they occur; so are all
# whose name begins with "loss"
TRAINING_ONLY = frozenset(
    {
        'batch_augments',
        'checkpoint_path',
        'drop_path_rate',
        'drop_rate',
        'frozen',
        'frozen_stages',
        'init_cfg',
        'norm_eval',
        'pretrained',
        'requires_grad',
        'thr',  # thresholds come with the calibration
        'to_onehot',
        'topk',
        'train_cfg',
        'with_cp',
    }
)
PRETRAINED = ('init_cfg', 'pretrained', 'checkpoint_path')
# classes that differ in training alone, by the one that they are compared as
SAME_RESULTS = {'SyncBatchNorm': 'BatchNorm2d'}
SHOWN = 3  # differences in a message
LONGEST = 80  # characters of a value in a message
MISSING = object()  # in place of a setting that is not given
ADVICE = (
    'Use the config that it was trained with; the work directory of the training contains a copy.'
)


def result_settings(model: Mapping[str, Any]) -> dict[str, Any]:
    """Reduce a ``model`` to what decides its results, in a form that can be compared.

    Settings that only training reads (:data:`TRAINING_ONLY`) and those that equal the default of
    their class are left out, types are the names of the classes that they resolve to, and tuples
    are lists.
    """
    model = dict(model)
    preprocessor = model.get('data_preprocessor') or {}
    if isinstance(preprocessor, Mapping):  # mmpretrain's classifiers fill in its type
        model['data_preprocessor'] = {'type': 'ClsDataPreprocessor', **preprocessor}
    reduced: dict[str, Any] = _reduce(model)
    return reduced


def _reduce(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_reduce(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)  # 1 and 1.0 are one setting
    if not isinstance(value, Mapping):
        return value
    kind = value.get('type')
    built = _registered(kind) if isinstance(kind, str) else kind
    defaults = _defaults(built)
    reduced = {
        key: _reduce(each)
        for key, each in value.items()
        if key != 'type' and key not in TRAINING_ONLY and not str(key).startswith('loss')
    }
    reduced = {
        key: each
        for key, each in reduced.items()
        if key not in defaults or each != _reduce(defaults[key])
    }
    if kind is not None:
        name = str(getattr(built, '__name__', kind))
        reduced['type'] = SAME_RESULTS.get(name, name)
    return reduced


def _registered(kind: str) -> Any:
    """Return the class of a type's name, None if there is none.

    The registry's own lookup imports what a dotted name asks for, and this name may come from a
    stranger's checkpoint.
    """
    name, registry = kind.rsplit('.', 1)[-1], MODELS
    while registry is not None:
        if name in registry.module_dict:
            return registry.module_dict[name]
        registry = registry.parent
    return None


def _defaults(built: Any) -> dict[str, Any]:
    if built is None:
        return {}
    try:
        parameters = inspect.signature(built).parameters.values()
    except (TypeError, ValueError):  # a class without a readable signature
        return {}
    return {each.name: each.default for each in parameters if each.default is not each.empty}


def differing_settings(
    one: Mapping[str, Any], other: Mapping[str, Any], prefix: str = 'model'
) -> Iterator[tuple[str, Any, Any]]:
    """Yield the dotted name and both values of each setting in which two reduced models differ."""
    if one.get('type') != other.get('type'):  # the settings of two classes do not compare
        yield f'{prefix}.type', one.get('type', MISSING), other.get('type', MISSING)
        return
    for key in sorted({*one, *other}, key=str):
        name, a, b = f'{prefix}.{key}', one.get(key, MISSING), other.get(key, MISSING)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            yield from differing_settings(a, b, name)
        elif a != b:
            yield name, a, b


def complete_model(config: Mapping[str, Any]) -> Any:
    """Return the ``model`` of a config with its preprocessor.

    mmpretrain's configs set ``data_preprocessor`` beside the model, and the runner puts it inside.
    """
    model, preprocessor = config['model'], config.get('data_preprocessor')
    if preprocessor is None or not isinstance(model, Mapping) or model.get('data_preprocessor'):
        return model
    return {**model, 'data_preprocessor': preprocessor}


def require_no_unused_weights(
    network: nn.Module, state_dict: Mapping[str, Tensor], config: str, checkpoint: str
) -> None:
    """Refuse a checkpoint with parts that a network lacks; they would be left out silently.

    Args:
        network: That the checkpoint is loaded into.
        state_dict: Of the checkpoint.
        config: Names the config in the message.
        checkpoint: Names the checkpoint in the message.

    Raises:
        ValueError: There are such parts.
    """
    if unused := unused_keys(network, state_dict):
        raise ValueError(
            f'{checkpoint} was trained as another network than {config}: {len(unused)} of its '
            f'tensors do not exist there, first {unused[0]}. {ADVICE}'
        )


def require_same_settings(
    model: Mapping[str, Any], trained: Mapping[str, Any], config: str, checkpoint: str
) -> None:
    """Compare the ``model`` of a config with the one that a checkpoint was trained with.

    Args:
        model: Of the config.
        trained: Of the config that the checkpoint contains.
        config: Names the config in the message.
        checkpoint: Names the checkpoint in the message.

    Raises:
        ValueError: They differ in a setting that changes results.
    """
    found = list(differing_settings(result_settings(model), result_settings(trained)))
    if not found:
        return
    shown = '; '.join(
        f'{name} is {_text(theirs)} in the checkpoint and {_text(ours)} in the config'
        for name, ours, theirs in found[:SHOWN]
    )
    more = f'; and {len(found) - SHOWN} more' if len(found) > SHOWN else ''
    raise ValueError(
        f'{checkpoint} was trained as another network than {config}: {shown}{more}. {ADVICE}'
    )


def _text(value: Any) -> str:
    if value is MISSING:
        return 'not set'
    shown = value.get('type', value) if isinstance(value, Mapping) else value
    return printable(str(shown))[:LONGEST]  # it may come from a stranger's checkpoint


def trained_model(meta: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the ``model`` of the config in a checkpoint's ``meta``.

    None if there is none, as in a file of weights, or if its text cannot be read, which is logged.
    """
    text = meta.get('cfg')
    if not isinstance(text, str):
        return None
    try:
        model = parse_setting(text, 'model')
        with contextlib.suppress(KeyError):
            preprocessor = parse_setting(text, 'data_preprocessor')
            model = complete_model({'model': model, 'data_preprocessor': preprocessor})
    except KeyError:
        return None
    except ValueError as error:
        print_log(
            f'The config in the checkpoint cannot be compared: {error}.', 'current', logging.WARNING
        )
        return None
    return model if isinstance(model, dict) else None


def settings_digest(model: Mapping[str, Any], preparation: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a config contributes to results: network and input."""
    settings = {'model': result_settings(model), 'preparation': preparation}
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()


def without_pretrained_weights(model: Any) -> Any:
    """Return a ``model`` whose parts load or download no weights while they are built.

    A timm backbone with ``pretrained=True`` would fetch ImageNet weights only to have them
    replaced by those of the checkpoint.
    """
    if isinstance(model, list | tuple):
        return type(model)(without_pretrained_weights(each) for each in model)
    if not isinstance(model, Mapping):
        return model
    return {
        key: (False if isinstance(value, bool) else None)
        if key in PRETRAINED
        else without_pretrained_weights(value)
        for key, value in model.items()
    }
