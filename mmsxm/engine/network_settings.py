"""Settings of a config's ``model`` that change the results of a trained network.

The weights of one network can match another in every tensor and still give different scores there:
the product and the normalized refinement have the same keys. Training stores its config as text in
the checkpoint, so inference can compare the settings.
"""

import contextlib
import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.logging import print_log
from torch import Tensor, nn

from mmsxm.engine.checkpoints import unused_keys
from mmsxm.engine.signatures import find_model, read_defaults
from mmsxm.io.safe_parsing import parse_setting, printable

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

# settings that a trained network does not read when it predicts, wherever they occur; those whose
# names begin with "loss" also belong to them
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
# classes that differ only in training, with the class that they are compared as
SAME_RESULTS = {'SyncBatchNorm': 'BatchNorm2d'}
MAX_SHOWN = 3  # differences in a message
MAX_LENGTH = 80  # characters of a value in a message
MISSING = object()  # stands for a setting that is not set
ADVICE = (
    'Use the config that it was trained with: the work directory of the training run contains a '
    'copy.'
)


def result_settings(model: Mapping[str, Any]) -> dict[str, Any]:
    """Reduce a ``model`` to the settings that change its results, in a comparable form.

    Settings that only training reads (:data:`TRAINING_ONLY`) and settings equal to the default of
    their class are dropped. Types become the names of their classes, and tuples become lists.
    """
    model = dict(model)
    preprocessor = model.get('data_preprocessor') or {}
    if isinstance(preprocessor, Mapping):  # classifiers of mmpretrain add this type
        model['data_preprocessor'] = {'type': 'ClsDataPreprocessor', **preprocessor}
    reduced: dict[str, Any] = _reduce(model)
    return reduced


def _reduce(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_reduce(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)  # 1 and 1.0 are the same setting
    if not isinstance(value, Mapping):
        return value
    kind = value.get('type')
    cls = find_model(kind) if isinstance(kind, str) else kind
    defaults = {} if cls is None else read_defaults(cls)
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
        name = str(getattr(cls, '__name__', kind))
        reduced['type'] = SAME_RESULTS.get(name, name)
    return reduced


def differing_settings(
    first: Mapping[str, Any], second: Mapping[str, Any], prefix: str = 'model'
) -> Iterator[tuple[str, Any, Any]]:
    """Yield the dotted name and both values of each setting that differs in two reduced models."""
    if first.get('type') != second.get('type'):  # settings of different classes are not comparable
        yield f'{prefix}.type', first.get('type', MISSING), second.get('type', MISSING)
        return
    for key in sorted({*first, *second}, key=str):
        name, a, b = f'{prefix}.{key}', first.get(key, MISSING), second.get(key, MISSING)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            yield from differing_settings(a, b, name)
        elif a != b:
            yield name, a, b


def complete_model(config: Mapping[str, Any]) -> Any:
    """Return the ``model`` of a config with its preprocessor.

    Configs of mmpretrain set ``data_preprocessor`` next to the model, and the runner moves it into
    the model.
    """
    model, preprocessor = config['model'], config.get('data_preprocessor')
    if preprocessor is None or not isinstance(model, Mapping) or model.get('data_preprocessor'):
        return model
    return {**model, 'data_preprocessor': preprocessor}


def require_no_unused_weights(
    network: nn.Module, state_dict: Mapping[str, Tensor], config: str, checkpoint: str
) -> None:
    """Reject a checkpoint with tensors that a network lacks, which would be ignored silently.

    Args:
        network: Network that loads the checkpoint.
        state_dict: Weights in the checkpoint.
        config: Name of the config, for the message.
        checkpoint: Name of the checkpoint, for the message.

    Raises:
        ValueError: The network lacks tensors of the checkpoint.
    """
    if unused := unused_keys(network, state_dict):
        raise ValueError(
            f'{checkpoint} was trained with a different network than {config}: {len(unused)} of '
            f'its tensors do not exist there, first {unused[0]}. {ADVICE}'
        )


def require_same_settings(
    model: Mapping[str, Any], trained: Mapping[str, Any], config: str, checkpoint: str
) -> None:
    """Compare the ``model`` of a config with the one that a checkpoint was trained with.

    Args:
        model: Model of the config.
        trained: Model of the config in the checkpoint.
        config: Name of the config, for the message.
        checkpoint: Name of the checkpoint, for the message.

    Raises:
        ValueError: They differ in a setting that changes results.
    """
    differences = list(differing_settings(result_settings(model), result_settings(trained)))
    if not differences:
        return
    shown = '; '.join(
        f'{name} is {_text(theirs)} in the checkpoint and {_text(ours)} in the config'
        for name, ours, theirs in differences[:MAX_SHOWN]
    )
    hidden = len(differences) - MAX_SHOWN
    more = f'; and {hidden} more' if hidden > 0 else ''
    raise ValueError(
        f'{checkpoint} was trained with a different network than {config}: {shown}{more}. {ADVICE}'
    )


def _text(value: Any) -> str:
    if value is MISSING:
        return 'not set'
    shown = value.get('type', value) if isinstance(value, Mapping) else value
    return printable(str(shown))[:MAX_LENGTH]  # may come from an untrusted checkpoint


def trained_model(meta: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the ``model`` of the config in the ``meta`` of a checkpoint.

    Return None for a file of weights only, which has no config, and for an unreadable config, which
    is logged.
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
    """Return the SHA-256 of the settings that change results: network and image preparation."""
    settings = {'model': result_settings(model), 'preparation': preparation}
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()


def without_pretrained_weights(model: Any) -> Any:
    """Return a ``model`` that loads and downloads no weights when it is built.

    A timm backbone with ``pretrained=True`` would otherwise download ImageNet weights, which the
    checkpoint then replaces.
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
