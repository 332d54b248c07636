"""Our networks by name: ``mmpretrain.get_model('sxmnet-resnet50_sixray')``."""

from mmpretrain.apis.model import ModelHub

from mmsxm import datasets, engine, evaluation, models  # noqa: F401  building by name needs them
from mmsxm.paths import MIM

__all__ = ['register_names']


def register_names() -> None:
    """Add ``model-index.yml`` to mmpretrain's names; where MIM's files are missing, add none."""
    index = MIM / 'model-index.yml'
    if index.is_file() and not ModelHub.has('sxmnet-resnet50_sixray'):
        ModelHub.register_model_index(index.resolve(), config_prefix=MIM.resolve())
