"""Names of the classes of a dataset, and their labels."""

from collections.abc import Iterable, Sequence

from mmengine.config import ConfigDict

from mmsxm.registry import DATASETS

__all__ = ['check_declared', 'check_num_classes', 'configured_classes', 'labels_by_name']


def labels_by_name(classes: Iterable[str]) -> dict[str, int]:
    """Map lowercase class names to labels.

    Annotations may spell the names in any case.
    """
    return {name.lower(): label for label, name in enumerate(classes)}


def check_declared(place: str, declared: Sequence[str], classes: Sequence[str]) -> None:
    """Check that the classes of a dataset are declared in its file, in any case.

    Raises:
        ValueError: One is not. The message starts with ``place``.
    """
    known = labels_by_name(declared)
    missing = [name for name in classes if name.lower() not in known]
    if missing:
        raise ValueError(
            f'{place} has no category {", ".join(missing)}. Its categories are '
            f'{", ".join(declared)}. Spell the classes in the config or in '
            'OWN_CLASSES as in this file.'
        )


def check_num_classes(user: str, num_classes: int, classes: Sequence[str]) -> None:
    """Compare a configured number of classes with the classes of a dataset.

    Args:
        user: Name of what was configured, for the message.
        num_classes: Its ``num_classes``.
        classes: Classes of the dataset.

    Raises:
        ValueError: They differ.
    """
    if len(classes) != num_classes:
        raise ValueError(
            f'{user} has num_classes={num_classes}, but the dataset has {len(classes)} classes '
            f'({", ".join(classes)}). Set num_classes={len(classes)}.'
        )


def configured_classes(config: ConfigDict) -> tuple[str, ...]:
    """Return the classes named in the config of a dataset, or else those of its type.

    The dataset is not built, because its images may be on another machine.

    Raises:
        ValueError: Neither names any classes, because they may only be in the annotations.
    """
    type_classes = getattr(DATASETS.get(config.type), 'METAINFO', {})
    config_classes = {'classes': config.get('classes')} if config.get('classes') else {}
    classes = {**type_classes, **config_classes, **config.get('metainfo', {})}.get('classes')
    if not classes:
        raise ValueError(
            f'The config of {config.type} does not name its classes. Set '
            "metainfo=dict(classes=['Gun', 'Knife'])."
        )
    return tuple(classes)
