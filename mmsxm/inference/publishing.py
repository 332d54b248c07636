"""Checkpoints for sharing: weights only, with a digest in the file name."""

from pathlib import Path

import torch
from mmengine.runner import CheckpointLoader

import mmsxm.registry  # noqa: F401, restricts what loading a checkpoint can execute
from mmsxm.engine.checkpoints import find_checkpoint
from mmsxm.inference.calibration import KEY as CALIBRATION
from mmsxm.io.files import sha256

__all__ = ['publish']

KEPT = ('dataset_meta', 'cfg', 'epoch', CALIBRATION)  # keys of the meta to keep


def publish(source: Path, out: Path) -> Path:
    """Write weights, class names and calibration of ``source`` to a file named by digest.

    Optimizer, schedules and logs are dropped. The digest is the first eight digits of the SHA-256
    of the file, as in the model zoo of OpenMMLab.

    Args:
        source: A checkpoint, or a work directory to use its latest one.
        out: Output file; the digest is added to the name of ``out``.

    Returns:
        The path of the written file.

    Raises:
        FileNotFoundError: There is no checkpoint.
        ValueError: The file is not a checkpoint of a training run.
    """
    path = find_checkpoint(source)
    checkpoint = CheckpointLoader.load_checkpoint(path, map_location='cpu')
    if 'state_dict' not in checkpoint:
        raise ValueError(
            f'{path} is not a checkpoint of a training run: it has no state_dict. Name a '
            'checkpoint that mmsxm train wrote.'
        )
    meta = checkpoint.get('meta', {})
    kept = {key: meta[key] for key in KEPT if key in meta}
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({'state_dict': checkpoint['state_dict'], 'meta': kept}, out)
    digest = sha256(out)[:8]
    return out.replace(out.with_name(f'{out.stem}-{digest}{out.suffix}'))
