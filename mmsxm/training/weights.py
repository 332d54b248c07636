"""Bring weights of other makers into the keys of a backbone of mmpretrain."""

from collections.abc import Collection, Mapping

from torch import Tensor, nn

PREFIXES = ('module.', 'state_dict.', 'backbone.', 'features.')
COUNTER = 'num_batches_tracked'  # of batch normalization; old files lack it, and nothing reads it


def _bare(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Strip wrappers' prefixes, and leave out batch normalization's step counters."""
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
    """Give the tensors of ``source`` the keys of a backbone.

    By name where all names are there, also names of earlier versions that the backbone translates
    when it loads them; otherwise by order, where kind (the last part of the name) and shape have to
    agree at every step. What follows in ``source``, such as ImageNet's classifier, is left out.

    Args:
        source: The file's tensors.
        backbone: Its weights are overwritten.
        optional: Keys of the backbone that ``source`` may lack.

    Raises:
        ValueError: neither way fits; names the first tensor that does not.
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
    """Load what fits, and return the keys that nothing was found for."""
    try:
        missing = backbone.load_state_dict(source, strict=False).missing_keys
    except RuntimeError:  # other shapes: nothing counts
        missing = list(backbone.state_dict())
    return {key for key in missing if not key.endswith(COUNTER)}


def _in_order(source: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if len(source) < len(wanted):
        raise ValueError(f'The file holds {len(source)} tensors, the backbone has {len(wanted)}.')
    matched = {}
    for (theirs, value), (ours, own) in zip(source.items(), wanted.items(), strict=False):
        if value.shape != own.shape or theirs.split('.')[-1] != ours.split('.')[-1]:
            raise ValueError(
                f'{ours} {tuple(own.shape)} of the backbone would get {theirs} '
                f'{tuple(value.shape)} of the file: these are weights of another network.'
            )
        matched[ours] = value
    return matched
