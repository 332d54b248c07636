"""Bring weights of other makers into the keys of a backbone of mmpretrain."""

from collections.abc import Mapping

from torch import Tensor

PREFIXES = ('module.', 'state_dict.', 'backbone.', 'features.')


def _bare(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Strip wrappers' prefixes, and leave out batch normalisation's step counters."""
    bare = {}
    for key, value in state_dict.items():
        for prefix in PREFIXES:
            key = key.removeprefix(prefix)
        if isinstance(value, Tensor) and not key.endswith('num_batches_tracked'):
            bare[key] = value
    return bare


def match_weights(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors of ``source`` the keys of ``target``.

    By name where all names are there; otherwise by order, where kind (the last part of the name)
    and shape have to agree at every step. What follows in ``source``, such as ImageNet's
    classifier, is left out.

    Raises:
        ValueError: neither way fits; names the first tensor that does not.
    """
    source = _bare(source)
    wanted = {k: v for k, v in target.items() if not k.endswith('num_batches_tracked')}
    if all(key in source and source[key].shape == value.shape for key, value in wanted.items()):
        return {key: source[key] for key in wanted}
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
