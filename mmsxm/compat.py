"""Workarounds that mmengine, mmcv and mmpretrain need to run with current versions of torch.

Each workaround is a function that documents the problem. It changes nothing where the problem does
not occur. :mod:`mmsxm.registry` calls :func:`apply` for those that imports and loading need.
"""

import contextlib
import gc
import importlib.util
import io
import sys
import warnings
from typing import Any

import torch

NO_STACK = (
    'mmsxm needs mmengine, mmcv and mmpretrain, but {missing} is not installed. Install one of '
    'the two stacks, never both in one environment: '
    'pip install onedl-mmengine onedl-mmcv onedl-mmpretrain (maintained), or '
    'pip install mmengine mmcv-lite mmpretrain (the original).'
)


def apply() -> None:
    """Apply the workarounds that imports and loading need; later calls do nothing."""
    require_stack()
    repair_torchvision()
    import_quietly()
    # imported here because it imports mmengine, which require_stack must find first
    from mmsxm.safe_checkpoints import register_safe_loaders

    register_safe_loaders()


def require_stack() -> None:
    """Raise ImportError with the install command if no OpenMMLab stack is installed."""
    for package in ('mmengine', 'mmcv', 'mmpretrain'):
        if importlib.util.find_spec(package) is None:
            raise ImportError(NO_STACK.format(missing=package))


# ---------------------------------------------------------------------------- torchvision

# a Library is unregistered when it is garbage-collected
_torchvision_schemas: list[torch.library.Library] = []


def repair_torchvision() -> None:
    """Make torchvision importable with a torch that it was not compiled for.

    mmpretrain imports torchvision and uses only its Python parts. If the compiled operators of
    torchvision do not load (a CPU build of torch with the CUDA build of torchvision from PyPI), its
    import fails because it attaches shape functions to undeclared operators. Declaring the schemas
    of these operators is enough. Calling one of them still fails, as it should.
    """
    try:
        importlib.import_module('torchvision')
        return
    except RuntimeError as error:
        if 'torchvision::' not in str(error):
            raise
    for name in [name for name in sys.modules if name.split('.')[0] == 'torchvision']:
        del sys.modules[name]
    library = torch.library.Library('torchvision', 'FRAGMENT')
    library.define('nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
    library.define('qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
    _torchvision_schemas.append(library)
    importlib.import_module('torchvision')


# ---------------------------------------------------------------------------- output


NOISE = {'Could not import OneDL', 'False'}  # lines that OneDL's packages print when imported


def import_quietly() -> None:
    """Import mmpretrain without messages that do not concern the user.

    OneDL's packages print that an optional package is missing, and the lite builds of mmcv warn
    about operators that are not used here. Other messages go to standard error, because commands
    write their results to standard output.
    """
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            warnings.filterwarnings('ignore', 'Fail to import ``MultiScaleDeformableAttention``')
            importlib.import_module('mmpretrain.datasets')
            importlib.import_module('mmpretrain.models')
    finally:
        for line in printed.getvalue().splitlines():
            if line not in NOISE:
                sys.stderr.write(f'{line}\n')


# ---------------------------------------------------------------------------- processes


def init_cpu_process_group(cfg: Any) -> None:
    """Start a gloo process group for ``torchrun`` on a machine without a GPU.

    mmengine would select a CUDA device and pass it to the model wrapper. It keeps an existing
    process group, so starting one here is enough. Changes ``cfg.model_wrapper_cfg``.
    """
    if torch.cuda.is_available():
        return
    if not torch.distributed.is_initialized():  # a job with two stages loads two configs
        torch.distributed.init_process_group('gloo')
    cfg.setdefault(
        'model_wrapper_cfg',
        dict(
            type='MMDistributedDataParallel',
            device_ids=None,
            broadcast_buffers=False,  # as mmengine sets it on GPUs; SyncBuffersHook does it
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        ),
    )


def leave_process_group() -> None:
    """Destroy the process group of :func:`init_cpu_process_group` or mmengine, if there is one.

    A process that exits within a gloo group may be aborted after its work is done. The same happens
    if a wrapped model exists until then, because it references the group.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        gc.collect()  # a runner and its model reference each other
        torch.distributed.destroy_process_group()
