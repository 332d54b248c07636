"""The classes of a data set that is not built, since its images may be elsewhere."""

from mmengine.config import ConfigDict

from mmsxm.registry import DATASETS

__all__ = ['configured_classes']


def configured_classes(config: ConfigDict) -> tuple[str, ...]:
    """The classes that a data set's config names, or else those of its type.

    Raises:
        ValueError: When neither names any, as they may stand in the annotations.
    """
    of_type = getattr(DATASETS.get(config.type), 'METAINFO', {})
    given = {'classes': config.get('classes')} if config.get('classes') else {}
    classes = {**of_type, **given, **config.get('metainfo', {})}.get('classes')
    if not classes:
        raise ValueError(
            f'the config of {config.type} does not name its classes: set '
            "metainfo=dict(classes=['Gun', 'Knife'])"
        )
    return tuple(classes)
