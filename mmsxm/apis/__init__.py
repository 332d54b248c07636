"""What tools call: one function each, that knows all parts of the package.

Importing it makes our networks known to mmpretrain by name.
"""

from mmsxm import registry  # noqa: F401  mmpretrain may need our repairs to be imported at all
from mmsxm.apis.model_names import register_names
from mmsxm.inference.inferencer import XrayInferencer

__all__ = ['XrayInferencer']

register_names()
