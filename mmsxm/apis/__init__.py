"""Python API of the package, in the layout that OpenMMLab projects use.

Importing it registers the networks of this package with mmpretrain by name, so that
``mmpretrain.get_model('sxmnet-resnet50_sixray')`` finds them.
"""

from mmsxm import registry  # noqa: F401  applies the fixes that importing mmpretrain may need

# isort: split

from mmpretrain.apis.model import ModelHub

from mmsxm import MIM, datasets, engine, evaluation, models  # noqa: F401  registers them by name
from mmsxm.inference.inferencer import XrayInferencer
from mmsxm.inference.station_inferencer import StationInferencer
from mmsxm.training.config import load_config
from mmsxm.training.test import build_test
from mmsxm.training.train import train

__all__ = ['StationInferencer', 'XrayInferencer', 'build_test', 'load_config', 'train']


def register_names() -> None:
    """Register the models of ``model-index.yml`` with mmpretrain, if MIM files are installed."""
    index = MIM / 'model-index.yml'
    if index.is_file() and not ModelHub.has('sxmnet-resnet50_sixray'):
        ModelHub.register_model_index(index.resolve(), config_prefix=MIM.resolve())


register_names()
