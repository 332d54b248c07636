"""Rename the weights of other libraries to the keys of an mmpretrain backbone."""

from collections.abc import Collection, Mapping

from torch import Tensor, nn

PREFIXES = ('module.', 'state_dict.', 'backbone.', 'features.')
COUNTER = 'num_batches_tracked'  # of batch normalization; old files lack it, and nothing reads it


def _bare(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Remove prefixes of wrappers, and drop the step counters of batch normalization."""
    bare = {}
    for key, value in state_dict.items():
        for prefix in PREFIXES:
            key = key.removeprefix(prefix)
        if isinstance(value, Tensor) and not key.endswith(COUNTER):
            bare[key] = value
    return bare


def match_weights(
    source: Mapping[str, Tensor], backbone: nn.Module, optional: Collection[str] = ()
) -> dict[str, Tensor]:
    """Return the tensors of ``source`` under the keys of a backbone.

    Tensors are matched by name if all names exist, including names of earlier versions that the
    backbone translates when it loads them. Otherwise they are matched by order, and the kind (the
    last part of the name) and shape of each tensor must agree. Tensors that follow in ``source``,
    such as the ImageNet classifier, are dropped.

    Args:
        source: Tensors of the file.
        backbone: Backbone to match; its weights are overwritten.
        optional: Keys of the backbone that ``source`` may lack.

    Raises:
        ValueError: Neither way matches. The message names the first tensor that does not.
    """
    source = _bare(source)
    target = {k: v for k, v in backbone.state_dict().items() if not k.endswith(COUNTER)}
    missing = _load_by_name(source, backbone)
    if missing <= set(optional):
        return {key: value for key, value in target.items() if key not in missing}
    try:
        return _in_order(source, target)
    except ValueError:
        if not optional:
            raise
        return _in_order(source, {k: v for k, v in target.items() if k not in optional})


def _load_by_name(source: Mapping[str, Tensor], backbone: nn.Module) -> set[str]:
    """Load the tensors that match, and return the keys without a tensor."""
    try:
        missing = backbone.load_state_dict(source, strict=False).missing_keys
    except RuntimeError:  # shapes differ: no tensor counts as loaded
        missing = list(backbone.state_dict())
    return {key for key in missing if not key.endswith(COUNTER)}


def _in_order(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if len(source) < len(target):
        raise ValueError(
            f'The file contains {len(source)} tensors, but the backbone has {len(target)}. Use the '
            'weights of this backbone.'
        )
    matched = {}
    for (source_key, value), (key, current) in zip(source.items(), target.items(), strict=False):
        if value.shape != current.shape or source_key.split('.')[-1] != key.split('.')[-1]:
            raise ValueError(
                f'{key} {tuple(current.shape)} of the backbone does not match {source_key} '
                f'{tuple(value.shape)} of the file, which contains weights of another network. Use '
                'the weights of this backbone.'
            )
        matched[key] = value
    return matched
