"""Repairs that today's torch needs to run mmengine, mmcv and mmpretrain.

Each repair is a function that states what is broken without it, and changes nothing where nothing
is broken. :mod:`mmsxm.registry` calls :func:`apply` for those that importing and loading need.
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
    'mmsxm needs mmengine, mmcv and mmpretrain, and {missing} is not installed. Install one of '
    'the two stacks: pip install onedl-mmengine onedl-mmcv onedl-mmpretrain (maintained), or '
    'pip install mmengine mmcv-lite mmpretrain (the original); never both in one environment.'
)


def apply() -> None:
    """Apply the repairs that importing and loading need; later calls do nothing."""
    require_stack()
    repair_torchvision()
    import_quietly()
    # not at the top: it imports mmengine, which require_stack must find first
    from mmsxm.safe_checkpoints import register_safe_loaders

    register_safe_loaders()


def require_stack() -> None:
    """Raise ImportError with the command that helps when no OpenMMLab stack is installed."""
    for package in ('mmengine', 'mmcv', 'mmpretrain'):
        if importlib.util.find_spec(package) is None:
            raise ImportError(NO_STACK.format(missing=package))


# ---------------------------------------------------------------------------- torchvision

_torchvision_schemas: list[torch.library.Library] = []  # a Library undoes itself when collected


def repair_torchvision() -> None:
    """Let torchvision import beside a torch that it was not compiled for.

    mmpretrain imports torchvision and uses its Python parts alone. A torchvision whose compiled
    operators don't load (a CPU torch beside the registry's CUDA build) fails at import, because
    it attaches shape functions to operators that nobody declared. Declaring their schemas is
    enough; calling one of these operators still fails, as it should.
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
    """Import mmpretrain without the messages that say nothing about the user's environment.

    OneDL's packages print that an optional package is missing, and the light builds of mmcv warn
    about operators that nothing here uses. What else is printed goes to standard error, because
    commands write their results to standard output.
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
    """Start gloo where ``torchrun`` runs on a machine without a GPU, and wrap the model for it.

    mmengine's own start selects a CUDA device and hands it to the wrapper. It keeps a process
    group that already exists, so starting one here is enough. Changes ``cfg.model_wrapper_cfg``.
    """
    if torch.cuda.is_available():
        return
    if not torch.distributed.is_initialized():  # a job of two stages reads two configs
        torch.distributed.init_process_group('gloo')
    cfg.setdefault(
        'model_wrapper_cfg',
        dict(
            type='MMDistributedDataParallel',
            device_ids=None,
            broadcast_buffers=False,  # as mmengine has it on GPUs; SyncBuffersHook does it
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        ),
    )


def leave_process_group() -> None:
    """End what :func:`init_cpu_process_group` or mmengine began, where anything was begun.

    A process that exits inside of a gloo group may be aborted after all its work is done; so may
    one that keeps a wrapped model until then, which holds on to the group.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        gc.collect()  # a runner and its model refer to one another
        torch.distributed.destroy_process_group()
